//! Rules put together into one attack.

use brinell_threat::Norm;

use super::look::{Look, Plain};
use super::mi::{MiConfig, StepLoss};
use super::pi::{Excess, PiConfig};
use super::run::{Run, Ways};
use super::ti::{Smooth, TiConfig};
use super::view::View;
use crate::picture::Planes;
use crate::settings::Declared;
use crate::{Attack, AttackError, Knowledge, Objective, Recipe, Start};

/// Makes the look of one sample with so many values.
type MakeLook = Box<dyn Fn(usize) -> Box<dyn Look> + Send + Sync>;
/// Makes the view of one sample.
type MakeView = Box<dyn Fn(&Start<'_>) -> Option<Box<dyn View>> + Send + Sync>;

/// What a rule decides.
pub(crate) enum Part {
    /// How the input moves.
    Move(MiConfig),
    /// That gradients are taken ahead.
    Ahead,
    /// What becomes of the excess of a step.
    Project(PiConfig),
    /// How the gradient is smoothed.
    Smooth(TiConfig),
    /// At which points a step looks.
    Look(MakeLook),
    /// What the model sees of a point.
    View(MakeView),
}

/// What the steps are where nobody says, as the paper of a rule has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usual {
    pub(crate) steps: Option<u32>,
    pub(crate) step: Option<f64>,
    pub(crate) momentum: Option<f64>,
}

impl Usual {
    /// As with any other rule.
    pub(crate) const NONE: Self = Self { steps: None, step: None, momentum: None };
}

/// A rule with its settings.
pub(crate) struct Piece {
    part: Part,
    usual: Usual,
    pictures: bool,
    others: bool,
    name: &'static str,
    described: String,
}

impl Piece {
    pub(crate) fn new(part: Part) -> Self {
        Self { part, usual: Usual::NONE, pictures: false, others: false, name: "", described: String::new() }
    }

    /// A rule that looks at several points.
    pub(crate) fn look(make: impl Fn(usize) -> Box<dyn Look> + Send + Sync + 'static) -> Self {
        Self::new(Part::Look(Box::new(make)))
    }

