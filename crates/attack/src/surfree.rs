//! SurFree: arcs towards the clean input in random directions, without any estimate of a gradient.

use std::collections::VecDeque;

use brinell_threat::{Ball, Norm, clamp, fill_normal};
use rand_chacha::ChaCha8Rng;

use crate::registry::Entry;
use crate::settings::{ANGLE, COUNT, Declared, PART, SWITCH, WHOLE, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start,
    decision::{Bisection, NOTHING_LEFT, Opened, Opening, clean_inside, normalise},
    picture::SmoothNoise,
    rng::generator,
};

settings! {
    /// Parameters of [`SurFree`].
    pub struct SurFreeConfig {
        /// Number of directions to try in one run.
        steps: u32 = 5000, COUNT, paper "as many as the queries allow";
        /// First angle to try, in degrees.
        theta: f64 = 30.0, ANGLE, paper "30";
        /// Factor by which the angle changes after a failure; after a success, it is divided by this.
        rho: f64 = 0.98, PART, paper "0.98";
        /// Number of earlier directions to which a new one is orthogonal.
        kept: u32 = 100, WHOLE, paper "100";
        /// Whether directions contain only low frequencies, if the input is an image.
        smooth: bool = true, SWITCH, paper "true";
        /// Number of runs per sample, each from different noise.
        restarts: u32 = 1, COUNT, paper "1";
    }
}

/// `surfree` in the registry.
pub(crate) static ENTRY: Entry<SurFreeConfig> = Entry {
    name: SurFree::NAME,
    about: "arcs towards the clean input in random planes, from labels alone",
    default: || SurFreeConfig::DEFAULT,
    make: |config| Ok(Box::new(SurFree::new(config)?)),
};

/// The smallest change that moves the label, from labels alone: from a point on the edge of the decision, an arc in a random plane that holds the
/// clean input, along which every point is nearer; the longest part of it that stays adversarial is found by halving.
///
/// A run of the default costs some 15,000 forwards; a limit of queries ends it anywhere, with the nearest example so far. Memory per live sample: 6 d
/// floats; for pictures two channels and half the square of each side more; and the directions kept, at most 4 MiB of them.
///
/// # Source
/// Maho, Furon, Le Merrer, "SurFree: a fast surrogate-free black-box attack", CVPR 2021, Algorithm 1. A new direction is made orthogonal to the way to the
/// clean input as it is now, where the authors' code takes the first one; and for large inputs fewer directions are kept, since random ones are
/// nearly orthogonal there anyway.
#[derive(Debug, Clone)]
pub struct SurFree {
    config: SurFreeConfig,
}

impl SurFree {
    /// Name on the command line.
    pub const NAME: &'static str = "surfree";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: SurFreeConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for SurFree {
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

