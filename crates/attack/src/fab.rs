//! FAB: the fast adaptive boundary attack, which looks for the nearest adversarial example.

mod run;

use brinell_threat::Norm;

use crate::registry::Entry;
use crate::settings::{AT_LEAST_ONE, COUNT, Declared, UNIT, settings};
use crate::{Attack, AttackError, Knowledge, Objective, Recipe, Start, reference::Spent, rivals};
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

settings! {
    /// Parameters of [`Fab`].
    pub struct FabConfig {
        /// Which planes.
        fixed planes: FabPlanes = FabPlanes::Nearest;
        /// Number of steps in one run.
        steps: u32 = 100, COUNT, paper "100";
        /// Number of runs per sample (for `fab-t`: per class); all but the first start at random points.
        restarts: u32 = 1, COUNT, paper "1 to 100";
        /// Number of wrong classes to consider: those with the largest clean logits.
        targets: u32 = 9, COUNT, paper "all; 9 for `fab-t`";
        /// Largest weight of the step towards the clean input.
        alpha_max: f64 = 0.1, UNIT, paper "0.1";
        /// Length of a step; 1 ends exactly on the decision plane.
        eta: f64 = 1.05, AT_LEAST_ONE, paper "1.05";
        /// After a success, the search continues at this share of the distance from the clean input.
        beta: f64 = 0.9, UNIT, paper "0.9";
    }
}

impl FabConfig {
    /// The defaults.
    pub const fn new(planes: FabPlanes) -> Self {
        Self { planes, ..Self::DEFAULT }
    }
}

/// `fab` in the registry.
pub(crate) static NEAREST: Entry<FabConfig> = Entry {
    name: FabPlanes::Nearest.attack_name(),
    about: "steps onto the nearest decision plane and back towards the clean input",
    default: || FabConfig::new(FabPlanes::Nearest),
    make: |config| Ok(Box::new(Fab::new(config)?)),
};

/// `fab-t` in the registry.
pub(crate) static EACH_CLASS: Entry<FabConfig> = Entry {
    name: FabPlanes::EachClass.attack_name(),
    about: "FAB towards each of the likeliest wrong classes in turn",
    default: || FabConfig::new(FabPlanes::EachClass),
    make: |config| Ok(Box::new(Fab::new(config)?)),
};

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
        Ok(Self { config: config.checked(attack)? })
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
        self.config.describe(self.name())
    }
}
