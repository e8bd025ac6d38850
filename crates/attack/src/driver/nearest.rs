//! The nearest adversarial points of one sample, kept until the court judges them.

/// Points that are kept: where the court refuses the nearest, which lies on the edge of the decision, the one before it may stand.
const KEPT: usize = 4;

/// The last few of a row of points that come ever nearer. Memory: at most [`KEPT`] d floats.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    /// Filled up to `KEPT` and then overwritten in turn, so that no step allocates.
    points: Vec<(Vec<f32>, u32)>,
    /// Place of the newest point.
    newest: usize,
    /// Points that have not been taken out.
    left: usize,
}

impl Nearest {
    /// Keeps a point that is nearer than all before it, and the run that found it.
    pub(super) fn push(&mut self, x: &[f32], run: u32) {
        if self.points.len() < KEPT {
            self.newest = self.points.len();
            self.points.push((x.to_vec(), run));
        } else {
            self.newest = (self.newest + 1) % KEPT;
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
            (0..n).for_each(|run| nearest.push(&[run as f32], run));
            let out: Vec<u32> = std::iter::from_fn(|| nearest.pop().map(|(_, run)| run)).collect();
            let expected: Vec<u32> = (0..n).rev().take(KEPT).collect();
            assert_eq!(out, expected);
        }
    }
}
