//! Is the gradient that a session computes the slope of the loss that it computes?
//!
//! A runtime may compute the logits of a gradient graph rightly and its gradient wrongly, without a word. Two things tell: differences of the loss
//! along directions, and the gradient of another runtime.

use brinell_task::{Demand, Head, Loss, Objective, Task};

use crate::{Answer, Oracle, OracleError};

/// Random directions for each point; one more is the gradient's own.
const DIRECTIONS: u64 = 12;
/// Sizes of steps, relative to the width of each value's range, in the order in which they are tried: small ones are lost in rounding, large ones
/// pass kinks, and quantised models have stairs.
const SIZES: [f32; 4] = [1.0 / 512.0, 1.0 / 64.0, 1.0 / 4096.0, 1.0 / 12.0];
/// A cosine beyond which no other size of steps is tried.
const ENOUGH: f64 = 0.95;
/// Changes of a value up to this part of the largest one may be rounding.
const ROUNDING: f32 = 4e-6;

/// A point at which a gradient is looked at.
#[derive(Debug, Clone)]
pub struct SlopePoint {
    /// The stored sample.
    pub x: Vec<f32>,
    /// Its place in the data, for inputs that are held at values of their own.
    pub sample: usize,
    /// What is asked of it.
    pub demand: Demand,
    /// The rival in hand, and the target of losses that have one.
    pub rival: Option<usize>,
}

/// What is climbed.
#[derive(Debug, Clone, Copy)]
pub enum Climb<'a> {
    /// A loss of classes: that of a point's truth and, where it has a target, that of its rival.
    Loss(Loss),
    /// What an objective means for a task.
    Objective(&'a dyn Task, Objective),
}

impl Climb<'_> {
    /// Returns how it gets into the graph, for what is asked of a point.
    #[must_use]
    pub fn head(&self, point: &SlopePoint) -> Head {
        match self {
            Self::Loss(loss) => Head::Fused(*loss),
            Self::Objective(task, objective) => task.head(*objective, &point.demand.wanted),
        }
    }

    /// Returns the value at a row of the model's values.
    fn value(&self, values: &[f32], point: &SlopePoint) -> f64 {
        f64::from(match self {
            Self::Loss(loss) => {
                let (label, target) = classes_of(point);
                loss.eval(values, label, target)
            }
            Self::Objective(task, objective) => task.loss(*objective, values, point.demand.posed(), point.rival),
        })
    }

    /// Writes what the gradient is fed, `[F, Z]`; `values` are needed where it enters by its derivative.
    fn feed(&self, values: &[f32], width: usize, point: &SlopePoint) -> Vec<f32> {
        let mut fed = vec![0.0; self.head(point).feeds().len() * width];
        match (self, self.head(point)) {
            (Self::Loss(loss), _) => {
                let (label, target) = classes_of(point);
                return loss.feed(width, &[label], &[target]);
            }
            (Self::Objective(task, _), Head::Fused(_)) => task.feed(point.demand.posed(), point.rival, &mut fed),
            (Self::Objective(task, objective), Head::Linear) => {
                task.pull(*objective, values, point.demand.posed(), point.rival, &mut fed);
            }
        }
        fed
    }
}

/// Label and target; no class where there is none.
fn classes_of(point: &SlopePoint) -> (usize, usize) {
    let label = point.demand.truth.class().unwrap_or(usize::MAX);
    (label, point.rival.unwrap_or(label))
}

/// What a step means for a model, and how many points one call of it takes.
#[derive(Debug, Clone)]
pub struct Steps {
    /// Width of the range of each value of a sample.
    pub widths: Vec<f32>,
    /// The smallest change of a value that the model can see: 1 where it takes whole numbers, else 0.
    pub least: f32,
    /// Largest number of rows of one call.
    pub batch: usize,
}

/// How well the gradient fits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Slopes {
    /// Median over the points of the cosine between what the gradient says of steps in several directions and what the loss does along them, at
    /// the size of steps where they agree best; absent where neither moves at any point.
    pub cosine: Option<f64>,
    /// Points that told something.
    pub points: usize,
    /// Forwards that were asked for.
    pub forwards: u64,
    /// Gradients that were asked for.
    pub backwards: u64,
}

