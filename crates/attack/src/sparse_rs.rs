//! Sparse-RS: random search over which few elements are changed, and to what, from logits alone.

use brinell_threat::{InputBox, Norm};
use rand_chacha::{ChaCha8Rng, rand_core::Rng};

use crate::registry::Entry;
use crate::settings::{COUNT, Declared, PART, UNIT, settings};
use crate::{Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start, rng::generator};

/// Queries of the published schedule after which fewer elements are exchanged at once, and what the share is divided by then.
const SCHEDULE: [(u32, f64); 9] =
    [(0, 2.0), (50, 4.0), (200, 5.0), (500, 6.0), (1000, 8.0), (2000, 10.0), (4000, 12.0), (6000, 15.0), (8000, 20.0)];

/// Draws after which a value that is the old one is taken all the same.
const DRAWS: u32 = 8;

settings! {
    /// Parameters of [`SparseRs`].
    pub struct SparseRsConfig {
        /// Number of points to try in one run, after the first.
        queries: u32 = 10_000, COUNT, paper "10,000";
        /// Number of runs per sample.
        restarts: u32 = 1, COUNT, paper "1";
        /// Share of the changed elements that are replaced at first.
        p: f64 = 0.8, PART, paper "0.3; the authors' code 0.8";
        /// Share of new values that are the smallest or largest allowed value; the others are drawn between them.
        ends: f64 = 0.5, UNIT, paper "1";
    }
}

/// `sparse-rs` in the registry.
pub(crate) static ENTRY: Entry<SparseRsConfig> = Entry {
    name: SparseRs::NAME,
    about: "random search for a few elements to change and their new values, from scores alone",
    default: || SparseRsConfig::DEFAULT,
    make: |config| Ok(Box::new(SparseRs::new(config)?)),
};

/// Sparse-RS (L0).
///
/// As many elements as the radius allows are changed. Each query puts some of them back, changes as many others instead, and is kept where the
/// margin does not fall.
///
/// One run costs `queries + 1` forwards. Memory per live sample: 4 d floats (clean input, best point, point tried, order of the elements).
///
/// # Source
/// Croce, Andriushchenko, Singh, Flammarion & Hein, "Sparse-RS: a versatile framework for query-efficient sparse black-box adversarial attacks",
/// AAAI 2022, Alg. 1 and section 4, with the schedule of the authors' code. There pixels are counted and take corners of the colour cube; here elements
/// are, and half of the new values lie between the ends (`ends`), since of a word's number or a feature of a table the ends are seldom the best. Where
/// one element is exchanged, it is every second time the same one, which takes another value; a point as good as the best takes its place.
#[derive(Debug, Clone)]
pub struct SparseRs {
    config: SparseRsConfig,
}

impl SparseRs {
    /// Name on the command line.
    pub const NAME: &'static str = "sparse-rs";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: SparseRsConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for SparseRs {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L0]
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

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

/// The state machine.
struct Run {
    bounds: InputBox,
    clean: Box<[f32]>,
    best: Box<[f32]>,
    tried: Box<[f32]>,
    /// All elements; the first `k` are those that are changed in the best point.
    order: Box<[u32]>,
    k: usize,
    /// Places of the order that the point tried exchanges: as many from the changed ones as from the others, at the front of each.
    exchanged: usize,
    best_loss: f32,
    told: u32,
    config: SparseRsConfig,
    rng: ChaCha8Rng,
}

/// Share of the changed elements that query number `query`, from 0, exchanges.
fn share(p: f64, query: u32) -> f64 {
    let divisor = SCHEDULE.iter().rev().find(|(after, _)| query > *after).map_or(1.0, |(_, divisor)| *divisor);
    p / divisor
}

impl Run {
    fn new(config: &SparseRsConfig, start: &Start<'_>, rng: ChaCha8Rng) -> Self {
        let bounds = start.ball.bounds;
        let clean: Box<[f32]> = start.x.iter().map(|v| v.clamp(bounds.lo(), bounds.hi())).collect();
        let n = clean.len();
        let mut run = Self {
            bounds,
            best: clean.clone(),
            tried: clean.clone(),
            order: (0..n).map(|i| u32::try_from(i).unwrap_or(u32::MAX)).collect(),
            k: start.ball.eps.min(n as f64) as usize,
            exchanged: 0,
            best_loss: f32::NEG_INFINITY,
            told: 0,
            config: config.clone(),
            clean,
            rng,
        };
        run.shuffle(0, n, run.k);
        for place in 0..run.k {
            run.redraw(place);
        }
        run
    }

    fn below(&mut self, n: usize) -> usize {
        // Off by less than n / 2^32 from uniform.
        ((u64::from(self.rng.next_u32()) * n as u64) >> 32) as usize
    }

    /// A number from 0 up to but not including 1.
    fn fraction(&mut self) -> f64 {
        f64::from(self.rng.next_u32()) / 4_294_967_296.0
    }

