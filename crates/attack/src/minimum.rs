//! What the minimum-norm attacks share: they look for the adversarial example nearest to the clean input, wherever that is.
//!
//! A [`Search`] moves one point; around it, [`Nearest`] keeps the point inside the box, remembers the nearest example and polishes it at the
//! end. With a ball of finite radius the same search is an attack at that radius: the driver stops it at the first example inside.

mod adam;
pub(crate) mod cw;
pub(crate) mod ddn;
pub(crate) mod deepfool;
pub(crate) mod ead;
pub(crate) mod fmn;
pub(crate) mod pdpgd;
mod polish;
mod proximal;
mod prune;
mod rescue;
pub(crate) mod sigma_zero;
mod steps;
mod tradeoff;

use brinell_task::Rivals;
use brinell_threat::{Ball, Norm, clamp};

use crate::{Attack, Need, Next, Reply, Start, rng::generator};
use polish::Polish;
use prune::Prune;
use rescue::{Rescue, Rescued};

/// What is known of the sample under attack.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Clean input `[d]`.
    pub(crate) x: Box<[f32]>,
    /// Norm and box; the radius is not that of the search.
    pub(crate) ball: Ball,
    /// Distance of the farthest corner of the box.
    pub(crate) farthest: f64,
}

impl Sample {
    fn new(start: &Start<'_>) -> Self {
        Self { x: start.x.into(), ball: start.ball.clone(), farthest: farthest(start) }
    }

    /// Distance from the clean input.
    pub(crate) fn distance(&self, point: &[f32]) -> f64 {
        self.ball.distance(&self.x, point)
    }

    /// Width of the box, in units of which the constants of the papers are given.
    pub(crate) fn width(&self) -> f64 {
        self.ball.bounds.width()
    }

    /// Moves a point to the nearest one of the box; NaN becomes the lower bound.
    pub(crate) fn clip(&self, point: &mut [f32]) {
        let (lo, hi) = (self.ball.bounds.lo(), self.ball.bounds.hi());
        point.iter_mut().for_each(|v| *v = clamp(*v, lo, hi));
    }
}

fn farthest(start: &Start<'_>) -> f64 {
    let (lo, hi) = (f64::from(start.ball.bounds.lo()), f64::from(start.ball.bounds.hi()));
    let rooms = start.x.iter().map(|&x| (f64::from(x) - lo).abs().max((hi - f64::from(x)).abs()));
    match start.ball.norm {
        Norm::Linf => rooms.fold(0.0, f64::max),
        Norm::L2 => rooms.map(|room| room * room).sum::<f64>().sqrt(),
        Norm::L1 => rooms.sum(),
        Norm::L0 => start.x.len() as f64,
    }
}

/// What the model said of a point, seen with the goal in mind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Whether the point reaches the goal.
    pub(crate) adversarial: bool,
    /// Its distance from the clean input.
    pub(crate) distance: f64,
    /// How far the goal is exceeded; minus infinity where a value is not finite.
    pub(crate) margin: f64,
    /// Size of the values that the margin compares.
    pub(crate) scale: f64,
    /// Gradient of the recipe's loss, empty unless it was asked for.
    pub(crate) gradient: &'a [f32],
    /// The rivals there.
    pub(crate) rivals: Rivals<'a>,
}

/// A search for near examples: it moves one point from query to query.
pub(crate) trait Search: Send {
    /// Moves `point` from where it stands, the clean input or the example to be improved, to the first point.
    fn begin(&mut self, sample: &Sample, point: &mut [f32]) -> Need;

    /// Moves `point`, about which the model was asked, to the next point; `None` where there is none. Points outside the box are clipped by the caller.
    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need>;

    /// The rival that the loss at the point refers to, where the search chooses one of its own.
    fn rival(&self) -> Option<usize> {
        None
    }

    /// Whether a search that has found nothing so far should [`resume`](Search::resume) elsewhere; `flat` says that the gradient is zero.
    fn stuck(&self, _flat: bool) -> bool {
        false
    }

    /// Goes on from an example at a distance that was found elsewhere, about which the model is asked next; `None` in a search that cannot.
    fn resume(&mut self, _distance: f64) -> Option<Need> {
        None
    }
}

/// What the point in hand is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Search,
    Rescue,
    Polish,
}

