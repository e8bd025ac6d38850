//! Smooth random pictures: sums of the low frequencies of a cosine transform.

use rand_chacha::{ChaCha8Rng, rand_core::Rng};

/// Where the rows and columns of one channel of a picture lie in a flat input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Distance between neighbouring channels, rows and columns.
    strides: [usize; 3],
}

impl Planes {
    /// Reads `[C, H, W]`, `[H, W, C]` or `[H, W]`; `None` where the shape is that of no picture.
    pub(crate) fn of(shape: &[usize]) -> Option<Self> {
        let few = |channels: usize| (1..=4).contains(&channels);
        let (channels, rows, columns, strides) = match *shape {
            [h, w] => (1, h, w, [h * w, w, 1]),
            [c, h, w] if few(c) => (c, h, w, [h * w, w, 1]),
            [h, w, c] if few(c) => (c, h, w, [1, w * c, c]),
            _ => return None,
        };
        (rows > 1 && columns > 1).then_some(Self { channels, rows, columns, strides })
    }

    /// Pixels of one channel.
    pub(crate) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Place of a pixel's value in the flat input.
    pub(crate) fn at(&self, channel: usize, row: usize, column: usize) -> usize {
        let [channels, rows, columns] = self.strides;
        channel * channels + row * rows + column * columns
    }
}

/// True for the shape of a picture: `[C, H, W]` or `[H, W, C]` with up to four channels, or `[H, W]`.
#[must_use]
pub fn is_picture(shape: &[usize]) -> bool {
    Planes::of(shape).is_some()
}

/// The waves of a cosine transform of one axis: orthonormal rows.
///
/// # Source
/// The DCT-II: row k has elements cos(pi k (2 i + 1) / 2 n).
#[derive(Debug)]
pub(crate) struct Waves {
    n: usize,
    table: Box<[f32]>,
}

impl Waves {
    pub(crate) fn new(n: usize) -> Self {
        let wave = |k: usize, i: usize| {
            let scale = if k == 0 { 1.0 } else { 2.0 } / n as f64;
            (scale.sqrt() * (std::f64::consts::PI * k as f64 * (2 * i + 1) as f64 / (2 * n) as f64).cos()) as f32
        };
        Self { n, table: (0..n * n).map(|at| wave(at / n, at % n)).collect() }
    }

    /// The waves, by rising frequency.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.table.chunks_exact(self.n)
    }
}

/// Draws pictures whose spectrum lies in the lower half of the frequencies and has, coefficient by coefficient, the size of a given picture's.
///
/// Memory: d floats, two planes, and two square tables of waves.
#[derive(Debug)]
pub(crate) struct SmoothNoise {
    planes: Planes,
    /// Sizes of the coefficients, channel by channel; zero above the cut.
    spectrum: Box<[f32]>,
    down: Waves,
    across: Waves,
    plane: Box<[f32]>,
    half_way: Box<[f32]>,
}

/// Part of the frequencies, from the lowest, that are used.
const KEPT: f64 = 0.5;

impl SmoothNoise {
    /// Takes the spectrum of `x`; `None` where `shape` is that of no picture or another than that of `x`.
    ///
    /// # Source
    /// Maho, Furon, Le Merrer, "SurFree: a fast surrogate-free black-box attack", CVPR 2021, section 4.2: sizes are tanh of the picture's own
    /// coefficients.
    pub(crate) fn new(x: &[f32], shape: &[usize]) -> Option<Self> {
        let planes = Planes::of(shape).filter(|planes| planes.channels * planes.rows * planes.columns == x.len())?;
        let (rows, columns) = (planes.rows, planes.columns);
        let empty = || vec![0.0; rows * columns].into_boxed_slice();
        let (down, across) = (Waves::new(rows), Waves::new(columns));
        let mut noise = Self { planes, spectrum: vec![0.0; x.len()].into(), down, across, plane: empty(), half_way: empty() };
        let mut cells: Vec<usize> = (0..rows * columns).collect();
        // Along the diagonals, from the corner of the lowest frequencies.
        cells.sort_by_key(|cell| (cell / columns + cell % columns, *cell));
        cells.truncate((KEPT * cells.len() as f64).ceil() as usize);
        for channel in 0..planes.channels {
            noise.analyse(x, channel);
            for &cell in &cells {
                noise.spectrum[channel * rows * columns + cell] = noise.plane[cell].tanh();
            }
        }
        Some(noise)
    }

