//! The attack on tree ensembles.

mod search;
mod space;

use std::sync::Arc;

use brinell_engine::{Decision, Ensemble};
use brinell_threat::{Ball, Norm};

use crate::registry::Entry;
use crate::settings::{COUNT, Declared, SHARE, settings};
use crate::{Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start};
use search::{Ended, Lead, Limits, Question, search};
use space::Space;

settings! {
    /// Parameters of [`Trees`].
    #[derive(Copy)]
    pub struct TreesConfig {
        /// Largest number of boxes that one search may examine.
        nodes: u32 = 20_000, COUNT;
        /// Precision of the smallest change, as a share of its distance.
        precision: f64 = 1e-3, SHARE;
    }
}

/// `trees` in the registry.
pub(crate) static ENTRY: Entry<TreesConfig> = Entry {
    name: Trees::NAME,
    about: "branch-and-bound search for the nearest input in other leaves of a tree ensemble; exact if it finishes",
    default: || TreesConfig::DEFAULT,
    make: |config| Ok(Box::new(Trees::new(config)?)),
};

/// Looks for the nearest input that leads to other leaves, in boxes that the tests of all trees cut.
///
/// Of the trees that the box still leaves open, the one that can change the lead most is taken, and each of its leaves tried; a box is
/// given up where even the best leaves of all trees together do not reach the lead, or where its nearest allowed input is too far away. The
/// radius is halved between the distance of the best example and the largest one that was shown to hold none.
///
/// # Guarantees
/// Where no search runs out of nodes the example is the smallest possible, up to `precision`, and no example means that there is none: exact by
/// exhaustion. Ties that only the rounding of the model's sums decides are put to the model, the first 64 of them; where there are more, and where
/// a search runs out of nodes, it is a heuristic. [`Attack::none_within`] says up to which radius it was none, and nothing once the model has
/// contradicted the trees beyond rounding. Rules of features (bounds, whole numbers, categories, one-hot groups, directions) are kept in every box.
///
/// # Source
/// The search over boxes that leaves have in common follows Chen et al., "Robustness Verification of Tree-based Models", NeurIPS 2019, which
/// bounds the margin by the best leaf of every tree; here it is carried through to the end by branching, as in Kantchelian et al.,
/// "Evasion and Hardening of Tree Ensemble Classifiers", ICML 2016, who state the same question as a mixed-integer program.
#[derive(Debug, Clone, Copy)]
pub struct Trees {
    config: TreesConfig,
}

impl Trees {
    /// Name on the command line.
    pub const NAME: &'static str = "trees";

    /// Checks the configuration.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: TreesConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Trees {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &Norm::ALL
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn reads_trees(&self) -> bool {
        true
    }