impl Oracle {
    /// Compares the gradient of what is climbed with differences of it, on the sessions that answer attacks.
    ///
    /// # Guarantees
    /// Scaling the gradient or the loss by a positive number changes nothing.
    ///
    /// # Errors
    /// As [`Oracle::fused`].
    pub fn slopes(&mut self, climb: Climb<'_>, points: &[SlopePoint], steps: &Steps) -> Result<Slopes, OracleError> {
        let mut found = Slopes { backwards: points.len() as u64, ..Slopes::default() };
        let gradients = self.gradients_at(climb, points, steps.batch)?;
        let mut cosines: Vec<Option<f64>> = vec![None; points.len()];
        for size in SIZES {
            for ((point, gradient), best) in points.iter().zip(gradients.chunks_exact(self.sample_len().max(1))).zip(&mut cosines) {
                if best.is_some_and(|cosine| cosine >= ENOUGH) {
                    continue;
                }
                let pairs = self.differences(climb, point, gradient, steps, size)?;
                found.forwards += 2 * (DIRECTIONS + 1);
                *best = [*best, pairs.cosine()].into_iter().flatten().reduce(f64::max);
            }
        }
        let told: Vec<f64> = cosines.into_iter().flatten().collect();
        found.points = told.len();
        found.cosine = median(told);
        Ok(found)
    }

    /// Returns the gradients of what is climbed at `points`, one after the other.
    ///
    /// # Errors
    /// As [`Oracle::fused`].
    pub fn gradients_at(&mut self, climb: Climb<'_>, points: &[SlopePoint], batch: usize) -> Result<Vec<f32>, OracleError> {
        let (mut answer, mut gradients) = (Answer::default(), Vec::new());
        for chunk in points.chunks(self.fixed_batch().unwrap_or(batch).max(1)) {
            let x: Vec<f32> = chunk.iter().flat_map(|point| point.x.iter().copied()).collect();
            let Some(head) = chunk.first().map(|point| climb.head(point)) else { continue };
            let width = self.width();
            if head == Head::Linear {
                // Its weights are the derivative at the values.
                self.prepare(head)?;
                self.about(chunk.iter().map(|point| point.sample));
                self.values(&x, &mut answer)?;
            }
            let row = |i: usize| answer.values.get(i * width..(i + 1) * width).unwrap_or_default();
            let feeds: Vec<f32> = chunk.iter().enumerate().flat_map(|(i, point)| climb.feed(row(i), width, point)).collect();
            self.about(chunk.iter().map(|point| point.sample));
            match head {
                Head::Fused(loss) => self.fused(loss, &x, &feeds, &mut answer)?,
                Head::Linear => self.pull(&x, &feeds, &mut answer)?,
            }
            gradients.extend_from_slice(&answer.gradient);
        }
        Ok(gradients)
    }

    /// Steps to both sides of a point along each direction.
    fn differences(
        &mut self,
        climb: Climb<'_>,
        point: &SlopePoint,
        gradient: &[f32],
        steps: &Steps,
        size: f32,
    ) -> Result<Pairs, OracleError> {
        let directions: Vec<Vec<f32>> = (0..=DIRECTIONS).map(|k| direction(point, gradient, steps, size, k)).collect();
        let rows: Vec<Vec<f32>> = directions
            .iter()
            .flat_map(|direction| [1.0, -1.0].map(|side| point.x.iter().zip(direction).map(|(x, d)| x + side * d).collect()))
            .collect();
        let (mut answer, mut losses, mut rounding) = (Answer::default(), Vec::new(), None);
        let width = self.width().max(1);
        for chunk in rows.chunks(self.fixed_batch().unwrap_or(steps.batch).max(1)) {
            self.about(std::iter::repeat_n(point.sample, chunk.len()));
            self.values(&chunk.concat(), &mut answer)?;
            rounding = rounding.or_else(|| answer.values.get(..width).map(|row| rounding_of(climb, row, point)));
            losses.extend(answer.values.chunks_exact(width).map(|row| climb.value(row, point)));
        }
        let seen = losses.chunks_exact(2).map(|pair| pair.iter().copied().reduce(|ahead, behind| ahead - behind).unwrap_or(f64::NAN) / 2.0);
        // The steps that were taken are those that f32 holds.
        let said = rows.chunks_exact(2).map(|pair| match pair {
            [ahead, behind] => {
                let steps = ahead.iter().zip(behind).map(|(a, b)| (f64::from(*a) - f64::from(*b)) / 2.0);
                steps.zip(gradient).map(|(step, &g)| step * f64::from(g)).sum()
            }
            _ => f64::NAN,
        });
        Ok(Pairs { said: said.collect(), seen: seen.collect(), rounding: rounding.unwrap_or_default() })
    }
}

/// Returns by how much a loss may change where every value is rounded.
fn rounding_of(climb: Climb<'_>, values: &[f32], point: &SlopePoint) -> f64 {
    let by = ROUNDING * values.iter().fold(0.0f32, |m, z| m.max(z.abs()));
    let (own, mut row) = (climb.value(values, point), values.to_vec());
    let mut squares = 0.0;
    for (k, &z) in values.iter().enumerate() {
        if let Some(moved) = row.get_mut(k) {
            *moved = z + by;
        }
        squares += (climb.value(&row, point) - own).powi(2);
        if let Some(moved) = row.get_mut(k) {
            *moved = z;
        }
    }
    squares.sqrt()
}

