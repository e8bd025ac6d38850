//! Nothing but the polish: the nearest example that earlier attacks found, brought nearer.

use brinell_threat::Norm;

use super::{Nearest, Sample, Search, Told, margin_loss};
use crate::{Attack, AttackError, Knowledge, Loss, Need, Recipe, Start, settings::positive};

/// Parameters of [`Refine`] as given.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `queries` | 100 | points, at most | at least 1 |
#[derive(Debug, Clone, PartialEq)]
pub struct RefineConfig {
    /// Points, at most.
    pub queries: u32,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self { queries: 100 }
    }
}

/// Takes the nearest example that earlier attacks of a `--minimum-norm` audit found and moves it along the decision boundary: onto the plane that
/// is tangent there, at the point nearest to the clean input within the box (L1, L2, Linf), or by restoring elements (L0). It finds nothing by itself.
///
/// One run costs at most `queries + 1` forwards and `queries` backwards. Memory per live sample: 4 d floats, for L0 6 d.
///
/// # Source
/// The step is the projection of the clean input in Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack",
/// ICML 2020, Eq. (7), taken whole and halved until it gives a nearer example.
#[derive(Debug, Clone)]
pub struct Refine {
    config: RefineConfig,
}

impl Refine {
    /// Name on the command line.
    pub const NAME: &'static str = "refine";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: RefineConfig) -> Result<Self, AttackError> {
        positive(Self::NAME, "queries", config.queries)?;
        Ok(Self { config })
    }
}

impl Recipe for Refine {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &Norm::ALL
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn needs_radius(&self) -> bool {
        false
    }

    fn loss(&self, targeted: bool, _classes: usize) -> Loss {
        margin_loss(targeted)
    }

    fn runs(&self, _targeted: bool, _classes: usize) -> u32 {
        1
    }

    fn steps(&self) -> u32 {
        self.config.queries
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        Box::new(Nearest::new(start, Idle, self.config.queries))
    }

    fn describe(&self) -> String {
        format!("{}:queries={}", Self::NAME, self.config.queries)
    }
}

/// Asks for the clean input once.
struct Idle;

impl Search for Idle {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        Need::Logits
    }

    fn step(&mut self, _sample: &Sample, _point: &mut [f32], _told: &Told<'_>) -> Option<Need> {
        None
    }
}
