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
                "{rejected} times, the original file did not confirm what an attack found when it was asked about that sample alone; these points do not count as adversarial examples"
            )
        });
        let astray = self.astray + sum(|t| t.astray);
        self.flags.measure(&ASTRAY, astray as f64, || {
            format!(
                "{astray} times, the model's answer for a sample in a batch differed from its answer for that sample alone, by far more than rounding explains; so the attacks got answers about wrong samples, or about another model than the file"
            )
        });
        self.flags.measure(&NON_FINITE_UNDER_ATTACK, non_finite as f64, || {
            format!("the model returned NaN or infinity for {non_finite} samples under attack; these points do not count as adversarial examples")
        });
        if self.question.effort.max_queries.is_some() {
            self.flags.measure(&BUDGET, exhausted as f64, || {
                format!("the query budget ended {exhausted} attacks early, so survivors were attacked less than the suite intends")
            });
        }
        if let Some(target) = self.case.target {
            let same = self.book.states.iter().filter(|state| state.label.class() == Some(target)).count();
            self.flags.measure(&TARGET_IS_LABEL, same as f64, || {
                format!(
                    "{same} samples already have the target class as their label; they cannot be attacked, and count as survivors if the model is right"
                )
            });
        }
        let n = self.book.states.len();
        self.flags.measure(&SMALL_SAMPLE, n as f64, || {
            let (_, unseen) = clopper_pearson(0, n as u64, CONFIDENCE);
            let plural = if n == 1 { "" } else { "s" };
            format!(
                "with only {n} sample{plural}, something that never happened may still have a true rate of up to {:.0} %; give more samples for narrower intervals",
                100.0 * unseen
            )
        });
        self.flag_labels();
        self.flag_optimisation();
        self.flag_black_box_stages();
    }
}