    /// A view of inputs of any shape.
    pub(crate) fn view(make: impl Fn(&Start<'_>) -> Box<dyn View> + Send + Sync + 'static) -> Self {
        Self::new(Part::View(Box::new(move |start| Some(make(start)))))
    }

    /// A view of pictures; what is no picture stays as it is.
    pub(crate) fn picture(make: impl Fn(Planes, &Start<'_>) -> Box<dyn View> + Send + Sync + 'static) -> Self {
        Self::new(Part::View(Box::new(move |start| Some(make(planes(start)?, start))))).of_pictures()
    }

    /// The same, which means nothing where inputs are no pictures.
    pub(crate) fn of_pictures(self) -> Self {
        Self { pictures: true, ..self }
    }

    /// The same, which takes other inputs of the data.
    pub(crate) fn with_others(self) -> Self {
        Self { others: true, ..self }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The view of one sample, of a rule that is one.
    #[cfg(test)]
    pub(super) fn view_of(&self, start: &Start<'_>) -> Option<Box<dyn View>> {
        match &self.part {
            Part::View(make) => make(start),
            _ => None,
        }
    }

    /// The same with other steps where nobody says.
    pub(crate) fn usually(self, usual: Usual) -> Self {
        Self { usual, ..self }
    }
}

fn planes(start: &Start<'_>) -> Option<Planes> {
    Planes::of(start.shape).filter(|planes| planes.channels * planes.pixels() == start.x.len())
}

/// What a rule is called, what it does and how it is made.
pub(crate) struct Rule<C> {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) default: fn() -> C,
    pub(crate) make: fn(C) -> Piece,
}

impl<C: Declared> Rule<C> {
    /// The rule with these settings.
    ///
    /// # Errors
    /// As [`Declared::with`] and [`Declared::checked`].
    pub(crate) fn piece(&self, settings: &str) -> Result<Piece, AttackError> {
        let config = (self.default)().with(self.name, settings)?.checked(self.name)?;
        let described = config.describe(self.name);
        Ok(Piece { name: self.name, described, ..(self.make)(config) })
    }
}

/// Puts rules together.
///
/// # Errors
/// `RuleTwice` for a rule that is there twice, `TwoLooks` for two that both say at which points a step looks.
pub(crate) fn join(pieces: Vec<Piece>) -> Result<Box<dyn Recipe>, AttackError> {
    let mut joined = Joined {
        name: pieces.iter().map(|piece| piece.name).collect::<Vec<_>>().join("+"),
        described: String::new(),
        config: MiConfig::DEFAULT,
        steps: 0,
        step: 0.0,
        momentum: 0.0,
        ahead: false,
        project: None,
        smooth: None,
        look: None,
        views: Vec::new(),
        pictures: pieces.iter().any(|piece| piece.pictures),
        others: pieces.iter().any(|piece| piece.others),
    };
    let mut described = Vec::new();
    let mut usual = Usual::NONE;
    let mut looks = None;
    let mut names = Vec::new();
    for piece in pieces {
        if names.contains(&piece.name) {
            return Err(AttackError::RuleTwice { rule: piece.name });
        }
        names.push(piece.name);
        usual.steps = usual.steps.or(piece.usual.steps);
        usual.step = usual.step.or(piece.usual.step);
        usual.momentum = usual.momentum.or(piece.usual.momentum);
        if !matches!(piece.part, Part::Move(_)) {
            described.push(piece.described);
        }
        match piece.part {
            Part::Move(config) => joined.config = config,
            Part::Ahead => joined.ahead = true,
            Part::Project(config) => joined.project = Some(config),
            Part::Smooth(config) => joined.smooth = Some(config),
            Part::Look(make) => match looks.replace(piece.name) {
                Some(first) => return Err(AttackError::TwoLooks { first, second: piece.name }),
                None => joined.look = Some(make),
            },
            Part::View(make) => joined.views.push(make),
        }
    }
    let config = &mut joined.config;
    joined.steps = config.steps.or(usual.steps).unwrap_or(10);
    // Fewer than ten steps must still reach the edge of the ball.
    joined.step = config.step.or(usual.step).unwrap_or_else(|| f64::from(joined.steps).recip().max(0.1));
    joined.momentum = config.momentum.or(usual.momentum).unwrap_or(1.0);
    *config = MiConfig { steps: Some(joined.steps), step: Some(joined.step), momentum: Some(joined.momentum), ..config.clone() };
    described.insert(0, config.describe("mi"));
    joined.described = described.join("+");
    Ok(Box::new(joined))
}

/// Rules of which one attack is made.
struct Joined {
    name: String,
    described: String,
    config: MiConfig,
    steps: u32,
    step: f64,
    momentum: f64,
    ahead: bool,
    project: Option<PiConfig>,
    smooth: Option<TiConfig>,
    look: Option<MakeLook>,
    views: Vec<MakeView>,
    pictures: bool,
    others: bool,
}

impl Recipe for Joined {
    fn name(&self) -> &str {
        &self.name
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn objective(&self) -> Objective {
        match self.config.loss {
            StepLoss::LogOdds | StepLoss::CrossEntropy => Objective::LogOdds,
            StepLoss::Margin => Objective::Margin,
        }
    }

    fn steps(&self) -> u32 {
        self.steps
    }

    fn of_pictures(&self) -> bool {
        self.pictures
    }

    fn takes_others(&self) -> bool {
        self.others
    }

    fn ends_where_it_points(&self) -> bool {
        true
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let (planes, d) = (planes(start), start.x.len());
        Box::new(Run::new(
            start,
            Ways {
                steps: self.steps,
                step: (self.step * start.ball.eps) as f32,
                momentum: self.momentum as f32,
                ahead: self.ahead,
                weighted: self.config.loss == StepLoss::CrossEntropy,
                look: self.look.as_ref().map_or_else(|| Box::new(Plain) as Box<dyn Look>, |make| make(d)),
                views: self.views.iter().filter_map(|make| make(start)).collect(),
                project: self.project.as_ref().map(|config| Excess::new(config, planes, d)),
                smooth: self.smooth.as_ref().zip(planes).map(|(config, planes)| Smooth::new(config, planes)),
            },
        ))
    }

    fn describe(&self) -> String {
        self.described.clone()
    }
}
