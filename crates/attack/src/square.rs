//! Square: random search over square patches, which sees nothing but logits.

mod bump;
mod dice;
#[cfg(test)]
mod golden;
mod picture;
mod run;

use brinell_threat::Norm;

use crate::{Attack, AttackError, Knowledge, Recipe, Start, driver::Queries, reference::Spent, rng::generator, settings::positive};
use run::Run;

/// Parameters of [`Square`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `queries` | 5000 | points tried in one run after the first | at least 1 | 10 000; auto-attack 5000 |
/// | `restarts` | 1 | runs | at least 1 | 1 |
/// | `p` | 0.8 | share of the picture that the first patches cover | above 0, at most 1 | 0.05 (Linf), 0.1 (L2); auto-attack 0.8 |
/// | `rescale` | false | run the schedule of the share, made for 10 000 queries, through to its end | | true; auto-attack false |
/// | `patience` | none | stop at 32, 64, 128 .. queries if the loss, rising in each doubling to come `patience` times as much as in the last one, would not reach success | above 0 | none |
#[derive(Debug, Clone, PartialEq)]
pub struct SquareConfig {
    /// Points tried in one run after the first.
    pub queries: u32,
    /// Runs per sample.
    pub restarts: u32,
    /// Share of the picture that the first patches cover.
    pub p: f64,
    /// Whether the schedule is stretched to the number of queries.
    pub rescale: bool,
    /// How much faster than so far the loss may be hoped to rise.
    pub patience: Option<f64>,
}

impl Default for SquareConfig {
    fn default() -> Self {
        Self { queries: 5000, restarts: 1, p: 0.8, rescale: false, patience: None }
    }
}

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
        let attack = Self::NAME;
        positive(attack, "queries", config.queries)?;
        positive(attack, "restarts", config.restarts)?;
        if !(config.p > 0.0 && config.p <= 1.0) {
            return Err(AttackError::BadValue { attack, setting: "p", value: config.p.to_string(), expected: "above 0 and at most 1" });
        }
        if let Some(patience) = config.patience.filter(|patience| !(*patience > 0.0 && patience.is_finite())) {
            let expected = "a finite number above 0";
            return Err(AttackError::BadValue { attack, setting: "patience", value: patience.to_string(), expected });
        }
        Ok(Self { config })
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
        let SquareConfig { queries, restarts, p, rescale, patience } = &self.config;
        let patience = patience.map(|patience| format!(",patience={patience}")).unwrap_or_default();
        format!("{}:queries={queries},restarts={restarts},p={p},rescale={rescale}{patience}", Self::NAME)
    }
}
