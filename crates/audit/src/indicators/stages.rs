//! What the stages counted besides verdicts.

use super::super::setup::Run;
use super::super::state::Tally;
use crate::flags::{ASTRAY, BUDGET, DISAGREEMENT, NON_FINITE_UNDER_ATTACK, SMALL_SAMPLE, TARGET_IS_LABEL};
use brinell_stats::{CONFIDENCE, clopper_pearson};

impl Run<'_> {
    pub(crate) fn flag_stages(&mut self) {
        let sum = |of: fn(&Tally) -> usize| self.book.tallies.iter().map(of).sum::<usize>();
        let (rejected, non_finite, exhausted) = (sum(|t| t.rejected), sum(|t| t.non_finite), sum(|t| t.exhausted));
        self.flags.measure(&DISAGREEMENT, rejected as f64, || {
            format!(
                "{rejected} times an attack's success was not confirmed on the original file at batch 1; such points count as not broken"
            )
        });
        let astray = self.astray + sum(|t| t.astray);
        self.flags.measure(&ASTRAY, astray as f64, || {
            format!(
                "{astray} times the model, asked about several samples at once, said something else than when it was asked about one of them alone, by far more \
                 than rounding explains: attacks were told about other samples than theirs, or about another model than the file"
            )
        });
        self.flags.measure(&NON_FINITE_UNDER_ATTACK, non_finite as f64, || {
            format!("the model returned NaN or infinity for {non_finite} samples under attack; such points count as not broken")
        });
        if self.question.effort.max_queries.is_some() {
            self.flags.measure(&BUDGET, exhausted as f64, || {
                format!("the query limit ended {exhausted} attacks early, so the survivors were attacked less than the suite would")
            });
        }
        if let Some(target) = self.case.target {
            let same = self.book.states.iter().filter(|state| state.label.class() == Some(target)).count();
            self.flags.measure(&TARGET_IS_LABEL, same as f64, || {
                format!(
                    "{same} samples have the target class as their label; they cannot be attacked and count as surviving where they are right"
                )
            });
        }
        let n = self.book.states.len();
        self.flags.measure(&SMALL_SAMPLE, n as f64, || {
            let (_, unseen) = clopper_pearson(0, n as u64, CONFIDENCE);
            let plural = if n == 1 { "" } else { "s" };
            format!(
                "with {n} sample{plural} an outcome that was never seen may still have a rate of up to {:.0} %; give more samples for narrower intervals",
                100.0 * unseen
            )
        });
        self.flag_labels();
        self.flag_optimisation();
        self.flag_black_box_stages();
    }
}
