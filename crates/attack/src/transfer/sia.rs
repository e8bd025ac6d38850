//! The picture cut into cells, each changed in a way of its own.

use super::join::{Piece, Rule};
use super::view::{Dice, View, below, unit};
use crate::picture::Planes;
use crate::settings::{COUNT, settings};

settings! {
    /// Parameters of the cells.
    pub(crate) struct SiaConfig {
        /// Number of random draws per point.
        copies: u32 = 20, COUNT, paper "20";
        /// Number of cells along each axis, at most 8.
        blocks: u32 = 3, COUNT, paper "3";
    }
}

/// Most cells along an axis.
const MOST: usize = 8;

/// `sia` in the registry.
///
/// Lines at random places cut the picture into cells. Each gets one of seven changes: its rows or columns are rolled, it is flipped down or across, turned by
/// 180 degrees, scaled by a number between 0 and 1, or given uniform noise of up to eps and cut to the box.
///
/// # Source
/// Wang et al., "Structure Invariant Transformation for better Adversarial Transferability", ICCV 2023, section 3.3; the seven changes are those of TransferAttack, its noise is
/// 16/255 for every eps.
pub(crate) static RULE: Rule<SiaConfig> = Rule {
    name: "sia",
    about: "transfer: the image cut into cells, each with its own random change",
    default: || SiaConfig::DEFAULT,
    make: |config| {
        Piece::picture(move |planes, start| {
            let (d, n) = (planes.channels * planes.pixels(), planes.pixels());
            Box::new(Sia {
                config: config.clone(),
                eps: start.ball.eps as f32,
                bounds: [start.ball.bounds.lo(), start.ball.bounds.hi()],
                planes,
                from: vec![0; n].into(),
                scale: vec![1.0; n].into(),
                noisy: vec![false; n].into(),
                noise: vec![0.0; d].into(),
                cut: vec![false; d].into(),
            })
        })
    },
};

/// Memory: d floats, d bytes, and for each pixel two floats and a byte.
struct Sia {
    config: SiaConfig,
    eps: f32,
    bounds: [f32; 2],
    planes: Planes,
    /// The pixel that each is read from, and by what it is multiplied.
    from: Box<[u32]>,
    scale: Box<[f32]>,
    noisy: Box<[bool]>,
    noise: Box<[f32]>,
    /// Values that were cut to the box.
    cut: Box<[bool]>,
}

/// Cuts `n` at random places into at most `parts` ranges, each with its begin and end.
fn lines(n: usize, parts: usize, rng: &mut rand_chacha::ChaCha8Rng) -> ([usize; MOST + 1], usize) {
    let parts = parts.min(MOST).min(n.max(1));
    let mut lines = [0; MOST + 1];
    for k in 1..parts {
        // Of the places that are left, so that no two are the same.
        let mut place = 1 + below(rng, n - k);
        let taken = &mut lines[1..=k];
        let mut at = 0;
        while at + 1 < k && taken[at] <= place {
            place += 1;
            at += 1;
        }
        taken.copy_within(at..k - 1, at + 1);
        taken[at] = place;
    }
    lines[parts] = n;
    (lines, parts)
}

impl View for Sia {
    fn copies(&self) -> u32 {
        self.config.copies
    }

    fn draw(&mut self, dice: &Dice, _copy: u32) {
        let mut rng = dice.of("sia");
        let (parts, columns) = (self.config.blocks as usize, self.planes.columns);
        let (across, n_across) = lines(columns, parts, &mut rng);
        let (down, n_down) = lines(self.planes.rows, parts, &mut rng);
        brinell_threat::fill_uniform(&mut rng, &mut self.noise);
        for i in 0..n_down {
            for j in 0..n_across {
                let (top, left) = (down[i], across[j]);
                let (h, w) = (down[i + 1] - top, across[j + 1] - left);
                let change = below(&mut rng, 7);
                let (roll_down, roll_across) = (below(&mut rng, h.max(1)), below(&mut rng, w.max(1)));
                let scale = if change == 5 { unit(&mut rng) as f32 } else { 1.0 };
                for r in 0..h {
                    for c in 0..w {
                        let (row, column) = match change {
                            0 => ((r + roll_down) % h, c),
                            1 => (r, (c + roll_across) % w),
                            2 => (h - 1 - r, c),
                            3 => (r, w - 1 - c),
                            4 => (h - 1 - r, w - 1 - c),
                            _ => (r, c),
                        };
                        let pixel = (top + r) * columns + left + c;
                        self.from[pixel] = ((top + row) * columns + left + column) as u32;
                        self.scale[pixel] = scale;
                        self.noisy[pixel] = change == 6;
                    }
                }
            }
        }
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        let (planes, columns) = (self.planes, self.planes.columns);
        let [lo, hi] = self.bounds;
        for channel in 0..planes.channels {
            for pixel in 0..planes.pixels() {
                let from = self.from[pixel] as usize;
                let at = planes.at(channel, pixel / columns, pixel % columns);
                let value = self.scale[pixel] * x[planes.at(channel, from / columns, from % columns)];
                let noisy = value + self.eps * self.noise[at];
                self.cut[at] = self.noisy[pixel] && !(lo..=hi).contains(&noisy);
                u[at] = if self.noisy[pixel] { brinell_threat::clamp(noisy, lo, hi) } else { value };
            }
        }
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        let (planes, columns) = (self.planes, self.planes.columns);
        out.fill(0.0);
        for channel in 0..planes.channels {
            for pixel in 0..planes.pixels() {
                let from = self.from[pixel] as usize;
                let at = planes.at(channel, pixel / columns, pixel % columns);
                if !self.cut[at] {
                    out[planes.at(channel, from / columns, from % columns)] += self.scale[pixel] * g[at];
                }
            }
        }
    }
}
