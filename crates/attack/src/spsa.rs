//! Simultaneous perturbation: gradients estimated from probes of random signs.

use crate::estimate::{Draw, Estimate, EstimateConfig, Flavour};
use crate::registry::Entry;

/// The attack `spsa`: an [`Estimate`] from probes whose elements are random signs.
///
/// # Source
/// Uesato, O'Donoghue, van den Oord, Kohli, "Adversarial Risk and the Dangers of Evaluating Against Weak Attacks", ICML 2018, Algorithm 1, after Spall,
/// 1992. The paper feeds the estimate to Adam; here momentum and signs take its place, and probes are kept inside ball and box.
pub static SPSA: Flavour = Flavour { name: "spsa", draw: Draw::Sign, default: EstimateConfig { sigma: 0.01, ..EstimateConfig::DEFAULT } };

/// `spsa` in the registry.
pub(crate) static ENTRY: Entry<EstimateConfig> = Entry {
    name: SPSA.name,
    about: "steps along gradients that are estimated from scores at points with random signs",
    default: || SPSA.default.clone(),
    make: |config| Ok(Box::new(Estimate::new(&SPSA, config)?)),
};
