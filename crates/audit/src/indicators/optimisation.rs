//! Did the attacks with gradients do what they are for? Told by the losses that they saw, at no cost.

use super::super::setup::Run;
use super::super::state::State;
use crate::flags::{INCOMPLETE, NO_PROGRESS, SILENT_SUCCESS, ZERO_GRADIENT};

/// A run that made more than this share of its rise in its last steps had not settled.
///
/// # Source
/// Pintor et al., "Indicators of Attack Failure", NeurIPS 2022.
pub(crate) const SETTLED: f64 = 0.05;

impl Run<'_> {
    pub(crate) fn flag_optimisation(&mut self) {
        self.flag_zero_gradients();
        let survivors: Vec<&State> = self.book.states.iter().filter(|state| state.survived_attacks()).collect();
        let lost = survivors.iter().filter(|state| state.refused).count();
        if !survivors.is_empty() {
            self.flags.measure(&SILENT_SUCCESS, lost as f64, || {
                format!(
                    "for {lost} of {} survivors, an attack found points that seemed adversarial, but the original file confirmed none of them; they count as survivors, although only rounding or noise separates them from broken samples",
                    survivors.len()
                )
            });
        }
        let climbed: Vec<&State> = survivors.into_iter().filter(|state| state.gradients).collect();
        // In a ball without extent no loss can rise, and rules of features may leave nothing of one.
        let ruled = self.case.ball.features.as_ref().is_some_and(|features| !features.leave_all());
        // A single value may begin at the end of what it can reach.
        let single = self.case.data.sample_len() == 1;
        if climbed.is_empty() || self.case.ball.eps <= 0.0 || ruled || single {
            return;
        }
        let share = |count: usize| count as f64 / climbed.len() as f64;
        let flat = climbed.iter().filter(|state| state.late_gain.is_none()).count();
        self.flags.measure(&NO_PROGRESS, share(flat), || {
            format!(
                "for {flat} of {} survivors, no attack with gradients raised its loss at all, so these samples were hardly attacked; look for rounding, saturation or another obstacle to gradients in the model, or add an attack without gradients",
                climbed.len()
            )
        });
        let late = climbed.iter().filter(|state| state.late_gain.is_some_and(|gain| gain > SETTLED)).count();
        self.flags.measure(&INCOMPLETE, share(late), || {
            format!(
                "for {late} of {} survivors, the loss of every attack was still rising at the end: more than {:.0} % of its total rise came in the last {} steps; give the attacks more steps",
                climbed.len(),
                100.0 * SETTLED,
                brinell_attack::driver::LATE_STEPS
            )
        });
    }

    fn flag_zero_gradients(&mut self) {
        let stages: Vec<_> =
            self.book.tallies.iter().zip(self.book.stages.iter()).filter(|(tally, _)| tally.queries.backwards > 0).collect();
        let share = |tally: &super::super::state::Tally| tally.zero_gradients as f64 / tally.attacked as f64;
        let Some(worst) = stages.iter().map(|(tally, _)| share(tally)).reduce(f64::max) else { return };
        self.flags.measure(&ZERO_GRADIENT, worst, || {
            let seen: Vec<String> = stages
                .iter()
                .filter(|(tally, _)| tally.zero_gradients > 0)
                .map(|(tally, stage)| format!("{} of {} samples under {}", tally.zero_gradients, tally.attacked, stage.recipe.name()))
                .collect();
            format!(
                "the gradient at the start of the attack was exactly zero for {}; such an attack has no direction, so survival means little",
                seen.join(", ")
            )
        });
    }
}