    fn steps(&self) -> u32 {
        1
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let trees = start.trees.map(Arc::clone);
        let leads = trees.as_deref().map_or_else(Vec::new, |trees| leads(trees, &start.rivals.ways()));
        let farthest = if start.ball.eps.is_finite() {
            start.ball.eps
        } else {
            start.ball.diameter(start.x.len()).max(Space::new(start.ball, start.x).farthest())
        };
        let tolerance = trees.as_deref().map_or(0.0, Ensemble::tolerance);
        let known = start.found.map_or(f64::INFINITY, |found| start.ball.distance(start.x, found));
        Box::new(Run {
            config: self.config,
            x: start.x.into(),
            ball: start.ball.clone(),
            trees,
            leads,
            radius: farthest,
            best: known,
            excluded: 0.0,
            none_within: None,
            contradicted: false,
            tolerance,
            refused: Vec::new(),
            asked: None,
        })
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

/// Leads of the trees' scores that together make an example, one list for each of the `ways` that the task names. A task reads one score as two values:
/// 0, and the score less its threshold.
fn leads(trees: &Ensemble, ways: &[Vec<brinell_task::Lead>]) -> Vec<Vec<Lead>> {
    let lead = |lead: &brinell_task::Lead| match trees.decision {
        Decision::Above(threshold) => Lead { score: 0, rival: None, sign: if lead.value == 1 { 1.0 } else { -1.0 }, threshold },
        Decision::Largest => Lead { score: lead.value, rival: Some(lead.over), sign: 1.0, threshold: 0.0 },
    };
    ways.iter().map(|leads| leads.iter().map(lead).collect()).collect()
}

/// Points so near to a tie that the model refused them, after which ties are not asked about any more.
const REFUSED: usize = 64;

struct Run {
    config: TreesConfig,
    x: Box<[f32]>,
    ball: Ball,
    trees: Option<Arc<Ensemble>>,
    leads: Vec<Vec<Lead>>,
    /// Largest radius that may be of use.
    radius: f64,
    /// Distance of the nearest example that the model confirmed.
    best: f64,
    /// A radius within which nothing is looked for any more.
    excluded: f64,
    /// The largest radius of which a search was carried through without finding one.
    none_within: Option<f64>,
    /// True once the model has refused a point that no rounding explains.
    contradicted: bool,
    /// How far the model's sums may be from those in f64: leads that are nearer to 0 are asked about.
    tolerance: f64,
    /// Points of which the model said that they are no examples.
    refused: Vec<Vec<f32>>,
    /// The point in the air and its distance.
    asked: Option<(f64, Vec<f32>)>,
}

impl Run {
    /// The next point worth asking about: nearer than the best one.
    fn next(&mut self) -> Option<Vec<f32>> {
        let trees = self.trees.clone()?;
        loop {
            let top = self.best.min(self.radius);
            let first = self.best.is_infinite() || self.excluded >= top;
            // The whole radius first, then the middle of what is left.
            let radius = if first { top } else { f64::midpoint(self.excluded, top) };
            if self.best.is_finite() && (top - self.excluded <= self.config.precision * top || top <= 0.0) {
                return None;
            }
            let mut ran_out = false;
            let asks_about_ties = self.refused.len() < REFUSED;
            let mut nearest: Option<(f64, Vec<f32>)> = None;
            for leads in &self.leads {
                let question = Question::new(&trees, leads);
                let mut space = Space::new(&self.ball, &self.x);
                space.narrow(radius);
                let lead = if asks_about_ties { -self.tolerance } else { self.tolerance };
                let mut limits =
                    Limits { lead, certain: self.tolerance, radius, refused: &self.refused, nodes: u64::from(self.config.nodes) };
                match search(&question, &self.ball, &self.x, &mut space, &mut limits) {
                    Ended::Found(point) => {
                        let distance = self.ball.distance(&self.x, &point);
                        if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
                            nearest = Some((distance, point));
                        }
                    }
                    Ended::OutOfNodes => ran_out = true,
                    Ended::None => {}
                }
            }
            if let Some((distance, point)) = nearest {
                self.asked = Some((distance, point.clone()));
                return Some(point);
            }
            if !ran_out && asks_about_ties {
                self.none_within = Some(self.none_within.map_or(radius, |known| known.max(radius)));
            }
            if self.best.is_infinite() {
                if !ran_out || radius <= 0.0 {
                    return None;
                }
                // Smaller boxes leave fewer leaves open.
                self.radius = radius / 2.0;
                if self.radius < self.ball.diameter(self.x.len()) * 1e-4 {
                    return None;
                }
            } else {
                self.excluded = radius;
            }
        }
    }
}

impl Run {
    /// True where the trees say that the point is an example, however their sums are rounded.
    fn is_certain(&self, point: &[f32]) -> bool {
        let Some(trees) = &self.trees else { return false };
        let sums = trees.sums(point);
        let of = |score: usize| sums.get(score).copied().unwrap_or(0.0);
        let lead = |lead: &Lead| lead.sign * of(lead.score) - lead.rival.map_or(0.0, of) - lead.sign * lead.threshold;
        self.leads.iter().any(|leads| leads.iter().all(|it| lead(it) > self.tolerance))
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        match self.next() {
            Some(point) => x.copy_from_slice(&point),
            None => {
                self.asked = None;
                x.copy_from_slice(&self.x);
            }
        }
        Need::Verdict
    }

    fn none_within(&self) -> Option<f64> {
        self.none_within.filter(|_| !self.contradicted)
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let Some((distance, point)) = self.asked.take() else { return Next::Done };
        if reply.reached {
            self.best = distance;
            if self.best <= 0.0 { Next::Done } else { Next::Continue }
        } else {
            self.contradicted |= self.is_certain(&point);
            self.refused.push(point);
            if self.refused.len() < 2 * REFUSED { Next::Continue } else { Next::Done }
        }
    }
}
