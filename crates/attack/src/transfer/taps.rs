//! Linear maps of pictures that take every pixel from at most four others.

use crate::picture::Planes;

/// For every pixel of the result, places in one channel and their weights. Memory: 8 floats for each pixel.
pub(super) struct Taps {
    planes: Planes,
    taps: Box<[[(u32, f32); 4]]>,
}

impl Taps {
    pub(super) fn new(planes: Planes) -> Self {
        Self { planes, taps: vec![[(0, 0.0); 4]; planes.pixels()].into() }
    }

    /// Lets a pixel be read at `(row, column)`, in pixels, between the four around it; zeros lie outside of `rows` and `columns`. `place` says where a
    /// pixel of that window stands.
    pub(super) fn read(&mut self, pixel: usize, row: f64, column: f64, rows: usize, columns: usize, place: impl Fn(usize, usize) -> usize) {
        let (top, left) = (row.floor(), column.floor());
        let (down, across) = (row - top, column - left);
        let corners = [
            (top, left, (1.0 - down) * (1.0 - across)),
            (top, left + 1.0, (1.0 - down) * across),
            (top + 1.0, left, down * (1.0 - across)),
            (top + 1.0, left + 1.0, down * across),
        ];
        for (tap, (row, column, weight)) in self.taps[pixel].iter_mut().zip(corners) {
            let inside = row >= 0.0 && column >= 0.0 && row < rows as f64 && column < columns as f64;
            *tap = if inside { (place(row as usize, column as usize) as u32, weight as f32) } else { (0, 0.0) };
        }
    }

    pub(super) fn apply(&self, x: &[f32], u: &mut [f32]) {
        let columns = self.planes.columns;
        for channel in 0..self.planes.channels {
            for (pixel, taps) in self.taps.iter().enumerate() {
                let value = taps.iter().map(|&(from, weight)| weight * x[self.place(channel, from as usize)]).sum();
                u[self.planes.at(channel, pixel / columns, pixel % columns)] = value;
            }
        }
    }

    pub(super) fn adjoint(&self, g: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        let columns = self.planes.columns;
        for channel in 0..self.planes.channels {
            for (pixel, taps) in self.taps.iter().enumerate() {
                let g = g[self.planes.at(channel, pixel / columns, pixel % columns)];
                for &(from, weight) in taps {
                    out[self.place(channel, from as usize)] += weight * g;
                }
            }
        }
    }

    fn place(&self, channel: usize, pixel: usize) -> usize {
        self.planes.at(channel, pixel / self.planes.columns, pixel % self.planes.columns)
    }
}