/// Returns step `k` from a point: up or down by `size` at random in every value, or for the last one along the gradient, so short that it says about
/// as much.
fn direction(point: &SlopePoint, gradient: &[f32], steps: &Steps, size: f32, k: u64) -> Vec<f32> {
    let step = |width: f32| (size * width).max(steps.least);
    if k < DIRECTIONS || steps.least > 0.0 {
        let key = (point.sample as u64) << 8 | k;
        return steps.widths.iter().zip(0u64..).map(|(&width, place)| if is_up(key, place) { step(width) } else { -step(width) }).collect();
    }
    let along = || steps.widths.iter().zip(gradient).map(|(&width, &g)| step(width) * g);
    let length = along().map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    if length == 0.0 || !length.is_finite() {
        return vec![0.0; steps.widths.len()];
    }
    #[expect(clippy::cast_possible_truncation, reason = "a step is no more exact than f32")]
    steps.widths.iter().zip(along()).map(|(&width, v)| step(width) * (f64::from(v) / length) as f32).collect()
}

/// A bit that is the same on every machine.
///
/// # Source
/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (the mixing of SplitMix64).
fn is_up(key: u64, place: u64) -> bool {
    let z = (key.wrapping_mul(0xd134_2543_de82_ef95) ^ place).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 1
}

/// What the gradient says of each step, and what was seen.
struct Pairs {
    said: Vec<f64>,
    seen: Vec<f64>,
    /// Changes of the loss up to this may be rounding.
    rounding: f64,
}

impl Pairs {
    /// Returns the cosine of the two; `None` where both are no more than rounding or not finite, 0 where one of them is nothing.
    fn cosine(&self) -> Option<f64> {
        let [said, seen] = [&self.said, &self.seen].map(|list| list.iter().map(|v| v * v).sum::<f64>().sqrt());
        if !said.is_finite() || !seen.is_finite() || said.max(seen) <= self.rounding {
            return None;
        }
        Some(cosine(&self.said, &self.seen))
    }
}

/// Returns the median over samples of the cosine between two gradients of each; absent where both are zero at all of them, or not finite.
#[must_use]
pub fn likeness(a: &[f32], b: &[f32], sample_len: usize) -> Option<f64> {
    let widened = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let told = |row: &[f64]| row.iter().all(|v| v.is_finite()) && row.iter().any(|&v| v != 0.0);
    let rows = a.chunks_exact(sample_len.max(1)).zip(b.chunks_exact(sample_len.max(1))).map(|(a, b)| (widened(a), widened(b)));
    median(rows.filter(|(a, b)| told(a) || told(b)).map(|(a, b)| cosine(&a, &b)).collect())
}

/// Returns the cosine of two vectors; 0 where one of them is zero.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 && lengths.is_finite() { dot(a, b) / lengths } else { 0.0 }
}

/// Returns the median, the lower one of two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{Pairs, is_up, likeness, median};

    #[test]
    fn bits_are_even_and_differ_from_key_to_key() {
        let bits = |key| (0..4096).map(|place| is_up(key, place)).collect::<Vec<_>>();
        let up = bits(3).iter().filter(|&&bit| bit).count();
        assert!((1900..2200).contains(&up), "{up}");
        let same = bits(3).iter().zip(bits(4)).filter(|(a, b)| *a == b).count();
        assert!((1900..2200).contains(&same), "{same}");
    }

    #[test]
    fn nothing_said_of_a_loss_that_moves_is_disagreement_and_nothing_seen_at_all_is_none() {
        let pairs = |said: [f64; 2], seen: [f64; 2]| Pairs { said: said.to_vec(), seen: seen.to_vec(), rounding: 1e-6 }.cosine();
        assert_eq!(pairs([0.0, 0.0], [1.0, 0.5]), Some(0.0));
        assert_eq!(pairs([1.0, 0.5], [0.0, 0.0]), Some(0.0));
        assert_eq!(pairs([0.0, 0.0], [1e-9, 0.0]), None);
        assert_eq!(pairs([3.0, 4.0], [6.0, 8.0]), Some(1.0));
        assert_eq!(pairs([3.0, 4.0], [-3.0, -4.0]), Some(-1.0));
        assert_eq!(pairs([f64::NAN, 4.0], [-3.0, -4.0]), None);
    }

    #[test]
    fn likeness_is_the_median_over_samples_that_tell() {
        let a = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 0.0];
        assert_eq!(likeness(&a, &a, 2), Some(1.0));
        assert_eq!(likeness(&a, &[0.0, 1.0, 0.0, 0.0, -1.0, -1.0, 2.0, 0.0], 2), Some(0.0));
        assert_eq!(likeness(&[0.0; 4], &[0.0; 4], 2), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0, 4.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