    fn runs(&self, _rivals: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        Box::new(Run::new(&self.config, start))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

/// Floats that the kept directions of one sample may take.
const MOST_KEPT: usize = 1 << 20;
/// Halvings of an arc.
const HALVINGS: u32 = 7;
/// An arc is not halved further where what is left would change the distance by less than this part.
const FINE_ENOUGH: f64 = 0.01;
/// Smallest angle that is tried, in degrees.
const SMALLEST: f64 = 0.01;
/// Tolerance of the search for the edge at the start.
const TOLERANCE: f64 = 1e-3;

#[derive(Debug)]
enum Phase {
    Open(Box<Opening>),
    Return(Bisection),
    /// The largest angle is tried on this side, 1 or -1.
    Side(f64),
    /// The arc is adversarial at `low` degrees; is it at `high`?
    Extend {
        low: f64,
        high: f64,
    },
    /// The edge lies between `low`, adversarial, and `high`.
    Narrow {
        low: f64,
        high: f64,
        halvings: u32,
    },
}

struct Run {
    ball: Ball,
    rng: ChaCha8Rng,
    smooth: Option<SmoothNoise>,
    phase: Phase,
    clean: Box<[f32]>,
    best: Box<[f32]>,
    /// Unit vector from the clean input to the best point.
    away: Box<[f32]>,
    /// Unit vector orthogonal to `away`.
    aside: Box<[f32]>,
    /// Point last asked about, before there is a best one.
    outer: Box<[f32]>,
    former: VecDeque<Box<[f32]>>,
    kept: usize,
    distance: f64,
    theta: f64,
    rho: f64,
    left: u32,
}

impl Run {
    fn new(config: &SurFreeConfig, start: &Start<'_>) -> Self {
        let rng = generator(SurFree::NAME, start);
        let clean = clean_inside(start);
        let empty = || vec![0.0; clean.len()].into_boxed_slice();
        Self {
            ball: start.ball.clone(),
            phase: Phase::Open(Box::new(Opening::new(start, rng.clone()))),
            rng,
            smooth: if config.smooth { SmoothNoise::new(&clean, start.shape) } else { None },
            best: empty(),
            away: empty(),
            aside: empty(),
            outer: empty(),
            former: VecDeque::new(),
            kept: (config.kept as usize).min(MOST_KEPT / clean.len().max(1)),
            clean,
            distance: f64::INFINITY,
            theta: config.theta,
            rho: config.rho,
            left: config.steps,
        }
    }

    /// Takes the best point as the place to go on from, and a new direction.
    fn set_out(&mut self) -> Next {
        self.distance = self.ball.distance(&self.clean, &self.best);
        for ((away, &best), &clean) in self.away.iter_mut().zip(&self.best).zip(&self.clean) {
            *away = best - clean;
        }
        normalise(&mut self.away);
        self.turn()
    }

    /// Chooses a new direction; ends the run where there is nothing left to gain.
    fn turn(&mut self) -> Next {
        let done = self.left == 0 || self.distance.is_nan() || self.distance <= NOTHING_LEFT * self.ball.bounds.width();
        if done {
            return Next::Done;
        }
        self.left -= 1;
        match &mut self.smooth {
            Some(noise) => noise.draw(&mut self.rng, &mut self.aside),
            None => fill_normal(&mut self.rng, &mut self.aside),
        }
        for other in self.former.iter().chain([&self.away]) {
            let along: f64 = self.aside.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            self.aside.iter_mut().zip(other).for_each(|(a, &b)| *a -= along as f32 * b);
        }
        normalise(&mut self.aside);
        if self.kept > 0 {
            let mut place =
                if self.former.len() == self.kept { self.former.pop_front() } else { None }.unwrap_or_else(|| self.aside.clone());
            place.copy_from_slice(&self.aside);
            self.former.push_back(place);
        }
        self.phase = Phase::Side(1.0);
        Next::Continue
    }

    /// Writes the point of the arc at an angle in degrees.
    fn point(&self, degrees: f64, out: &mut [f32]) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (forth, sideways) = (self.distance * cos * cos, self.distance * cos * sin);
        let bounds = self.ball.bounds;
        for (((out, &clean), &away), &aside) in out.iter_mut().zip(&self.clean).zip(&self.away).zip(&self.aside) {
            let v = f64::from(clean) + forth * f64::from(away) + sideways * f64::from(aside);
            *out = clamp(v as f32, bounds.lo(), bounds.hi());
        }
    }

    /// Goes on with the arc between two angles, or takes what is found where it is fine enough.
    fn narrow(&mut self, low: f64, high: f64, halvings: u32) -> Next {
        let gain = (low.to_radians().cos() - high.to_radians().cos()).abs();
        if halvings < HALVINGS && gain > FINE_ENOUGH {
            self.phase = Phase::Narrow { low, high, halvings };
            return Next::Continue;
        }
        let mut point = std::mem::take(&mut self.outer);
        self.point(low, &mut point);
        self.outer = point;
        // The box may have cut the arc so that it leads away.
        if self.ball.distance(&self.clean, &self.outer) < self.distance {
            std::mem::swap(&mut self.best, &mut self.outer);
        }
        self.set_out()
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        match &mut self.phase {
            Phase::Open(opening) => {
                opening.ask(&self.clean, x);
                self.outer.copy_from_slice(x);
            }
            Phase::Return(search) => search.ask(&self.clean, &self.outer, self.ball.bounds, x),
            &mut Phase::Side(sign) => self.point(sign * self.theta, x),
            &mut Phase::Extend { high, .. } => self.point(high, x),
            &mut Phase::Narrow { low, high, .. } => self.point(f64::midpoint(low, high), x),
        }
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
                    return self.set_out();
                }
            }
            &mut Phase::Side(sign) => {
                if hit {
                    let low = sign * self.theta;
                    self.theta = (self.theta / self.rho).min(90.0);
                    self.phase = Phase::Extend { low, high: sign * (low.abs() + self.theta).min(90.0) };
                } else if sign > 0.0 {
                    self.phase = Phase::Side(-1.0);
                } else {
                    self.theta = (self.theta * self.rho).max(SMALLEST);
                    return self.turn();
                }
            }
            &mut Phase::Extend { low, high } => {
                if !hit {
                    return self.narrow(low, high, 0);
                }
                if high.abs() >= 90.0 {
                    return self.narrow(high, high, 0);
                }
                let further = (high.abs() + self.theta).min(90.0).copysign(high);
                self.phase = Phase::Extend { low: high, high: further };
            }
            &mut Phase::Narrow { low, high, halvings } => {
                let middle = f64::midpoint(low, high);
                return if hit { self.narrow(middle, high, halvings + 1) } else { self.narrow(low, middle, halvings + 1) };
            }
        }
        Next::Continue
    }
}
