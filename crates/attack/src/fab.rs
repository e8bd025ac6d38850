//! FAB: the fast adaptive boundary attack, which looks for the nearest adversarial example.

mod run;

use brinell_threat::Norm;

use crate::{Attack, AttackError, Knowledge, Objective, Recipe, Start, reference::Spent, rivals, settings::positive};
use run::Run;

/// Which decision planes FAB steps onto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FabPlanes {
    /// In every step the nearest of those between the label and its rivals.
    Nearest,
    /// One rival a run.
    EachClass,
}

impl FabPlanes {
    /// Name of FAB with these planes, on the command line and in records.
    pub const fn attack_name(self) -> &'static str {
        match self {
            FabPlanes::Nearest => "fab",
            FabPlanes::EachClass => "fab-t",
        }
    }
}

/// Parameters of [`Fab`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 100 | steps in one run | at least 1 | 100 |
/// | `restarts` | 1 | runs, for `fab-t` per class; all but the first from random starts | at least 1 | 1 to 100 |
/// | `targets` | 9 | rivals: the classes with the largest clean logits but the label | at least 1 | all; 9 for `fab-t` |
/// | `alpha_max` | 0.1 | largest share of the step towards the clean input | 0 to 1 | 0.1 |
/// | `eta` | 1.05 | how far a step goes, where 1 is onto the plane | at least 1 | 1.05 |
/// | `beta` | 0.9 | share of the way from the clean input that is kept after a success | 0 to 1 | 0.9 |
#[derive(Debug, Clone, PartialEq)]
pub struct FabConfig {
    /// Which planes.
    pub planes: FabPlanes,
    /// Steps in one run.
    pub steps: u32,
    /// Runs per sample, or per sample and class.
    pub restarts: u32,
    /// Rivals of the label.
    pub targets: u32,
    /// Largest share of the step towards the clean input.
    pub alpha_max: f64,
    /// How far a step goes.
    pub eta: f64,
    /// What is kept of a success.
    pub beta: f64,
}

impl FabConfig {
    /// The defaults.
    pub fn new(planes: FabPlanes) -> Self {
        Self { planes, steps: 100, restarts: 1, targets: 9, alpha_max: 0.1, eta: 1.05, beta: 0.9 }
    }
}

/// FAB in L-inf, L2 and L1, for the nearest example or, in a ball, for any inside.
///
/// A run of `fab-t` that never succeeds costs `steps` backwards and `steps + 1` forwards; after a success the next point is asked for its
/// logits alone, since it is likely to be pulled back too. Each step of `fab` asks for one gradient per rival. Points may lie outside the
/// ball. Memory per live sample: 4 d floats, `fab` 5 d (clean input, point, both projections, nearest plane).
///
/// # Source
/// Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020, Alg. 1, without its final
/// search; constants, order and random starts as in the authors' implementation (`fab_base.py` of auto-attack). That one asks for every
/// point twice, once for the prediction and once for the gradient; here one answer serves both.
#[derive(Debug, Clone)]
pub struct Fab {
    config: FabConfig,
}

impl Fab {
    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: FabConfig) -> Result<Self, AttackError> {
        let attack = config.planes.attack_name();
        positive(attack, "steps", config.steps)?;
        positive(attack, "restarts", config.restarts)?;
        positive(attack, "targets", config.targets)?;
        let unit = 0.0..=1.0;
        for (setting, value, fits, expected) in [
            ("alpha-max", config.alpha_max, unit.contains(&config.alpha_max), "from 0 to 1"),
            ("eta", config.eta, config.eta >= 1.0 && config.eta.is_finite(), "a finite number of at least 1"),
            ("beta", config.beta, unit.contains(&config.beta), "from 0 to 1"),
        ] {
            if !fits {
                return Err(AttackError::BadValue { attack, setting, value: value.to_string(), expected });
            }
        }
        Ok(Self { config })
    }

    /// Begins a run against the decision plane of one rival from a given point.
    pub fn start_at(&self, start: &Start<'_>, rival: usize, point: &[f32]) -> Box<dyn Attack> {
        Box::new(Run::new(&self.config, start, vec![rival], point.to_vec()))
    }
}

impl Recipe for Fab {
    fn name(&self) -> &str {
        self.config.planes.attack_name()
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2, Norm::L1]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn objective(&self) -> Objective {
        Objective::Plane
    }

    fn runs(&self, rivals: usize) -> u32 {
        match self.config.planes {
            FabPlanes::EachClass => self.config.restarts.saturating_mul(rivals::count(self.config.targets, rivals)),
            FabPlanes::Nearest => self.config.restarts,
        }
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let FabConfig { planes, restarts, targets, .. } = self.config;
        let mut rivals: Vec<usize> = start.rivals.ranked(targets as usize).into_iter().map(|rival| rival.id).collect();
        let restart = match planes {
            FabPlanes::EachClass => {
                let place = (start.run / restarts) as usize;
                rivals = rivals.get(place).copied().into_iter().collect();
                start.run % restarts
            }
            FabPlanes::Nearest => start.run,
        };
        let point = if restart == 0 { start.x.to_vec() } else { run::random_start(self.name(), start) };
        Box::new(Run::new(&self.config, start, rivals, point))
    }

    fn reference(&self, spent: &Spent) -> Option<crate::driver::Queries> {
        let steps = u64::from(self.config.steps);
        let planes = match self.config.planes {
            // The gradient of every class but the label, from one forward.
            FabPlanes::Nearest => u64::from(rivals::count(u32::MAX, spent.width.saturating_sub(1))) + 1,
            FabPlanes::EachClass => 1,
        };
        let ranking = u64::from(self.config.planes == FabPlanes::EachClass);
        // In every step a forward for the gradient and one for the prediction; in every run the prediction before and after, and the ranking.
        spent.reference(2 * steps + 2 + ranking, steps * planes)
    }

    fn describe(&self) -> String {
        let FabConfig { planes, steps, restarts, targets, alpha_max, eta, beta } = &self.config;
        let name = planes.attack_name();
        format!("{name}:steps={steps},restarts={restarts},targets={targets},alpha-max={alpha_max},eta={eta},beta={beta}")
    }
}
