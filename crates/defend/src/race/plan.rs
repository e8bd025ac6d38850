//! Which attacks each move is made of.

use brinell_attack::{Recipe, recipe};
use brinell_engine::Bridge;
use brinell_record::MoveKind;
use brinell_threat::Norm;

use crate::DefendError;

/// One attack of a round.
pub(crate) struct Step {
    pub(crate) kind: MoveKind,
    pub(crate) what: What,
}

/// What a step does.
pub(crate) enum What {
    /// Makes examples on the model without a defence; elsewhere these are tried.
    Made {
        recipe: Box<dyn Recipe>,
        /// Stops at the first success.
        first: bool,
    },
    /// Attacks the file of the round, with gradients that pass its defence like that.
    Attack { recipe: Box<dyn Recipe>, bridge: Bridge },
}

impl Step {
    pub(crate) fn recipe(&self) -> &dyn Recipe {
        match &self.what {
            What::Made { recipe, .. } | What::Attack { recipe, .. } => recipe.as_ref(),
        }
    }

    /// Returns what the record calls it.
    pub(crate) fn describe(&self) -> String {
        match &self.what {
            What::Attack { recipe, bridge: Bridge::Whole } => format!("{} around the defence", recipe.describe()),
            _ => self.recipe().describe(),
        }
    }
}

/// Short steps that stop at the first success.
const FIRST: &[&str] = &["pgd:steps=40,step=0.1,random-start=false"];
/// Attacks that go on to their end.
const STRONGEST: &[&str] = &["pgd:steps=40,step=0.1", "apgd-margin"];
/// Of the defended file. Long, middling and short steps: where a defence has stairs, short ones see none.
const ADAPTIVE: &[(&str, Bridge)] = &[
    ("pgd:steps=100,step=0.1", Bridge::Steps),
    ("apgd-ce", Bridge::Steps),
    ("apgd-margin", Bridge::Steps),
    ("apgd-margin", Bridge::Whole),
];
const STRONGER: &[(&str, Bridge)] = &[
    ("pgd:steps=100,step=0.25,restarts=3", Bridge::Steps),
    ("pgd:steps=100,step=0.025,restarts=3", Bridge::Steps),
    ("apgd-t", Bridge::Steps),
    ("apgd-margin:restarts=5", Bridge::Whole),
    ("square:queries=5000", Bridge::Steps),
];

/// Returns the steps of every round, in their order, as far as they work in the norm.
///
/// # Errors
/// [`DefendError::Attack`].
pub(crate) fn steps(norm: Norm) -> Result<Vec<Step>, DefendError> {
    let mut steps = Vec::new();
    let mut add = |kind, text: &str, what: &dyn Fn(Box<dyn Recipe>) -> What| -> Result<(), DefendError> {
        let recipe = recipe(text)?;
        if recipe.norms().contains(&norm) {
            steps.push(Step { kind, what: what(recipe) });
        }
        Ok(())
    };
    for text in FIRST {
        add(MoveKind::FirstSuccess, text, &|recipe| What::Made { recipe, first: true })?;
    }
    for text in STRONGEST {
        add(MoveKind::Strongest, text, &|recipe| What::Made { recipe, first: false })?;
    }
    for (kind, list) in [(MoveKind::Adaptive, ADAPTIVE), (MoveKind::Stronger, STRONGER)] {
        for &(text, bridge) in list {
            add(kind, text, &|recipe| What::Attack { recipe, bridge })?;
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_norm_of_a_race_has_every_move() {
        for norm in [Norm::Linf, Norm::L2] {
            let steps = steps(norm).unwrap();
            for kind in MoveKind::ALL {
                assert!(steps.iter().any(|step| step.kind == kind), "{kind:?}");
            }
            assert!(steps.is_sorted_by_key(|step| step.kind), "moves come in their order");
            assert!(steps.iter().any(|step| !step.recipe().needs_gradient()));
        }
    }
}
