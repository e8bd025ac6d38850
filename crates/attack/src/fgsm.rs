//! Fast gradient sign method: one step of the full radius from the clean input.

use brinell_threat::Norm;

use crate::registry::Entry;
use crate::{Attack, Knowledge, Objective, Recipe, Start, pgd::Walk};

/// `fgsm` in the registry.
pub(crate) static ENTRY: Entry<()> =
    Entry { name: Fgsm::NAME, about: "one step of the full radius", default: || (), make: |()| Ok(Box::new(Fgsm)) };

/// One step of length eps from the clean input: along the sign of the gradient of the cross-entropy (Linf) or its direction (L2),
/// then projected exactly onto ball and box. It has no parameters.
///
/// One run costs one backward and two forwards. Memory per live sample: 3 d floats for Linf, 2 d for L2.
///
/// # Source
/// Goodfellow et al., "Explaining and Harnessing Adversarial Examples", ICLR 2015, section 4; the L2 form is the "fast gradient method".
#[derive(Debug, Clone, Default)]
pub struct Fgsm;

impl Fgsm {
    /// Name on the command line.
    pub const NAME: &'static str = "fgsm";
}

impl Recipe for Fgsm {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn objective(&self) -> Objective {
        Objective::LogOdds
    }

    fn steps(&self) -> u32 {
        1
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        Box::new(Walk::new(start.ball, start.x, start.x.to_vec(), 1.0, 1))
    }

    fn describe(&self) -> String {
        Self::NAME.to_owned()
    }
}
