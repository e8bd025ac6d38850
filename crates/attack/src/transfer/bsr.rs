//! The picture cut into blocks that are shuffled and turned.

use rand_chacha::ChaCha8Rng;

use super::join::{Piece, Rule};
use super::taps::Taps;
use super::view::{Dice, View, below, unit};
use crate::picture::Planes;
use crate::settings::{ANGLE, COUNT, settings};

settings! {
    /// Parameters of the blocks.
    pub(crate) struct BsrConfig {
        /// Number of random draws per point.
        copies: u32 = 20, COUNT, paper "20";
        /// Number of blocks along each axis, at most 8.
        blocks: u32 = 3, COUNT, paper "3";
        /// Largest angle by which a strip of blocks is rotated.
        angle: f64 = 24.0, ANGLE, paper "24";
    }
}

/// Most blocks along an axis.
const MOST: usize = 8;

/// `bsr` in the registry.
///
/// The picture is cut along a random axis into strips of random widths, which are shuffled; each strip is turned by a random angle about its centre (bilinear, zeros outside), cut along
/// the other axis, and shuffled again.
///
/// # Source
/// Wang et al., "Boosting Adversarial Transferability by Block Shuffle and Rotation", CVPR 2024, section 3.3.
pub(crate) static RULE: Rule<BsrConfig> = Rule {
    name: "bsr",
    about: "transfer: the image cut into blocks that are shuffled and rotated",
    default: || BsrConfig::DEFAULT,
    make: |config| Piece::picture(move |planes, _| Box::new(Bsr { config: config.clone(), planes, taps: Taps::new(planes) })),
};

struct Bsr {
    config: BsrConfig,
    planes: Planes,
    taps: Taps,
}

/// Where a cut of a range lies before and after the shuffle.
#[derive(Clone, Copy, Default)]
struct Cut {
    from: usize,
    to: usize,
    len: usize,
}

/// Cuts `n` values into parts with widths drawn between 1 and 2 to each other, and shuffles them.
fn shuffled(n: usize, parts: usize, rng: &mut ChaCha8Rng) -> ([Cut; MOST], usize) {
    let parts = parts.min(MOST).min(n.max(1));
    let mut widths = [0.0; MOST];
    widths[..parts].iter_mut().for_each(|width| *width = 2.0 - unit(rng));
    let sum: f64 = widths.iter().sum();
    let mut cuts = [Cut::default(); MOST];
    let mut total = 0;
    for (cut, width) in cuts[..parts].iter_mut().zip(widths) {
        cut.len = ((width * n as f64 / sum).round() as usize).min(n - total);
        total += cut.len;
    }
    // What rounding leaves over goes to the widest.
    if let Some(widest) = cuts[..parts].iter_mut().max_by_key(|cut| cut.len) {
        widest.len += n - total;
    }
    let mut from = 0;
    for cut in &mut cuts[..parts] {
        cut.from = from;
        from += cut.len;
    }
    for last in (1..parts).rev() {
        cuts.swap(last, below(rng, last + 1));
    }
    let mut to = 0;
    for cut in &mut cuts[..parts] {
        cut.to = to;
        to += cut.len;
    }
    (cuts, parts)
}

impl View for Bsr {
    fn copies(&self) -> u32 {
        self.config.copies
    }

    fn draw(&mut self, dice: &Dice, _copy: u32) {
        let mut rng = dice.of("bsr");
        let parts = self.config.blocks as usize;
        let down = unit(&mut rng) < 0.5;
        let (rows, columns) = (self.planes.rows, self.planes.columns);
        let (long, wide) = if down { (rows, columns) } else { (columns, rows) };
        let place = |along: usize, beside: usize| if down { along * columns + beside } else { beside * columns + along };
        let (strips, n) = shuffled(long, parts, &mut rng);
        for strip in &strips[..n] {
            let angle = (2.0 * unit(&mut rng) - 1.0) * self.config.angle.to_radians();
            let (sin, cos) = angle.sin_cos();
            let (cells, n) = shuffled(wide, parts, &mut rng);
            for cell in &cells[..n] {
                for along in 0..strip.len {
                    for beside in 0..cell.len {
                        // The place in the turned strip that lands here, from the strip's centre, and the place that was turned there.
                        let a = along as f64 + 0.5 - strip.len as f64 / 2.0;
                        let b = (cell.from + beside) as f64 + 0.5 - wide as f64 / 2.0;
                        let (a, b) = (cos * a - sin * b, sin * a + cos * b);
                        let (a, b) = (a + strip.len as f64 / 2.0 - 0.5, b + wide as f64 / 2.0 - 0.5);
                        let pixel = place(strip.to + along, cell.to + beside);
                        self.taps.read(pixel, a, b, strip.len, wide, |a, b| place(strip.from + a, b));
                    }
                }
            }
        }
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        self.taps.apply(x, u);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        self.taps.adjoint(g, out);
    }
}
