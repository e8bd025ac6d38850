//! Simultaneous perturbation: gradients estimated from probes of random signs.

use crate::estimate::{Draw, EstimateConfig, Flavour};

/// The attack `spsa`: an [`Estimate`](crate::Estimate) from probes whose elements are random signs.
///
/// # Source
/// Uesato, O'Donoghue, van den Oord, Kohli, "Adversarial Risk and the Dangers of Evaluating Against Weak Attacks", ICML 2018, Algorithm 1, after Spall,
/// 1992. The paper feeds the estimate to Adam; here momentum and signs take its place, and probes are kept inside ball and box.
pub static SPSA: Flavour = Flavour {
    name: "spsa",
    draw: Draw::Sign,
    default: EstimateConfig { steps: 100, pairs: 25, sigma: 0.01, step: 0.2, momentum: 0.9, restarts: 1 },
};
