//! Boundary attack: a random walk along the edge of the decision, towards the clean input.

use brinell_threat::{Ball, Norm, fill_normal};
use rand_chacha::ChaCha8Rng;

use crate::registry::Entry;
use crate::settings::{ABOVE_ONE, ABOVE_ZERO, COUNT, Declared, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start,
    decision::{Bisection, NOTHING_LEFT, Opened, Opening, clean_inside, inner},
    rng::generator,
    step::finite_length,
};

settings! {
    /// Parameters of [`Boundary`].
    pub struct BoundaryConfig {
        /// Number of steps of the walk.
        steps: u32 = 25_000, COUNT, paper "25,000 to 1,200,000 queries";
        /// Initial length of a step around the clean input, relative to the distance.
        spherical_step: f64 = 0.01, ABOVE_ZERO, paper "0.01";
        /// Initial length of a step towards the clean input, relative to the distance.
        source_step: f64 = 0.01, ABOVE_ZERO, paper "0.01";
        /// Factor by which the two step lengths change.
        adaptation: f64 = 1.5, ABOVE_ONE, paper "1.5";
    }
}

/// `boundary` in the registry.
pub(crate) static ENTRY: Entry<BoundaryConfig> = Entry {
    name: Boundary::NAME,
    about: "random walk along the decision boundary, from labels alone",
    default: || BoundaryConfig::DEFAULT,
    make: |config| Ok(Box::new(Boundary::new(config)?)),
};

/// The smallest change that moves the label, from labels alone: from an adversarial point, a random step on the sphere around the clean input and a
/// step inwards, kept where the point is still adversarial; both lengths follow the share of steps that are.
///
/// A run of the default costs up to 27,500 forwards; it needs many more queries than `hopskipjump` or `surfree` for the same distance and is here
/// as the yardstick that papers compare with. Memory per live sample: 4 d floats.
///
/// # Source
/// Brendel, Rauber, Bethge, "Decision-Based Adversarial Attacks", ICLR 2018, Figure 2; lengths are adapted as in foolbox 3: the walk's every
/// tenth step counts, over the last 100 (steps on the sphere) and 30 (whole steps), and the walk ends where the step inwards is below 1e-7. The start is
/// moved to the edge by halving, where foolbox tries 50 blends.
#[derive(Debug, Clone)]
pub struct Boundary {
    config: BoundaryConfig,
}

impl Boundary {
    /// Name on the command line.
    pub const NAME: &'static str = "boundary";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: BoundaryConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Boundary {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::Label
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let rng = generator(Self::NAME, start);
        let clean = clean_inside(start);
        let empty = || vec![0.0; clean.len()].into_boxed_slice();
        Box::new(Walk {
            ball: start.ball.clone(),
            phase: Phase::Open(Box::new(Opening::new(start, rng.clone()))),
            rng,
            best: empty(),
            sphere: empty(),
            outer: empty(),
            clean,
            distance: f64::INFINITY,
            left: self.config.steps,
            spherical: Length { value: self.config.spherical_step, window: Window::new(100) },
            source: Length { value: self.config.source_step, window: Window::new(30) },
            adaptation: self.config.adaptation,
        })
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

/// Every so many steps the point on the sphere is asked about too.
const CHECK_EVERY: u32 = 10;
/// Length of the step inwards below which the walk has converged.
const CONVERGED: f64 = 1e-7;
/// Tolerance of the search for the edge at the start.
const TOLERANCE: f64 = 1e-3;
/// Longest step around the clean input, relative to the distance: beyond it nothing of the point would be left.
const LONGEST: f64 = 1.0;

/// Share of successes among the last few tries.
struct Window {
    size: usize,
    tries: usize,
    hits: usize,
    ring: Vec<bool>,
}

impl Window {
    fn new(size: usize) -> Self {
        Self { size, tries: 0, hits: 0, ring: Vec::with_capacity(size) }
    }

    /// Adds a try and returns the share once the window is full.
    fn add(&mut self, hit: bool) -> Option<f64> {
        if self.ring.len() < self.size {
            self.ring.push(hit);
        } else if let Some(oldest) = self.ring.get_mut(self.tries % self.size) {
            self.hits -= usize::from(std::mem::replace(oldest, hit));
        }
        self.tries += 1;
        self.hits += usize::from(hit);
        (self.ring.len() == self.size).then(|| self.hits as f64 / self.size as f64)
    }

    fn clear(&mut self) {
        self.ring.clear();
        (self.tries, self.hits) = (0, 0);
    }
}

/// A step length and what it is adapted to.
struct Length {
    value: f64,
    window: Window,
}

/// Which way a step length is to go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Keep,
    Longer,
    Shorter,
}

impl Length {
    /// Says how the length has to change for the share of successes to stay between the two limits.
    fn judge(&mut self, hit: bool, few: f64, many: f64) -> Change {
        let change = match self.window.add(hit) {
            Some(share) if share > many => Change::Longer,
            Some(share) if share < few => Change::Shorter,
            _ => return Change::Keep,
        };
        self.window.clear();
        change
    }

