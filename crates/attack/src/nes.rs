//! Natural evolution strategies: gradients estimated from normal probes.

use crate::estimate::{Draw, Estimate, EstimateConfig, Flavour};
use crate::registry::Entry;

/// The attack `nes`: an [`Estimate`] from probes with normal elements.
///
/// # Source
/// Ilyas, Engstrom, Athalye, Lin, "Black-box Adversarial Attacks with Limited Queries and Information", ICML 2018, Algorithm 1 and section 2.2. Its code
/// raises the cross-entropy of a target with steps that shrink when progress stalls; here it is the margin, of any goal, with steps that shrink on a
/// fixed plan, and probes are kept inside ball and box.
pub static NES: Flavour = Flavour { name: "nes", draw: Draw::Normal, default: EstimateConfig::DEFAULT };

/// `nes` in the registry.
pub(crate) static ENTRY: Entry<EstimateConfig> = Entry {
    name: NES.name,
    about: "steps along gradients that are estimated from scores at Gaussian random points",
    default: || NES.default.clone(),
    make: |config| Ok(Box::new(Estimate::new(&NES, config)?)),
};