    /// Moves `count` places drawn at random from `first..end` of the order to its front.
    fn shuffle(&mut self, first: usize, end: usize, count: usize) {
        for place in first..(first + count).min(end) {
            let other = place + self.below(end - place);
            self.order.swap(place, other);
        }
    }

    /// Gives the element in a place of the order another value than it has, and than the clean one.
    fn redraw(&mut self, place: usize) {
        let Some(index) = self.order.get(place).map(|&index| index as usize) else { return };
        let (lo, hi) = (self.bounds.lo(), self.bounds.hi());
        let (clean, now) = (self.clean.get(index).copied().unwrap_or(lo), self.tried.get(index).copied().unwrap_or(lo));
        let mut value = now;
        for _ in 0..DRAWS {
            value = if self.fraction() < self.config.ends {
                if self.rng.next_u32() & 1 == 1 { hi } else { lo }
            } else {
                (f64::from(lo) + self.fraction() * (f64::from(hi) - f64::from(lo))) as f32
            };
            if value.to_bits() != clean.to_bits() && value.to_bits() != now.to_bits() {
                break;
            }
        }
        if let Some(tried) = self.tried.get_mut(index) {
            *tried = value;
        }
    }

    /// Writes the next point into `tried`.
    fn propose(&mut self) {
        self.tried.copy_from_slice(&self.best);
        let (k, n) = (self.k, self.order.len());
        let wanted = ((share(self.config.p, self.told - 1) * k as f64) as usize).max(1).min(k);
        // A value of its own may be all that an element lacks.
        let stays = n == k || (wanted == 1 && self.rng.next_u32() & 1 == 1);
        self.exchanged = if stays { 0 } else { wanted.min(n - k) };
        self.shuffle(0, k, wanted);
        if stays {
            for place in 0..wanted {
                self.redraw(place);
            }
            return;
        }
        self.shuffle(k, n, self.exchanged);
        for place in 0..self.exchanged {
            let back = self.order.get(place).map_or(usize::MAX, |&index| index as usize);
            if let (Some(tried), Some(&clean)) = (self.tried.get_mut(back), self.clean.get(back)) {
                *tried = clean;
            }
            self.redraw(k + place);
        }
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        if self.told > 0 && self.k > 0 {
            self.propose();
        }
        x.copy_from_slice(&self.tried);
        Need::Values
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        // NaN is no loss: what does not fall below the best is kept, so that the search wanders where the margin has steps.
        if self.told == 0 || reply.loss >= self.best_loss {
            self.best_loss = if reply.loss.is_nan() { f32::NEG_INFINITY } else { reply.loss };
            self.best.copy_from_slice(&self.tried);
            for place in 0..self.exchanged {
                self.order.swap(place, self.k + place);
            }
        }
        self.exchanged = 0;
        self.told += 1;
        if self.k == 0 || self.told > self.config.queries { Next::Done } else { Next::Continue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_threat::Ball;

    #[test]
    fn the_schedule_is_that_of_the_authors_code() {
        let published =
            [(0, 0.8), (1, 0.4), (50, 0.4), (51, 0.2), (201, 0.16), (501, 0.8 / 6.0), (1001, 0.1), (2001, 0.08), (5000, 0.8 / 12.0)];
        for (query, expected) in published {
            assert!((share(0.8, query) - expected).abs() < 1e-12, "{query}");
        }
        assert!((share(0.8, 9000) - 0.04).abs() < 1e-12);
    }

    #[test]
    fn the_sets_of_changed_elements_stay_sets_and_the_best_is_kept() {
        let x = [0.5; 20];
        let ball = Ball { norm: Norm::L0, eps: 3.0, bounds: InputBox::UNIT, features: None };
        let attack = SparseRs::new(SparseRsConfig { queries: 3000, ..SparseRsConfig::default() }).unwrap();
        let start = Start::new(&x, &ball);
        let mut run = Run::new(&attack.config, &start, generator(SparseRs::NAME, &start));
        let mut point = [0.0; 20];
        let mut best = f32::NEG_INFINITY;
        let mut queries = 0;
        // Three elements count, and only near a third.
        let loss = |x: &[f32]| -[2usize, 7, 11].iter().map(|&i| (x[i] - 1.0 / 3.0).abs()).sum::<f32>();
        loop {
            run.ask(&mut point);
            queries += 1;
            ball.contains(&x, &point).unwrap();
            best = best.max(loss(&point));
            let reply = Reply { loss: loss(&point), ..Reply::UNTOLD };
            let next = run.tell(&reply);
            let mut order = run.order.to_vec();
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(i, &index)| index as usize == i));
            assert!((loss(&run.best) - best).abs() < 1e-6);
            if next == Next::Done {
                break;
            }
        }
        assert_eq!(queries, 3001);
        assert!(best > -0.1, "{best}");
    }
}
