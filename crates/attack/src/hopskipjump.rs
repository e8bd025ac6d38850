//! HopSkipJump: the normal of the decision's edge, estimated from labels.

use brinell_threat::{Ball, InputBox, Norm, fill_normal, fill_uniform};
use rand_chacha::ChaCha8Rng;

use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start,
    decision::{Bisection, NOTHING_LEFT, Opened, Opening, clean_inside, normalise, shifted},
    rng::generator,
    step::sign,
};

settings! {
    /// Parameters of [`HopSkipJump`].
    pub struct HopSkipJumpConfig {
        /// Number of rounds: estimate, jump, and return to the decision boundary.
        steps: u32 = 64, COUNT, paper "64";
        /// Number of queries for the first estimate; round t uses this times the square root of t, at most 10,000.
        evaluations: u32 = 100, COUNT, paper "100";
        /// Tolerance of the search for the decision boundary, in units of 1 / d^1.5 (L2) or 1 / d^2 (Linf).
        gamma: f64 = 1.0, ABOVE_ZERO, paper "1";
        /// Number of runs per sample, each from different noise.
        restarts: u32 = 1, COUNT, paper "1";
    }
}

/// `hopskipjump` in the registry.
pub(crate) static ENTRY: Entry<HopSkipJumpConfig> = Entry {
    name: HopSkipJump::NAME,
    about: "HopSkipJump: estimates the normal of the decision boundary, from labels alone",
    default: || HopSkipJumpConfig::DEFAULT,
    make: |config| Ok(Box::new(HopSkipJump::new(config)?)),
};

/// The smallest change that moves the label, from labels alone: at a point on the edge of the decision, random probes tell the edge's normal; a
/// jump along it, halved until it is adversarial; and back to the edge on the line to the clean input.
///
/// A run of the default costs up to 35,000 forwards; a limit of queries ends it anywhere, with the nearest example so far. Memory per live
/// sample: 6 d floats.
///
/// # Source
/// Chen, Jordan, Wainwright, "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack", IEEE S&P 2020, Algorithm 2. As in its code, the first
/// probes are at a tenth of the box. Here later probes of inputs with more than 100 elements are up to eight times as long as the paper's, which move across
/// the edge hardly farther than the edge is known; the tolerance is never finer than 1e-5 nor coarser than 1e-3 of the way, since f32 does not resolve the one and
/// inputs of a few elements need the other; and a jump that stays without success after 30 halvings leads to a new estimate, not into an endless
/// loop.
#[derive(Debug, Clone)]
pub struct HopSkipJump {
    config: HopSkipJumpConfig,
}

impl HopSkipJump {
    /// Name on the command line.
    pub const NAME: &'static str = "hopskipjump";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: HopSkipJumpConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for HopSkipJump {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L2, Norm::Linf]
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

/// Most probes of one estimate.
const MOST_PROBES: f64 = 10_000.0;
/// Length of the first probes, relative to the box.
const FIRST_PROBE: f64 = 0.1;
/// By how much probes are longer than the paper's, up to this length relative to the distance. The paper's move across the edge about as far as
/// the edge is known, so that one side of it gets most of them, which tells little.
const LONGER: f64 = 8.0;
const LONG_PROBE: f64 = 0.01;
/// Finest and coarsest tolerance of the search for the edge.
const TOLERANCE: (f64, f64) = (1e-5, 1e-3);
/// Halvings of a jump before it counts as failed.
const HALVINGS: u32 = 30;

#[derive(Debug)]
enum Phase {
    /// Looking for a first adversarial point.
    Open(Box<Opening>),
    /// Looking for the edge between the clean input and `outer`.
    Return(Bisection),
    /// Probing around `edge`; so many are left.
    Probe(u32),
    /// Trying to jump this far along `normal`.
    Jump { length: f64, halvings: u32 },
}

struct Run {
    ball: Ball,
    rng: ChaCha8Rng,
    phase: Phase,
    clean: Box<[f32]>,
    /// Adversarial point on the edge.
    edge: Box<[f32]>,
    /// Point asked about: of a probe, of a jump, or the end of the line that is searched.
    outer: Box<[f32]>,
    /// Sum of the adversarial probes' directions.
    hits: Box<[f32]>,
    /// Sum of all probes' directions.
    all: Box<[f32]>,
    /// Direction of the next jump.
    normal: Box<[f32]>,
    n_hits: u32,
    n_all: u32,
    /// Rounds begun, from 1.
    round: u32,
    rounds: u32,
    evaluations: f64,
    distance: f64,
    tolerance: f64,
    /// Length of a probe relative to the distance.
    probe: f64,
}

impl Run {
    fn new(config: &HopSkipJumpConfig, start: &Start<'_>) -> Self {
        let d = start.x.len().max(1) as f64;
        let theta = config.gamma / if start.ball.norm == Norm::Linf { d * d } else { d * d.sqrt() };
        // The paper's delta relative to the distance, and longer in large inputs.
        let paper = config.gamma / d;
        let probe = paper.max((LONGER * paper).min(LONG_PROBE));
        let empty = || vec![0.0; start.x.len()].into_boxed_slice();
        let rng = generator(HopSkipJump::NAME, start);
        let clean = clean_inside(start);
        Self {
            ball: start.ball.clone(),
            rng: rng.clone(),
            phase: Phase::Open(Box::new(Opening::new(start, rng))),
            edge: clean.clone(),
            clean,
            outer: empty(),
            hits: empty(),
            all: empty(),
            normal: empty(),
            n_hits: 0,
            n_all: 0,
            round: 0,
            rounds: config.steps,
            evaluations: f64::from(config.evaluations),
            distance: f64::INFINITY,
            tolerance: theta.clamp(TOLERANCE.0, TOLERANCE.1),
            probe,
        }
    }

