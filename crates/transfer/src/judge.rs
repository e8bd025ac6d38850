//! Asking the original files about what is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_attack::rng::keyed;
use brinell_data::Dataset;
use brinell_engine::{EngineError, OracleError};
use brinell_ledger::run::Examples;
use brinell_record::Scale;
use brinell_subject::SubjectError;
use brinell_threat::{Ball, fill_uniform};
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::TransferError;
use crate::contender::{Answer, Contender};
use crate::journal::{Journal, Shown};

/// Images between two lines of the journal.
const CHUNK: usize = 32;
/// Images without an answer, from the first, after which a model counts as silent.
const SILENT: usize = 3;

/// What one model says of all that it was shown.
pub(crate) type Said = Vec<(Shown, Vec<Answer>)>;

/// What is the same for all that is asked.
pub(crate) struct Judge<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) ball: &'a Ball,
    pub(crate) seed: u64,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) journal: &'a Journal,
    /// Images that each source has examples of, in order.
    pub(crate) made: &'a [Vec<usize>],
}

impl Judge<'_> {
    /// Asks each model about what `wanted` gives for its number, side by side, and returns the answers by model.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) fn ask_all(
        &self,
        contenders: &mut [Contender],
        wanted: &(dyn Fn(usize) -> Vec<Shown> + Sync),
        pool: &rayon::ThreadPool,
    ) -> Result<Vec<Said>, TransferError> {
        let one = |(model, contender): (usize, &mut Contender)| {
            wanted(model)
                .into_iter()
                .map(|shown| Ok((shown, self.ask(contender, model, shown)?)))
                .collect::<Result<Vec<_>, TransferError>>()
        };
        pool.install(|| contenders.par_iter_mut().enumerate().map(one).collect())
    }

    /// Images that are shown.
    fn samples(&self, shown: Shown) -> Vec<usize> {
        match shown {
            Shown::Clean | Shown::Noise => (0..self.data.n).collect(),
            Shown::Example(source) | Shown::Shuffled(source) => self.made.get(source).cloned().unwrap_or_default(),
        }
    }

    fn ask(&self, contender: &mut Contender, model: usize, shown: Shown) -> Result<Vec<Answer>, TransferError> {
        let samples = self.samples(shown);
        let mut answers = self.journal.known.get(&(shown, model)).cloned().unwrap_or_default();
        answers.truncate(samples.len());
        let mut points =
            Points { judge: self, shown, samples: &samples, reader: None, x: vec![0.0; self.data.sample_len()], other: Vec::new() };
        let mut buffer = Vec::new();
        while answers.len() < samples.len() {
            let from = answers.len();
            for place in from..samples.len().min(from + CHUNK) {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(TransferError::Interrupted);
                }
                let Some(&sample) = samples.get(place) else { break };
                points.write(place)?;
                match contender.ask(&points.x, &mut buffer, sample) {
                    Ok(answer) => answers.push(answer),
                    Err(error) => {
                        let answer = no_answer(contender, error, shown == Shown::Clean, &answers)?;
                        answers.push(answer);
                    }
                }
            }
            self.journal.answered(shown, model, from, answers.get(from..).unwrap_or_default())?;
        }
        Ok(answers)
    }
}

/// Takes it that a server did not answer; a file that cannot be run is an error, and so is a server that never answers.
pub(crate) fn no_answer(contender: &Contender, error: OracleError, clean: bool, before: &[Answer]) -> Result<Answer, TransferError> {
    let model = contender.name.clone();
    match error {
        OracleError::Engine(EngineError::Interrupted) => Err(TransferError::Interrupted),
        error if contender.case.subject.endpoint.is_none() => {
            Err(TransferError::Model { model, source: Box::new(SubjectError::from(error)) })
        }
        error if clean && before.len() + 1 >= SILENT && before.iter().all(|answer| *answer == Answer::None) => {
            Err(TransferError::NoAnswer { model, source: Box::new(error) })
        }
        _ => Ok(Answer::None),
    }
}

/// The points that are shown, one after the other.
struct Points<'a> {
    judge: &'a Judge<'a>,
    shown: Shown,
    samples: &'a [usize],
    reader: Option<Examples>,
    x: Vec<f32>,
    other: Vec<f32>,
}

impl Points<'_> {
    fn read(&mut self, source: usize, sample: usize) -> Result<Vec<f32>, TransferError> {
        if self.reader.is_none() {
            self.reader = Some(self.judge.journal.reader(source)?);
        }
        match &mut self.reader {
            Some(reader) => Ok(reader.read(sample as u64)?),
            None => Ok(Vec::new()),
        }
    }

    /// Writes the point of the image in that place into `x`.
    fn write(&mut self, place: usize) -> Result<(), TransferError> {
        let (judge, samples) = (self.judge, self.samples);
        let Some(&sample) = samples.get(place) else { return Ok(()) };
        judge.data.sample(sample, Scale::Unit, &mut self.x);
        match self.shown {
            Shown::Clean => {}
            Shown::Noise => {
                let clean = self.x.clone();
                self.other.resize(clean.len(), 0.0);
                fill_uniform(&mut keyed("noise", judge.seed, sample as u64, 0), &mut self.other);
                self.x.iter_mut().zip(&self.other).for_each(|(x, v)| *x += (judge.ball.eps * f64::from(*v)) as f32);
                judge.ball.project(&clean, &mut self.x);
            }
            Shown::Example(source) => self.x = self.read(source, sample)?,
            Shown::Shuffled(source) => {
                // All changes move on by the same drawn number of places, so that no image keeps its own.
                let n = samples.len();
                let by = if n > 1 { 1 + (keyed("shuffled", judge.seed, source as u64, 0).next_u64() % (n as u64 - 1)) as usize } else { 0 };
                let from = samples.get((place + by) % n).copied().unwrap_or(sample);
                let example = self.read(source, from)?;
                let clean = self.x.clone();
                self.other.resize(clean.len(), 0.0);
                judge.data.sample(from, Scale::Unit, &mut self.other);
                self.x.iter_mut().zip(example.iter().zip(&self.other)).for_each(|(x, (adv, own))| *x += adv - own);
                judge.ball.project(&clean, &mut self.x);
            }
        }
        Ok(())
    }
}

/// Opens a runtime of one thread for judges that work side by side.
///
/// # Errors
/// [`TransferError::Model`] where there is none.
pub(crate) fn runtime_of_one(running: &brinell_record::Running) -> Result<Arc<dyn brinell_engine::Runtime>, TransferError> {
    let one = brinell_record::Running { threads: Some(std::num::NonZeroUsize::MIN), ..running.clone() };
    brinell_engine::open(&one).map_err(|error| TransferError::Oracle(error.into()))
}
