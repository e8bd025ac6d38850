//! Exact statements about proportions: intervals after a fixed number of trials, bounds that hold at every look, and the error
//! that several claims may make together.

mod binomial;
mod calibration;
mod holm;
pub mod normal;
mod paired;
mod quantile;
mod rank;
mod sequential;

pub use binomial::{CONFIDENCE, clopper_pearson, rate};
pub use calibration::{Threshold, calibrate, scores_needed};
pub use holm::holm_level;
pub use paired::{mcnemar, paired, score_interval};
pub use quantile::{quantile, quantile_interval};
pub use rank::{Decided, Duel, duels, rank_intervals};
pub use sequential::{Look, Spending, clean_trials, lower_bound, samples_needed, upper_bound};
