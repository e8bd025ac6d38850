//! Which samples are read where there is a limit: as many of each class.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::error::{At, DataError};
use super::input::Input;
use super::labels::{self, Asked};
use super::load::{Format, format};
use super::options::LoadOptions;
use super::rows::Labels;
use super::truths::TruthKind;
use super::{archive, cifar, csv, images, tensors};

/// Returns the numbers of `limit` samples, ascending: of each class the first, then of each class the second, and so on; in the last round, which may not reach
/// all classes, those that stand first. Classes that have fewer leave their places to the others.
///
/// # Guarantees
/// A smaller limit takes a part of what a larger one takes.
#[must_use]
pub fn evenly(labels: &[usize], limit: usize) -> Vec<usize> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let round = |&label: &usize| {
        let next = seen.entry(label).or_default();
        *next += 1;
        *next
    };
    let mut order: Vec<(usize, usize)> = labels.iter().map(round).zip(0..).collect();
    order.sort_unstable();
    let mut taken: Vec<usize> = order.into_iter().take(limit).map(|(_, sample)| sample).collect();
    taken.sort_unstable();
    taken
}

/// Returns the options with the samples that a limit takes, where these have classes; of others it takes the first.
pub(super) fn drawn(path: &Path, options: &LoadOptions) -> Result<LoadOptions, DataError> {
    let (Some(limit), None, TruthKind::Classes) = (options.limit, &options.rows, options.truth) else { return Ok(options.clone()) };
    let rows = classes(path, options)?.filter(|classes| limit < classes.len()).map(|classes| evenly(&classes, limit));
    Ok(LoadOptions { rows, ..options.clone() })
}

/// Reads the class of every sample and nothing else; `None` where there is one sample, or one class for all.
fn classes(path: &Path, options: &LoadOptions) -> Result<Option<Vec<usize>>, DataError> {
    if fs::metadata(path).at(path)?.is_dir() {
        return images::classes(path, options).map(Some);
    }
    let own = match format(path)? {
        Some(Format::Csv) => return csv::classes(path, options),
        Some(Format::Parquet) => return csv::classes_of_parquet(path, options),
        Some(Format::Image) | None => return Ok(None),
        Some(Format::Cifar) => {
            let size = fs::metadata(path).at(path)?.len();
            Some(Labels::One(Input::open(path).and_then(|mut input| cifar::labels(&mut input, size)).at(path)?))
        }
        Some(Format::Npz) => archive::own_labels(path)?,
        Some(Format::Safetensors) => tensors::own_labels(path)?,
        Some(Format::Idx | Format::Npy) => None,
    };
    let (found, of) = match (labels::asked(options)?, own) {
        (Asked::All(_), _) => return Ok(None),
        (Asked::File(file), _) => (labels::read(&file, options)?, Some(file)),
        (Asked::Beside, Some(own)) => (own, None),
        (Asked::Beside, None) => match labels::beside(path)? {
            Some(file) => (labels::read(&file, options)?, Some(file)),
            None => return Ok(None),
        },
    };
    found.classes(options, &mut Vec::new()).at(of.as_deref().unwrap_or(path)).map(Some)
}

/// The samples of a file that are kept.
pub(super) enum Kept {
    First(usize),
    /// These, ascending.
    Rows(Vec<usize>),
}

impl Kept {
    /// What the options keep of `total` samples.
    pub(super) fn of(options: &LoadOptions, total: usize) -> Self {
        match &options.rows {
            Some(rows) => {
                let rows: Vec<usize> = rows.iter().copied().filter(|&row| row < total).collect();
                if rows.iter().copied().eq(0..rows.len()) { Self::First(rows.len()) } else { Self::Rows(rows) }
            }
            None => Self::First(options.limit.map_or(total, |limit| limit.min(total))),
        }
    }

    pub(super) fn n(&self) -> usize {
        match self {
            Self::First(n) => *n,
            Self::Rows(rows) => rows.len(),
        }
    }

    /// The number behind that of the last sample kept.
    pub(super) fn end(&self) -> usize {
        match self {
            Self::First(n) => *n,
            Self::Rows(rows) => rows.last().map_or(0, |last| last + 1),
        }
    }

    /// Their numbers as a data set holds them: none where they are the first.
    pub(super) fn numbers(&self) -> Vec<usize> {
        match self {
            Self::First(_) => Vec::new(),
            Self::Rows(rows) => rows.clone(),
        }
    }

    /// Stretches of samples that follow each other.
    pub(super) fn stretches(&self) -> Vec<Range<usize>> {
        let rows = match self {
            Self::First(n) => return std::iter::once(0..*n).filter(|all| !all.is_empty()).collect(),
            Self::Rows(rows) => rows,
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for &row in rows {
            match found.last_mut() {
                Some(last) if last.end == row => last.end += 1,
                _ => found.push(row..row + 1),
            }
        }
        found
    }

    /// Keeps of values, `width` for each sample, those of the samples kept.
    pub(super) fn pick<T>(&self, mut values: Vec<T>, width: usize) -> Vec<T> {
        match self {
            Self::First(n) => {
                values.truncate(n * width);
                values
            }
            Self::Rows(rows) => {
                let mut next = rows.iter().copied().peekable();
                let mut sample = 0;
                let mut place = 0;
                values.retain(|_| {
                    while next.peek().is_some_and(|&row| row < sample) {
                        next.next();
                    }
                    let kept = next.peek() == Some(&sample);
                    place += 1;
                    if place == width {
                        (place, sample) = (0, sample + 1);
                    }
                    kept
                });
                values
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_as_many_of_each_class_as_there_are() {
        let sorted = [0, 0, 0, 0, 1, 1, 2, 2, 2];
        assert_eq!(evenly(&sorted, 3), [0, 4, 6]);
        assert_eq!(evenly(&sorted, 5), [0, 1, 4, 5, 6]);
        // The second class has no third sample.
        assert_eq!(evenly(&sorted, 8), [0, 1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(evenly(&sorted, 100), (0..9).collect::<Vec<_>>());
        assert_eq!(evenly(&[1, 0, 1, 0], 3), [0, 1, 2]);
        assert!(evenly(&[], 3).is_empty());
    }

    #[test]
    fn a_smaller_limit_takes_a_part_of_a_larger_one() {
        let labels: Vec<usize> = (0..200_usize).map(|i| i * i % 7 + i / 150).collect();
        for limit in 1..200 {
            let (small, large) = (evenly(&labels, limit), evenly(&labels, limit + 1));
            assert!(small.len() == limit && small.iter().all(|sample| large.contains(sample)), "{limit}");
        }
    }

    #[test]
    fn values_of_the_samples_kept_are_picked() {
        let kept = Kept::Rows(vec![1, 3]);
        assert_eq!(kept.pick((0..10).collect(), 2), [2, 3, 6, 7]);
        assert_eq!(kept.stretches(), [1..2, 3..4]);
        assert_eq!(Kept::Rows(vec![2, 3, 4, 9]).stretches(), [2..5, 9..10]);
        assert_eq!(Kept::First(2).pick(vec!['a', 'b', 'c'], 1), ['a', 'b']);
        let options = LoadOptions { rows: Some(vec![0, 1, 7]), ..LoadOptions::default() };
        assert!(matches!(Kept::of(&options, 5), Kept::First(2)));
    }
}
