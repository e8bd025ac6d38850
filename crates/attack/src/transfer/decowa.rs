//! The picture warped, in the direction in which the warp takes most from the attack.

use super::join::{Piece, Rule};
use super::taps::Taps;
use super::view::{Dice, View, unit};
use crate::picture::Planes;
use crate::settings::{COUNT, TIMES, settings};
use crate::step::finite;

settings! {
    /// Parameters of the warp.
    pub(crate) struct DecowaConfig {
        /// Number of random draws per point; each needs two gradients.
        copies: u32 = 20, COUNT, paper "20";
        /// Largest movement of the inner point of the grid, relative to half the image.
        noise: f64 = 1.0, TIMES, paper "1";
        /// Step size of this point against the loss, in multiples of the gradient.
        rho: f64 = 0.01, TIMES, paper "0.01";
    }
}

/// `decowa` in the registry.
///
/// A thin plate is held at the border nodes of a 3 x 3 mesh and its inner node moved at random; then the node takes one step down the cross-entropy, and the picture is read where the plate
/// lies (bilinear, zeros outside).
///
/// # Source
/// Lin et al., "Boosting Adversarial Transferability across Model Genus by Deformation-Constrained Warping", AAAI 2024, algorithm 1. Without a move the picture stays as it is: our mesh
/// ends at the picture's edge, that of TransferAttack at the centres of its outermost pixels.
pub(crate) static RULE: Rule<DecowaConfig> = Rule {
    name: "decowa",
    about: "transfer: the image warped so that the loss falls",
    default: || DecowaConfig::DEFAULT,
    make: |config| {
        Piece::picture(move |planes, _| {
            let node = [0.0; 2];
            Box::new(Decowa { config: config.clone(), planes, plate: plate(planes), node, taps: Taps::new(planes) })
        })
    },
};

/// Memory: 9 floats for each pixel.
struct Decowa {
    config: DecowaConfig,
    planes: Planes,
    /// How far each pixel moves with the inner node.
    plate: Box<[f32]>,
    /// Move of the inner node across and down, in halves of the picture.
    node: [f64; 2],
    taps: Taps,
}

/// The thin-plate spline that is 1 at the inner node of the mesh and 0 at the eight others, at the centre of each pixel.
///
/// # Source
/// Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", 1989; kernel r^2 log r^2.
fn plate(planes: Planes) -> Box<[f32]> {
    let nodes: [[f64; 2]; 9] = std::array::from_fn(|k| [(k % 3) as f64 - 1.0, (k / 3) as f64 - 1.0]);
    let kernel = |a: [f64; 2], b: [f64; 2]| {
        let square = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        square * (square + 1e-9).ln()
    };
    let mut system = [[0.0; 13]; 12];
    for (i, &a) in nodes.iter().enumerate() {
        for (j, &b) in nodes.iter().enumerate() {
            system[i][j] = kernel(a, b);
        }
        for (k, value) in [1.0, a[0], a[1]].into_iter().enumerate() {
            system[i][9 + k] = value;
            system[9 + k][i] = value;
        }
    }
    system[4][12] = 1.0;
    let weights = solve(system);
    let centre = |i: usize, n: usize| (2 * i + 1) as f64 / n as f64 - 1.0;
    let at = |pixel: usize| {
        let p = [centre(pixel % planes.columns, planes.columns), centre(pixel / planes.columns, planes.rows)];
        let bent: f64 = nodes.iter().zip(&weights).map(|(&node, weight)| weight * kernel(p, node)).sum();
        (bent + weights[9] + weights[10] * p[0] + weights[11] * p[1]) as f32
    };
    (0..planes.pixels()).map(at).collect()
}

/// Gauss's elimination with pivots; the last column is the right side.
fn solve(mut system: [[f64; 13]; 12]) -> [f64; 12] {
    for k in 0..12 {
        let pivot = (k..12).max_by(|&a, &b| system[a][k].abs().total_cmp(&system[b][k].abs())).unwrap_or(k);
        system.swap(k, pivot);
        let line = system[k];
        for (row, other) in system.iter_mut().enumerate() {
            let factor = other[k] / line[k];
            if row != k {
                other.iter_mut().zip(&line).for_each(|(v, l)| *v -= factor * l);
            }
        }
    }
    std::array::from_fn(|k| system[k][12] / system[k][k])
}

impl Decowa {
    /// Where pixel `i` is read: row and column.
    fn place(&self, pixel: usize) -> (f64, f64) {
        let (rows, columns) = (self.planes.rows, self.planes.columns);
        let plate = f64::from(self.plate[pixel]);
        let row = (pixel / columns) as f64 + plate * self.node[1] * rows as f64 / 2.0;
        (row, (pixel % columns) as f64 + plate * self.node[0] * columns as f64 / 2.0)
    }

    fn warp(&mut self) {
        let (rows, columns) = (self.planes.rows, self.planes.columns);
        for pixel in 0..self.plate.len() {
            let (row, column) = self.place(pixel);
            self.taps.read(pixel, row, column, rows, columns, |row, column| row * columns + column);
        }
    }
}

impl View for Decowa {
    fn copies(&self) -> u32 {
        self.config.copies
    }

    fn draw(&mut self, dice: &Dice, _copy: u32) {
        let mut rng = dice.of("decowa");
        self.node = std::array::from_fn(|_| (2.0 * unit(&mut rng) - 1.0) * self.config.noise);
        self.warp();
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        self.taps.apply(x, u);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        self.taps.adjoint(g, out);
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, x: &[f32], g: &[f32]) {
        let planes = self.planes;
        let (rows, columns) = (planes.rows, planes.columns);
        let mut slope = [0.0; 2];
        for pixel in 0..self.plate.len() {
            let (row, column) = self.place(pixel);
            let (top, left) = (row.floor(), column.floor());
            let (down, across) = (row - top, column - left);
            for channel in 0..planes.channels {
                let value = |row: f64, column: f64| {
                    let inside = row >= 0.0 && column >= 0.0 && row < rows as f64 && column < columns as f64;
                    if inside { f64::from(x[planes.at(channel, row as usize, column as usize)]) } else { 0.0 }
                };
                let (a, b, c, d) = (value(top, left), value(top, left + 1.0), value(top + 1.0, left), value(top + 1.0, left + 1.0));
                let g = f64::from(finite(g[planes.at(channel, pixel / columns, pixel % columns)])) * f64::from(self.plate[pixel]);
                slope[0] += g * ((1.0 - down) * (b - a) + down * (d - c)) * columns as f64 / 2.0;
                slope[1] += g * ((1.0 - across) * (c - a) + across * (d - b)) * rows as f64 / 2.0;
            }
        }
        for (node, slope) in self.node.iter_mut().zip(slope) {
            // A gradient beyond all measure says nothing about where the node should go.
            if slope.is_finite() {
                *node = (*node - self.config.rho * slope).clamp(-100.0, 100.0);
            }
        }
        self.warp();
    }
}
