//! Square: random search over square patches, which sees nothing but logits.

mod bump;
mod dice;
#[cfg(test)]
mod golden;
mod picture;
mod run;

use brinell_threat::Norm;

use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, PART, SWITCH, settings};
use crate::{Attack, AttackError, Knowledge, Recipe, Start, driver::Queries, reference::Spent, rng::generator};
use run::Run;

settings! {
    /// Parameters of [`Square`].
    pub struct SquareConfig {
        /// Number of points to try in one run, after the first.
        queries: u32 = 5000, COUNT, paper "10,000; auto-attack 5000";
        /// Number of runs per sample.
        restarts: u32 = 1, COUNT, paper "1";
        /// Share of the image that the first patches cover.
        p: f64 = 0.8, PART, paper "0.05 (Linf), 0.1 (L2); auto-attack 0.8";
        /// Whether the schedule of patch sizes, made for 10,000 queries, is scaled to the number of queries.
        rescale: bool = false, SWITCH, paper "true; auto-attack false";
        /// When to give up on a sample: at 32, 64, 128, .. queries, if it would not be broken even when each further doubling raised the loss this
        /// many times as much as the last one.
        patience: Option<f64> = None, ABOVE_ZERO, unset "none", paper "none";
    }
}

/// `square` in the registry.
pub(crate) static ENTRY: Entry<SquareConfig> = Entry {
    name: Square::NAME,
    about: "random search with square patches, from scores alone",
    default: || SquareConfig::DEFAULT,
    make: |config| Ok(Box::new(Square::new(config)?)),
};

/// The Square attack in L-inf, L2 and L1.
///
/// One run costs `queries + 1` forwards. The shape of the sample says where rows, columns and channels are: three dimensions with the
/// channels (at most 4) first or last, two for one channel, one for a row of pixels. Memory per live sample: 4 d floats for L-inf (bounds,
/// best point, point tried), 3 d for L2 and L1 (clean input, best point, point tried) and two channels more for patches.
///
/// # Source
/// Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via random search", ECCV 2020, Alg. 1 to 3, with
/// the constants, the margin loss and the L1 form of auto-attack (`square.py`). That one draws window and colours once for the whole batch and
/// never reaches the last row and column; here every sample has a generator of its own, all windows are possible, patches need not be
/// square where the picture is too narrow, and a patch that changes nothing is drawn again instead of asked about.
#[derive(Debug, Clone)]
pub struct Square {
    config: SquareConfig,
}

impl Square {
    /// Name on the command line.
    pub const NAME: &'static str = "square";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: SquareConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Square {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2, Norm::L1]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::Score
    }

    fn runs(&self, _rivals: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.queries
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        Box::new(Run::new(&self.config, start, generator(Self::NAME, start)))
    }

    fn reference(&self, spent: &Spent) -> Option<Queries> {
        // The predictions before and after the attack, and after every run.
        Some(Queries { forwards: spent.queries.forwards + u64::from(spent.runs) + 2, backwards: 0 })
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}