    fn bounds(&self) -> InputBox {
        self.ball.bounds
    }

    /// Length of a probe.
    fn delta(&self) -> f64 {
        let first = FIRST_PROBE * self.bounds().width();
        if self.round == 1 { first.min(self.distance) } else { self.probe * self.distance }
    }

    /// Begins the next round from `edge`.
    fn next_round(&mut self) -> Next {
        self.distance = self.ball.distance(&self.clean, &self.edge);
        let least = NOTHING_LEFT * self.bounds().width();
        if self.round == self.rounds || self.distance.is_nan() || self.distance <= least {
            return Next::Done;
        }
        self.round += 1;
        self.hits.fill(0.0);
        self.all.fill(0.0);
        (self.n_hits, self.n_all) = (0, 0);
        self.phase = Phase::Probe((self.evaluations * f64::from(self.round).sqrt()).min(MOST_PROBES) as u32);
        Next::Continue
    }

    /// Searches for the edge between the clean input and `outer`.
    fn go_back(&mut self) {
        self.phase = Phase::Return(Bisection::new(self.ball.norm, &self.clean, &self.outer, self.tolerance));
    }

    /// Adds a probe's direction, as it was after the box had cut it.
    fn count_probe(&mut self, hit: bool) {
        self.n_all += 1;
        self.n_hits += u32::from(hit);
        let scale = (1.0 / self.delta()) as f32;
        let points = self.edge.iter().zip(&self.outer);
        for (((all, hits), (&edge, &outer)), hit) in self.all.iter_mut().zip(&mut self.hits).zip(points).zip(std::iter::repeat(hit)) {
            let step = (outer - edge) * scale;
            *all += step;
            *hits += if hit { step } else { 0.0 };
        }
    }

    /// Turns the probes into the direction of the jump: their mean with signs, less its baseline.
    fn estimate(&mut self) {
        let share = f64::from(self.n_hits) / f64::from(self.n_all.max(1));
        // Where all probes agree there is no baseline to take off, only a sign.
        let (of_hits, of_all) = match self.n_hits {
            0 => (0.0, -1.0),
            n if n == self.n_all => (1.0, 0.0),
            _ => (1.0, -share),
        };
        for ((normal, &hits), &all) in self.normal.iter_mut().zip(&self.hits).zip(&self.all) {
            *normal = (of_hits * f64::from(hits) + of_all * f64::from(all)) as f32;
        }
        match self.ball.norm {
            Norm::Linf => self.normal.iter_mut().for_each(|v| *v = sign(*v)),
            _ => normalise(&mut self.normal),
        }
        self.phase = Phase::Jump { length: self.distance / f64::from(self.round).sqrt(), halvings: 0 };
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        let bounds = self.ball.bounds;
        match &mut self.phase {
            Phase::Open(opening) => opening.ask(&self.clean, x),
            Phase::Return(search) => {
                search.ask(&self.clean, &self.outer, bounds, x);
                return Need::Verdict;
            }
            Phase::Probe(_) => {
                match self.ball.norm {
                    Norm::Linf => fill_uniform(&mut self.rng, x),
                    _ => fill_normal(&mut self.rng, x),
                }
                normalise(x);
                let delta = self.delta();
                self.outer.copy_from_slice(x);
                shifted(&self.edge, &self.outer, delta, bounds, x);
            }
            Phase::Jump { length, .. } => shifted(&self.edge, &self.normal, *length, bounds, x),
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
                Opened::Found => self.go_back(),
            },
            Phase::Return(search) => {
                if search.tell(hit) {
                    search.edge(&self.clean, &self.outer, self.ball.bounds, &mut self.edge);
                    return self.next_round();
                }
            }
            Phase::Probe(left) => {
                *left -= 1;
                let last = *left == 0;
                self.count_probe(hit);
                if last {
                    self.estimate();
                }
            }
            Phase::Jump { length, halvings } => {
                if hit {
                    self.go_back();
                } else if *halvings == HALVINGS {
                    return self.next_round();
                } else {
                    *length /= 2.0;
                    *halvings += 1;
                }
            }
        }
        Next::Continue
    }
}
