//! Which samples an audit takes, in which order, and when it has seen enough.

use std::path::Path;

use brinell_engine::Preprocess;
use brinell_record::SampleRecord;
use brinell_task::Demand;
use brinell_threat::Ball;

use super::setup::Run;
use crate::AuditError;
use brinell_data::NamedArray;

/// Decides which samples an audit takes.
///
/// # Guarantees
/// What is found out about a sample does not depend on the course: only which samples are asked does.
pub trait Course {
    /// What can go wrong in choosing.
    type Error: From<AuditError>;

    /// Returns the samples to take next, none of which was taken before; an empty answer ends the audit.
    ///
    /// # Errors
    /// Where what was found cannot be read or judged again.
    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, Self::Error>;
}

/// The course of `brinell audit`: all samples at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whole {
    taken: bool,
}

impl Course for Whole {
    type Error = AuditError;

    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, AuditError> {
        Ok(if std::mem::replace(&mut self.taken, true) { Vec::new() } else { taken.samples() })
    }
}

/// What an audit has found out so far.
pub struct Taken<'r, 'a> {
    pub(super) run: &'r mut Run<'a>,
}

impl Taken<'_, '_> {
    /// Returns the number of samples that there are to take.
    #[must_use]
    pub fn available(&self) -> usize {
        self.run.case.data.n
    }

    /// Returns the numbers of these samples in the data, ascending.
    #[must_use]
    pub fn samples(&self) -> Vec<usize> {
        self.run.case.data.samples().collect()
    }

    /// Returns the path of the data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.run.question.population.data
    }

    /// Returns the shape of one sample as the data stores it.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.run.case.data.shape
    }

    /// Returns what happens to a sample before the original file sees it.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.run.case.preprocess
    }

    /// Returns the allowed changes.
    #[must_use]
    pub fn ball(&self) -> &Ball {
        &self.run.case.ball
    }

    /// Returns what is right about a sample, and what an attack wants of it.
    #[must_use]
    pub fn demand(&self, sample: usize) -> Demand {
        self.run.case.demand(sample)
    }

    /// Returns the arrays that say of these samples what is right, for files beside their inputs.
    #[must_use]
    pub fn facts(&self, samples: &[usize]) -> Vec<NamedArray> {
        crate::facts::of(&self.run.case, samples)
    }

    /// Returns the line of a sample that was taken.
    #[must_use]
    pub fn record(&self, sample: usize) -> Option<SampleRecord> {
        self.run.book.sample_record(sample)
    }

    /// Reads a sample in the declared scale.
    #[must_use]
    pub fn input(&self, sample: usize) -> Vec<f32> {
        self.run.case.sample(sample)
    }

    /// Returns what the inputs that are not attacked are held at for these samples.
    #[must_use]
    pub fn arrays(&self, samples: &[usize]) -> Vec<NamedArray> {
        self.run.case.data.rows_of(samples)
    }

    /// Reads the adversarial input of a broken sample.
    ///
    /// # Errors
    /// [`AuditError::Ledger`].
    pub fn adversarial(&mut self, sample: usize) -> Result<Vec<f32>, AuditError> {
        Ok(self.run.book.folder.adversarial(sample as u64)?)
    }
}
