//! Proofs before attacks: a sample that no allowed change can break needs none.

use std::time::Instant;

use brinell_certify::{Limits, Verdict};
use brinell_ledger::run::StageLine;
use brinell_proof::{limits, write_certificate};

use crate::AuditError;
use crate::events::Event;
use crate::setup::Run;

impl Run<'_> {
    /// Looks for a proof of each of `samples` that is classified right and has none yet, where that is asked for.
    pub(super) fn certify(&mut self, samples: &[usize], pool: &rayon::ThreadPool) -> Result<(), AuditError> {
        let (Some(prover), Some(limit)) = (self.prover.take(), self.question.effort.certify) else { return Ok(()) };
        let open = |&sample: &usize| {
            let state = self.book.states.get(sample);
            state.is_some_and(|state| {
                state.correct() && state.certified.is_none() && self.case.target.is_none_or(|target| state.label.class() != Some(target))
            })
        };
        let todo: Vec<usize> = samples.iter().copied().filter(open).collect();
        let done = samples.len() - todo.len();
        self.observer.event(Event::StageStarted { name: "certify", attacked: samples.len(), done, surviving: self.book.standing });
        for sample in todo {
            self.check_stop()?;
            let begun = Instant::now();
            let x = self.case.sample(sample);
            let label = self.case.data.label(sample).unwrap_or(usize::MAX);
            let ball = self.case.ball.clone();
            // What can be broken is for the attacks to show: nothing is judged here, so that a search ends as soon as a proof is out of reach.
            let limits = Limits { evidence: prover.checker().is_ok(), ..limits(limit as f64, self.stop) };
            let outcome = pool.install(|| prover.decide(&x, label, self.case.target, &ball, limits, &mut |_| true))?;
            self.check_stop()?;
            let certified = matches!(outcome.verdict, Verdict::Certified);
            if let Some(evidence) = outcome.evidence {
                write_certificate(self.book.folder.path(), &self.case, &prover, sample, evidence)?;
            }
            let line = StageLine::Proof { sample: sample as u64, certified, seconds: begun.elapsed().as_secs_f64() };
            self.book.folder.keep(&line, None)?;
            self.book.apply(&line);
            self.observer.event(Event::SampleDone { surviving: self.book.standing });
        }
        self.observer.event(Event::StageEnded);
        self.prover = Some(prover);
        Ok(())
    }
}
