//! Resampling along one axis, and along both.

use crate::picture::Planes;

/// The values along an axis of n, each a weighted sum of at most four of the old.
pub(super) struct Axis {
    taps: Box<[[(u32, f32); 4]]>,
}

impl Axis {
    fn new(n: usize) -> Self {
        let mut axis = Self { taps: vec![[(0, 0.0); 4]; n].into() };
        axis.leave();
        axis
    }

    /// Leaves everything as it is.
    fn leave(&mut self) {
        for (i, taps) in self.taps.iter_mut().enumerate() {
            *taps = [(i as u32, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)];
        }
    }

    /// Resizes to `inner`, puts that `before` zeros away from the begin of `outer` values, and resizes these back: bilinear, with half-pixel centres.
    fn pad(&mut self, inner: usize, before: usize, outer: usize) {
        let n = self.taps.len();
        for (i, taps) in self.taps.iter_mut().enumerate() {
            let mut next = 0;
            for (at, outer_weight) in between(i, n, outer) {
                let inside = at.checked_sub(before).filter(|at| *at < inner);
                let pair = inside.map(|at| between(at, inner, n));
                for k in 0..2 {
                    taps[next] = pair.map_or((0, 0.0), |pair| (pair[k].0 as u32, outer_weight * pair[k].1));
                    next += 1;
                }
            }
        }
    }
}

/// The two places among `from` values, and their weights, that value `i` of `to` is read from.
fn between(i: usize, to: usize, from: usize) -> [(usize, f32); 2] {
    let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
    let low = (at.floor() as usize).min(from - 1);
    let weight = (at - low as f64) as f32;
    [(low, 1.0 - weight), ((low + 1).min(from - 1), weight)]
}

/// Resampling of the rows and columns of a picture. Memory: 8 floats for every row and column, and one channel.
pub(super) struct Resample {
    planes: Planes,
    down: Axis,
    across: Axis,
    half_way: Box<[f32]>,
}

impl Resample {
    pub(super) fn new(planes: Planes) -> Self {
        let (down, across) = (Axis::new(planes.rows), Axis::new(planes.columns));
        Self { planes, down, across, half_way: vec![0.0; planes.pixels()].into() }
    }

    /// Leaves pictures as they are.
    pub(super) fn leave(&mut self) {
        self.down.leave();
        self.across.leave();
    }

    /// Shrinks or enlarges to a size between the picture's own and `rate` times that, pads to the larger of the two, and goes back to the own size. `draw` gives numbers
    /// in [0, 1).
    pub(super) fn pad(&mut self, rate: f64, mut draw: impl FnMut() -> f64) {
        let pick = |n: usize, share: f64| ((share * n as f64) as usize).min(n.saturating_sub(1));
        let (size, top, left) = (draw(), draw(), draw());
        for (axis, place) in [(&mut self.down, top), (&mut self.across, left)] {
            let n = axis.taps.len();
            let other = (n as f64 * rate) as usize;
            let (least, most) = (n.min(other).max(1), n.max(other));
            let inner = least + pick(most - least, size);
            axis.pad(inner, pick(most - inner, place), most);
        }
    }

    pub(super) fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        let (planes, columns) = (self.planes, self.planes.columns);
        for channel in 0..planes.channels {
            for row in 0..planes.rows {
                for (column, taps) in self.across.taps.iter().enumerate() {
                    let value = taps.iter().map(|&(from, weight)| weight * x[planes.at(channel, row, from as usize)]).sum();
                    self.half_way[row * columns + column] = value;
                }
            }
            for (row, taps) in self.down.taps.iter().enumerate() {
                for column in 0..columns {
                    let value = taps.iter().map(|&(from, weight)| weight * self.half_way[from as usize * columns + column]).sum();
                    u[planes.at(channel, row, column)] = value;
                }
            }
        }
    }

    pub(super) fn adjoint(&self, g: &[f32], out: &mut [f32]) {
        let planes = self.planes;
        out.fill(0.0);
        for channel in 0..planes.channels {
            for (row, down) in self.down.taps.iter().enumerate() {
                for (column, across) in self.across.taps.iter().enumerate() {
                    let g = g[planes.at(channel, row, column)];
                    for &(from_row, weight) in down.iter().filter(|(_, weight)| *weight != 0.0) {
                        for &(from_column, other) in across.iter().filter(|(_, weight)| *weight != 0.0) {
                            out[planes.at(channel, from_row as usize, from_column as usize)] += weight * other * g;
                        }
                    }
                }
            }
        }
    }
}