    fn apply(&mut self, change: Change, factor: f64) {
        match change {
            Change::Keep => {}
            Change::Longer => self.value = (self.value * factor).min(LONGEST),
            Change::Shorter => self.value /= factor,
        }
    }
}

#[derive(Debug)]
enum Phase {
    Open(Box<Opening>),
    Return(Bisection),
    /// The whole step; on every tenth the point on the sphere follows.
    Step,
    /// The point on the sphere, after a whole step that was or was not adversarial.
    Sphere {
        step_hit: bool,
    },
}

struct Walk {
    ball: Ball,
    rng: ChaCha8Rng,
    phase: Phase,
    clean: Box<[f32]>,
    best: Box<[f32]>,
    /// Point on the sphere around the clean input.
    sphere: Box<[f32]>,
    /// Point last asked about.
    outer: Box<[f32]>,
    distance: f64,
    left: u32,
    spherical: Length,
    source: Length,
    adaptation: f64,
}

impl Walk {
    /// Takes the whole step where it is adversarial and nearer.
    fn keep(&mut self, hit: bool) {
        let distance = self.ball.distance(&self.clean, &self.outer);
        if hit && distance < self.distance {
            self.best.copy_from_slice(&self.outer);
            self.distance = distance;
        }
    }

    /// Draws the point on the sphere and from it the whole step, which it writes into `x`.
    fn propose(&mut self, x: &mut [f32]) {
        let bounds = self.ball.bounds;
        fill_normal(&mut self.rng, x);
        // Orthogonal to the way to the clean input, `away`, in units of the distance.
        let scale = 1.0 / self.distance;
        let along = inner(x, &self.best, &self.clean) * scale;
        for ((v, &best), &clean) in x.iter_mut().zip(&self.best).zip(&self.clean) {
            *v = (f64::from(*v) - along * scale * (f64::from(best) - f64::from(clean))) as f32;
        }
        let length = finite_length(x);
        let sideways = if length > 0.0 { self.spherical.value * self.distance / length } else { 0.0 };
        let onto_sphere = 1.0 / (1.0 + self.spherical.value * self.spherical.value).sqrt();
        for (((sphere, &v), &best), &clean) in self.sphere.iter_mut().zip(x.iter()).zip(&self.best).zip(&self.clean) {
            let away = f64::from(best) - f64::from(clean);
            let point = f64::from(clean) + onto_sphere * (away + sideways * f64::from(v));
            *sphere = brinell_threat::clamp(point as f32, bounds.lo(), bounds.hi());
        }
        let radius = self.ball.distance(&self.clean, &self.sphere);
        // The box may have brought the point nearer already.
        let inwards = (self.source.value * self.distance + radius - self.distance).max(0.0) / radius.max(f64::MIN_POSITIVE);
        for ((x, &sphere), &clean) in x.iter_mut().zip(&self.sphere).zip(&self.clean) {
            let way = f64::from(clean) - f64::from(sphere);
            *x = brinell_threat::clamp((f64::from(sphere) + inwards.min(1.0) * way) as f32, bounds.lo(), bounds.hi());
        }
    }

    /// Ends the step, and the walk where it has converged.
    fn next_step(&mut self) -> Next {
        self.phase = Phase::Step;
        let converged = self.source.value < CONVERGED || self.distance <= NOTHING_LEFT * self.ball.bounds.width();
        if self.left == 0 || converged || self.distance.is_nan() { Next::Done } else { Next::Continue }
    }
}

impl Attack for Walk {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        match &mut self.phase {
            Phase::Open(opening) => opening.ask(&self.clean, x),
            Phase::Return(search) => {
                search.ask(&self.clean, &self.outer, self.ball.bounds, x);
                return Need::Verdict;
            }
            Phase::Step => self.propose(x),
            Phase::Sphere { .. } => {
                x.copy_from_slice(&self.sphere);
                return Need::Verdict;
            }
        }
        self.outer.copy_from_slice(x);
        Need::Verdict
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let hit = reply.reached;
        match &mut self.phase {
            Phase::Open(opening) => match opening.tell(hit) {
                Opened::NotYet => {}
                Opened::Never => return Next::Done,
                Opened::Found => {
                    self.phase = Phase::Return(Bisection::new(self.ball.norm, &self.clean, &self.outer, TOLERANCE));
                }
            },
            Phase::Return(search) => {
                if search.tell(hit) {
                    search.edge(&self.clean, &self.outer, self.ball.bounds, &mut self.best);
                    self.distance = self.ball.distance(&self.clean, &self.best);
                    return self.next_step();
                }
            }
            Phase::Step => {
                self.left -= 1;
                if self.left.is_multiple_of(CHECK_EVERY) {
                    self.phase = Phase::Sphere { step_hit: hit };
                } else {
                    self.keep(hit);
                    return self.next_step();
                }
            }
            &mut Phase::Sphere { step_hit } => {
                self.keep(step_hit);
                let sphere = self.spherical.judge(hit, 0.2, 0.5);
                let step = self.source.judge(step_hit, 0.1, 0.25);
                self.spherical.apply(sphere, self.adaptation);
                self.source.apply(sphere, self.adaptation);
                self.source.apply(step, self.adaptation);
                return self.next_step();
            }
        }
        Next::Continue
    }
}
