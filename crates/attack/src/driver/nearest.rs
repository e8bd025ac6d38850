//! The nearest adversarial points of one sample, kept until the court judges them.

/// Points that are kept: where the court refuses the nearest, which lies on the edge of the decision, one before it may stand.
const KEPT: usize = 4;

/// A point that is nearer by less than this share takes the place of the one before it: an attack that closes in on the edge would else fill
/// all places with points that rounding alone tells apart.
const APART: f64 = 1e-3;

/// The last few of a row of points that come ever nearer. Memory: at most [`KEPT`] d floats.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    /// Filled up to `KEPT` and then overwritten in turn, so that no step allocates.
    points: Vec<(Vec<f32>, u32)>,
    /// Place of the newest point.
    newest: usize,
    /// Points that have not been taken out.
    left: usize,
    /// Distance of the first point that stood in the newest place.
    anchor: f64,
}

impl Nearest {
    /// Keeps a point at a distance smaller than that of all before it, and the run that found it.
    pub(super) fn push(&mut self, x: &[f32], run: u32, distance: f64) {
        let apart = self.points.is_empty() || distance <= self.anchor * (1.0 - APART);
        if apart {
            self.anchor = distance;
        }
        if apart && self.points.len() < KEPT {
            self.newest = self.points.len();
            self.points.push((x.to_vec(), run));
        } else {
            if apart {
                self.newest = (self.newest + 1) % KEPT;
            }
            if let Some((point, from)) = self.points.get_mut(self.newest) {
                point.copy_from_slice(x);
                *from = run;
            }
        }
        self.left = self.points.len();
    }

    /// Takes out the nearest point that is left.
    pub(super) fn pop(&mut self) -> Option<(&[f32], u32)> {
        self.left = self.left.checked_sub(1)?;
        let place = self.newest;
        self.newest = (self.newest + KEPT - 1) % KEPT;
        self.points.get(place).map(|(x, run)| (x.as_slice(), *run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_points_come_out_first_and_each_once() {
        for n in 0..12u32 {
            let mut nearest = Nearest::default();
            (0..n).for_each(|run| nearest.push(&[run as f32], run, 0.5f64.powi(run as i32)));
            let out: Vec<u32> = std::iter::from_fn(|| nearest.pop().map(|(_, run)| run)).collect();
            let expected: Vec<u32> = (0..n).rev().take(KEPT).collect();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn points_that_close_in_on_the_edge_leave_the_ones_before_in_place() {
        let mut nearest = Nearest::default();
        for (run, distance) in [8.0, 4.0, 2.0].into_iter().enumerate() {
            nearest.push(&[distance as f32], run as u32, distance);
        }
        (3..50).for_each(|run| nearest.push(&[1.0], run, 1.0 + 1e-6 * f64::from(50 - run)));
        let out: Vec<u32> = std::iter::from_fn(|| nearest.pop().map(|(_, run)| run)).collect();
        assert_eq!(out, [49, 2, 1, 0]);
    }
}
