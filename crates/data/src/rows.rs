//! Labels as a file states them, before it is known which classes they mean.

use super::error::DataErrorKind;
use super::note::Note;
use super::number::Number;
use super::options::LoadOptions;

/// Labels of samples, in their order.
pub(super) enum Labels {
    /// One class each, by its index.
    One(Vec<usize>),
    /// One class each, looked up already.
    Known(Vec<usize>),
    /// One class for all.
    OneForAll { class: usize, samples: usize },
    /// One class each, by a row of zeros with a single 1.
    OneHot { classes: usize, labels: Vec<usize> },
    /// One class each, by its name.
    Names(Vec<String>),
    /// Any number of classes each.
    Many(ManyLabels),
}

/// Labels of samples that may have several classes at once, or none: one 0 or 1 for each sample and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyLabels {
    /// Number of classes.
    pub classes: usize,
    /// Whether a sample has a class: by sample, then by class.
    pub values: Vec<bool>,
}

impl ManyLabels {
    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.values.len() / self.classes.max(1)
    }

    /// Fewest and most classes that a sample has.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let counts = || self.values.chunks(self.classes.max(1)).map(|row| row.iter().filter(|&&has| has).count());
        (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
    }
}

impl Labels {
    /// Reads the numbers of an array: `[n]` or `[n, 1]` class indices, or `[n, classes]` zeros and ones.
    pub(super) fn of_numbers(numbers: &[Number], sizes: &[usize]) -> Result<Self, DataErrorKind> {
        let shape = || DataErrorKind::Shape {
            found: sizes.to_vec(),
            expected: "one label per sample, [n] or [n, 1], or one row of zeros and ones per sample, [n, classes]",
        };
        let Some((_, rest)) = sizes.split_first() else { return Err(shape()) };
        let width: usize = rest.iter().product();
        if width == 1 {
            let class = |(sample, number): (usize, &Number)| {
                number.class().ok_or_else(|| DataErrorKind::BadLabel { sample, value: number.to_string() })
            };
            return Ok(Self::One(numbers.iter().enumerate().map(class).collect::<Result<_, _>>()?));
        }
        let bits: Option<Vec<bool>> = numbers
            .iter()
            .map(|number| match number.whole() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            })
            .collect();
        let values = bits.filter(|bits| !bits.is_empty() && rest.iter().filter(|size| **size != 1).count() == 1).ok_or_else(shape)?;
        let many = ManyLabels { classes: width, values };
        if many.counts() != (1, 1) {
            return Ok(Self::Many(many));
        }
        let labels = many.values.chunks(width).filter_map(|row| row.iter().position(|&has| has)).collect();
        Ok(Self::OneHot { classes: width, labels })
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(labels) | Self::Known(labels) | Self::OneHot { labels, .. } => labels.len(),
            Self::OneForAll { samples, .. } => *samples,
            Self::Names(names) => names.len(),
            Self::Many(many) => many.samples(),
        }
    }

    /// Returns the one class of each sample.
    pub(super) fn classes(self, options: &LoadOptions, notes: &mut Vec<Note>) -> Result<Vec<usize>, DataErrorKind> {
        match self {
            // Classes that have numbers for names are called by these.
            Self::One(numbers) if options.only_names => numbers.iter().map(|number| Ok(options.class(&number.to_string())?)).collect(),
            Self::One(labels) | Self::Known(labels) => Ok(labels),
            Self::OneForAll { class, samples } => Ok(vec![class; samples]),
            Self::OneHot { classes, labels } => {
                notes.push(Note::OneHot { classes });
                Ok(labels)
            }
            Self::Names(names) => {
                let class =
                    |(sample, name): (usize, &String)| options.class(name).map_err(|unknown| DataErrorKind::LabelName { sample, unknown });
                names.iter().enumerate().map(class).collect()
            }
            Self::Many(labels) => Err(DataErrorKind::ManyLabels { labels }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[i128], sizes: &[usize]) -> Result<Labels, DataErrorKind> {
        Labels::of_numbers(&numbers.iter().map(|&number| Number::Whole(number)).collect::<Vec<_>>(), sizes)
    }

    #[test]
    fn rows_with_a_single_one_are_classes_and_others_are_many() {
        assert!(matches!(of(&[0, 1, 1, 0, 0, 1], &[3, 2]), Ok(Labels::OneHot { classes: 2, labels }) if labels == [1, 0, 1]));
        let Ok(Labels::Many(many)) = of(&[0, 1, 1, 1, 0, 0], &[3, 2]) else { unreachable!("a row has two") };
        assert_eq!((many.samples(), many.counts()), (3, (0, 2)));
        let error = Labels::Many(many).classes(&LoadOptions::default(), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("between 0 and 2 of 2 classes"), "{error}");
        assert!(matches!(of(&[2, 0], &[2, 1]), Ok(Labels::One(labels)) if labels == [2, 0]));
        for (numbers, sizes) in [(vec![1, 2, 3], vec![1, 3]), (vec![1; 8], vec![2, 2, 2]), (vec![1], vec![]), (vec![], vec![0, 3])] {
            assert!(matches!(of(&numbers, &sizes), Err(DataErrorKind::Shape { .. })), "{sizes:?}");
        }
    }
}
