//! Training, validation and test samples of a run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_data::npz::{column, write_inputs};
use brinell_data::{Dataset, load};
use brinell_record::{FileError, Population};
use brinell_subject::Case;

use crate::HardenError;
use crate::ask::Ask;
use crate::samples::{Samples, share};

/// Samples to train on, to choose by, and where those lie that judge.
pub(crate) struct Parts {
    pub(crate) train: Samples,
    pub(crate) validation: Samples,
    /// Digests of what was trained on or chosen by.
    pub(crate) seen: HashSet<String>,
    /// Test samples, where they were split off the training samples.
    pub(crate) test: Option<Samples>,
    pub(crate) notes: Vec<String>,
}

/// Least numbers of samples.
const LEAST: [(&str, usize); 3] = [("training", 2), ("validation", 10), ("test", 10)];
/// Share of a part that may stand in the training data, too: such samples are then left out of training.
const SHARED: f64 = 0.01;

impl Parts {
    /// Puts samples apart. Validation samples that also stand in the training data are left out there.
    ///
    /// # Errors
    /// [`HardenError::Overlap`] where these are many, [`HardenError::SameFile`], [`HardenError::TooFew`], [`HardenError::Data`].
    pub(crate) fn new(ask: &Ask, case: &Case) -> Result<Self, HardenError> {
        let train = &ask.question.population.data;
        let given = |part: &Option<Population>| part.as_ref().map(|population| population.data.clone());
        let files = [("training", Some(train.clone())), ("validation", given(&ask.validation)), ("test", given(&ask.test))];
        refuse_same(&files)?;
        let mut samples = Samples::all(Arc::clone(&case.data), case.scale);
        let digests = samples.digests();
        let mut notes = Vec::new();
        let share = share(samples.len());
        let own = case.subject.load_options(&ask.question.population)?;
        let validation = match &ask.validation {
            Some(population) => {
                let options = brinell_data::LoadOptions { labels: population.labels.as_ref().map(Into::into), limit: population.n, ..own };
                let data = load(&population.data, &options)?;
                fits(&data, case, "validation")?;
                let validation = Samples::all(Arc::new(data), case.scale);
                let of_validation: HashSet<String> = validation.digests().into_iter().collect();
                let shared = samples.without(&digests, &of_validation);
                if shared as f64 > SHARED * validation.len() as f64 {
                    return Err(HardenError::Overlap { part: "validation", shared, n: validation.len(), path: train.clone() });
                }
                if shared > 0 {
                    notes.push(format!("{shared} training samples are also in the validation data and were not used for training"));
                }
                validation
            }
            None => {
                let (rest, validation) = samples.split(&digests, share, 0.0);
                samples = rest;
                validation
            }
        };
        let test = match &ask.test {
            Some(_) => None,
            None => {
                let digests = samples.digests();
                // The other end of the digests, so that both may be split off.
                let (rest, test) = samples.split(&digests, share, 1.0 - share);
                samples = rest;
                Some(test)
            }
        };
        let found = [samples.len(), validation.len(), test.as_ref().map_or(usize::MAX, Samples::len)];
        for ((part, least), n) in LEAST.into_iter().zip(found) {
            if n < least {
                return Err(HardenError::TooFew { part, n, least });
            }
        }
        let seen = samples.digests().into_iter().chain(validation.digests()).collect();
        Ok(Self { train: samples, validation, seen, test, notes })
    }

    /// Returns the test samples, and the same as an audit reads them. A file is read now and not before; what training or the choice of the epoch has seen is left out.
    ///
    /// # Errors
    /// [`HardenError::Overlap`] where most of the file was seen, [`HardenError::File`], [`HardenError::Data`].
    pub(crate) fn test(&mut self, ask: &Ask, case: &Case, folder: &Path) -> Result<(Population, Samples), HardenError> {
        let path = folder.join("test.npz");
        let (samples, note) = match (&self.test, &ask.test) {
            (Some(samples), _) => (samples.clone(), None),
            (None, Some(population)) => {
                let own = case.subject.load_options(&ask.question.population)?;
                let options = brinell_data::LoadOptions { labels: population.labels.as_ref().map(Into::into), limit: population.n, ..own };
                let data = load(&population.data, &options)?;
                fits(&data, case, "test")?;
                let mut samples = Samples::all(Arc::new(data), case.scale);
                let n = samples.len();
                let digests = samples.digests();
                let shared = samples.without(&digests, &self.seen);
                if shared == 0 {
                    return Ok((Population { classes: ask.question.population.classes.clone(), ..population.clone() }, samples));
                }
                if shared * 2 > n {
                    return Err(HardenError::Overlap { part: "test", shared, n, path: ask.question.population.data.clone() });
                }
                (
                    samples,
                    Some(format!("{shared} of {n} test samples were also used for training or validation, and were left out of the test")),
                )
            }
            (None, None) => return Err(HardenError::Internal { what: "there are no test samples".to_owned() }),
        };
        self.notes.extend(note);
        save(&path, &samples)?;
        let own = ask.question.population.clone();
        Ok((Population { data: path, labels: None, sha256: None, n: None, drop: Vec::new(), ..own }, samples))
    }
}

/// Writes samples as an audit reads them.
fn save(path: &Path, samples: &Samples) -> Result<(), HardenError> {
    let ids: Vec<i64> = (0..samples.len() as i64).collect();
    let labels: Vec<i64> = samples.read(0..samples.len()).1.into_iter().map(|label| label as i64).collect();
    write_inputs::<FileError>(path, &ids, &[column("label", labels)], &samples.data.shape, &[], |id| {
        Ok(samples.read([usize::try_from(id).unwrap_or(usize::MAX)]).0)
    })?;
    Ok(())
}

fn fits(data: &Dataset, case: &Case, part: &'static str) -> Result<(), HardenError> {
    if data.shape != case.data.shape {
        return Err(HardenError::Shape { part, found: data.shape.clone(), expected: case.data.shape.clone() });
    }
    Ok(data.check_labels(case.subject.signature.classes)?)
}

/// Refuses a file that is given for two parts.
fn refuse_same(files: &[(&'static str, Option<PathBuf>)]) -> Result<(), HardenError> {
    let real = |path: &Option<PathBuf>| path.as_ref().and_then(|path| path.canonicalize().ok());
    for (i, (first, a)) in files.iter().enumerate() {
        for (second, b) in files.iter().skip(i + 1) {
            if let (Some(a_real), Some(b_real), Some(path)) = (real(a), real(b), b)
                && a_real == b_real
            {
                return Err(HardenError::SameFile { path: path.clone(), first, second });
            }
        }
    }
    Ok(())
}