/// A search with its bookkeeping: the attack that the driver sees.
///
/// A search that stands where the gradient is zero, or has spent half or all of its steps without finding an example, is given one
/// from far away: noise and flat images are tried, at a forward each and with no gradients, and the way back is halved.
///
/// Memory per live sample, beside that of the search: 4 d floats (clean input, point, nearest example, and a row to polish it; for L0 6 d).
pub(crate) struct Nearest<S> {
    sample: Sample,
    search: S,
    /// Whether the search has ended.
    over: bool,
    rescue: Option<Box<Rescue>>,
    polish: Option<Box<dyn Search>>,
    phase: Phase,
    point: Box<[f32]>,
    need: Need,
    best: Box<[f32]>,
    distance: f64,
    /// The rival that leads at the nearest example.
    leader: Option<usize>,
}

impl<S: Search> Nearest<S> {
    /// `name` is that of the attack; `polish` is the number of queries that may be spent on the nearest example at the end.
    pub(crate) fn new(start: &Start<'_>, name: &str, mut search: S, polish: u32) -> Self {
        let sample = Sample::new(start);
        let mut point = sample.x.clone();
        let need = search.begin(&sample, &mut point);
        sample.clip(&mut point);
        let best: Box<[f32]> = start.found.unwrap_or(start.x).into();
        let distance = start.found.map_or(f64::INFINITY, |found| sample.distance(found));
        let rescue = start.found.is_none().then(|| Box::new(Rescue::new(start, generator(name, start))));
        let polish: Option<Box<dyn Search>> = match (polish, sample.ball.norm) {
            (0, _) => None,
            (queries, Norm::L0) => Some(Box::new(Prune::new(&sample, queries))),
            (queries, _) => Some(Box::new(Polish::new(&sample, queries))),
        };
        Self { sample, search, over: false, rescue, polish, phase: Phase::Search, point, need, best, distance, leader: None }
    }

    /// Moves the search on, or has it rescued where it leads nowhere.
    fn search(&mut self, told: &Told<'_>) -> Option<Need> {
        let found = self.distance < f64::INFINITY;
        let flat = self.need == Need::Gradient && told.gradient.iter().all(|&g| g == 0.0);
        if !found && self.rescue.is_some() && self.search.stuck(flat) {
            return self.open();
        }
        let next = self.search.step(&self.sample, &mut self.point, told);
        if next.is_some() {
            return next;
        }
        self.over = true;
        if found { self.polish() } else { self.open() }
    }

    /// Begins the rescue, unless it was tried before.
    fn open(&mut self) -> Option<Need> {
        self.rescue.as_mut()?.begin(&self.sample, &mut self.point);
        self.phase = Phase::Rescue;
        Some(Need::Values)
    }

    /// Moves the rescue on, and back to the search where it is over.
    fn rescue(&mut self, told: &Told<'_>) -> Option<Need> {
        match self.rescue.as_mut()?.step(&self.sample, &mut self.point, told.adversarial, &self.best) {
            Rescued::Asking => Some(Need::Values),
            rescued => {
                self.rescue = None;
                self.phase = Phase::Search;
                if matches!(rescued, Rescued::Never) {
                    self.point.copy_from_slice(&self.sample.x);
                    return if self.over { None } else { Some(Need::Gradient) };
                }
                self.point.copy_from_slice(&self.best);
                let next = if self.over { None } else { self.search.resume(self.distance) };
                next.or_else(|| self.polish())
            }
        }
    }

    /// Begins to polish the nearest example.
    fn polish(&mut self) -> Option<Need> {
        let polish = self.polish.as_mut().filter(|_| self.distance > 0.0 && self.distance < f64::INFINITY)?;
        self.phase = Phase::Polish;
        self.point.copy_from_slice(&self.best);
        Some(polish.begin(&self.sample, &mut self.point))
    }
}

impl<S: Search> Attack for Nearest<S> {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        x.copy_from_slice(&self.point);
        self.need
    }

    fn rival(&self) -> Option<usize> {
        if self.phase == Phase::Polish { self.leader } else { self.search.rival() }
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let distance = self.sample.distance(&self.point);
        if reply.reached && distance < self.distance {
            self.distance = distance;
            self.leader = reply.rivals.leader();
            self.best.copy_from_slice(&self.point);
        }
        let Reply { reached: adversarial, margin, scale, gradient, rivals, .. } = *reply;
        let told = Told { adversarial, distance, margin, scale, gradient, rivals };
        let next = match self.phase {
            Phase::Search => self.search(&told),
            Phase::Rescue => self.rescue(&told),
            Phase::Polish => self.polish.as_mut().and_then(|polish| polish.step(&self.sample, &mut self.point, &told)),
        };
        let Some(need) = next else { return Next::Done };
        self.sample.clip(&mut self.point);
        self.need = need;
        Next::Continue
    }
}
