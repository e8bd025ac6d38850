//! `--sanity full`: attacks and repetitions of its own on some samples, apart from the record.
//!
//! Each file asks one question whose answer is known for a model that attacks can see: an attack on all inputs of the box breaks everything,
//! a larger ball breaks no fewer, small noise changes little, one who sees less finds less, the same question has the same answer.

mod apart;
mod ladder;
mod noise;
mod repeat;
mod stability;

use brinell_engine::Oracle;
use brinell_record::SanityLevel;

use super::events::Event;
use super::setup::Run;
use crate::AuditError;

/// Samples that the checks use.
const SAMPLES: usize = 64;

impl Run<'_> {
    /// Runs the checks of level `full` where they were asked for.
    pub(super) fn check_sanity(&mut self, oracle: &mut Oracle, pool: &rayon::ThreadPool) -> Result<(), AuditError> {
        if self.question.effort.sanity < SanityLevel::Full {
            return Ok(());
        }
        let mut samples =
            self.book.states.samples(|state| state.correct() && self.case.target.is_none_or(|target| state.label.class() != Some(target)));
        samples.truncate(SAMPLES);
        self.sanity.samples = samples.len();
        if samples.is_empty() {
            return Ok(());
        }
        self.observer.event(Event::StageStarted { name: "sanity", attacked: samples.len(), done: 0, surviving: self.book.standing });
        self.timed(|run| {
            run.check_repetition(oracle, &samples)?;
            run.check_stability(oracle, &samples)?;
            run.check_noise(oracle, &samples)?;
            run.check_ladder(oracle, pool, &samples)
        })?;
        self.observer.event(Event::StageEnded);
        Ok(())
    }
}