    /// Writes a picture: every coefficient of the spectrum with sign 1, -1 or left out, equally likely.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng, out: &mut [f32]) {
        let size = self.planes.rows * self.planes.columns;
        for channel in 0..self.planes.channels {
            for (cell, &size) in self.plane.iter_mut().zip(&self.spectrum[channel * size..(channel + 1) * size]) {
                // Coefficients that are zero anyway cost no draw.
                *cell = if size == 0.0 { 0.0 } else { size * (rng.next_u32() % 3) as f32 - size };
            }
            self.synthesise(channel, out);
        }
    }

    /// Writes the coefficients of one channel of `x` into `plane`.
    fn analyse(&mut self, x: &[f32], channel: usize) {
        let columns = self.planes.columns;
        self.half_way.fill(0.0);
        for (half, wave) in self.half_way.chunks_exact_mut(columns).zip(self.down.rows()) {
            for (row, &weight) in wave.iter().enumerate() {
                for (column, half) in half.iter_mut().enumerate() {
                    *half += weight * x[self.planes.at(channel, row, column)];
                }
            }
        }
        for (half, plane) in self.half_way.chunks_exact(columns).zip(self.plane.chunks_exact_mut(columns)) {
            for (cell, wave) in plane.iter_mut().zip(self.across.rows()) {
                *cell = half.iter().zip(wave).map(|(v, w)| v * w).sum();
            }
        }
    }

    /// Writes one channel of the picture that has the coefficients in `plane`.
    fn synthesise(&mut self, channel: usize, out: &mut [f32]) {
        let (rows, columns) = (self.planes.rows, self.planes.columns);
        self.half_way.fill(0.0);
        for (half, plane) in self.half_way.chunks_exact_mut(columns).zip(self.plane.chunks_exact(columns)) {
            for (&weight, wave) in plane.iter().zip(self.across.rows()).filter(|(weight, _)| **weight != 0.0) {
                half.iter_mut().zip(wave).for_each(|(half, w)| *half += weight * w);
            }
        }
        self.plane.fill(0.0);
        for (half, wave) in self.half_way.chunks_exact(columns).zip(self.down.rows()) {
            for (plane, &weight) in self.plane.chunks_exact_mut(columns).zip(wave) {
                plane.iter_mut().zip(half).for_each(|(plane, h)| *plane += weight * h);
            }
        }
        for row in 0..rows {
            for column in 0..columns {
                out[self.planes.at(channel, row, column)] = self.plane[row * columns + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn picture(n: usize) -> Vec<f32> {
        (0..n).map(|i| (0.5 + 0.5 * (1.7 * i as f64).sin()) as f32).collect()
    }

    #[test]
    fn the_transform_is_its_own_inverse_and_keeps_lengths() {
        for shape in [&[3, 5, 8][..], &[7, 4, 2], &[6, 9]] {
            let x = picture(shape.iter().product());
            let mut noise = SmoothNoise::new(&x, shape).unwrap();
            let mut back = vec![0.0; x.len()];
            let mut length = 0.0;
            for channel in 0..noise.planes.channels {
                noise.analyse(&x, channel);
                length += noise.plane.iter().map(|v| v * v).sum::<f32>();
                noise.synthesise(channel, &mut back);
            }
            assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5), "{shape:?}");
            assert!((length - x.iter().map(|v| v * v).sum::<f32>()).abs() < 1e-4, "{shape:?}");
        }
    }

    #[test]
    fn noise_has_no_high_frequencies_and_the_layout_of_its_picture() {
        let x = picture(2 * 8 * 8);
        let channels_first = [2, 8, 8];
        let mut noise = SmoothNoise::new(&x, &channels_first).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut out = vec![0.0; x.len()];
        noise.draw(&mut rng, &mut out);
        noise.analyse(&out, 1);
        let high = (0..64).filter(|cell| cell / 8 + cell % 8 > 7).map(|cell| noise.plane[cell].abs()).fold(0.0, f32::max);
        let low = noise.plane.iter().map(|v| v.abs()).fold(0.0, f32::max);
        assert!(high < 1e-5 && low > 0.1, "{high} {low}");

        let turned: Vec<f32> = (0..128).map(|i| x[i % 2 * 64 + i / 2]).collect();
        let mut last = SmoothNoise::new(&turned, &[8, 8, 2]).unwrap();
        let mut out_last = vec![0.0; 128];
        last.draw(&mut ChaCha8Rng::seed_from_u64(3), &mut out_last);
        assert!((0..128).all(|i| (out_last[i] - out[i % 2 * 64 + i / 2]).abs() < 1e-6));
    }

    #[test]
    fn what_is_no_picture_has_no_smooth_noise() {
        for shape in [&[16][..], &[1, 1, 16], &[5, 4, 5, 4], &[]] {
            assert!(SmoothNoise::new(&picture(16), shape).is_none(), "{shape:?}");
        }
    }
}
