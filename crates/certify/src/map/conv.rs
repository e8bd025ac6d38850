//! Convolutions, with their structure: no matrix of the whole layer is ever made.
//!
//! The windows of a stretch of output positions are copied side by side (positions by columns), so that one product with the filter serves all of them.

use super::{Map, largest};
use crate::matrix::{Matrix, multiply};

/// Sizes of a convolution over two spatial axes; one axis has height 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    /// Channels, height, width.
    pub(crate) input: [usize; 3],
    /// Channels, height, width.
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
    /// Before the first element of each axis.
    pub(crate) pads: [usize; 2],
    pub(crate) groups: usize,
}

/// A convolution, or its transpose.
#[derive(Debug)]
pub(crate) struct Conv {
    window: Window,
    /// For each group [output channels, input channels, kernel], each one a matrix.
    w: Vec<f64>,
    magnitude: Vec<f64>,
    /// A transposed convolution: the window slides over the result.
    transposed: bool,
}

/// Columns that one product with the filter has at least, where there are positions enough.
const PANEL: usize = 256;

impl Conv {
    /// `w` [output channels, input channels / groups, kernel] of the convolution that `window` describes.
    pub(crate) fn new(window: Window, w: Vec<f64>, transposed: bool) -> Self {
        let magnitude = w.iter().map(|w| w.abs()).collect();
        Self { window, w, magnitude, transposed }
    }

    /// The input index that a tap reads at an output position, per axis.
    fn source(&self, axis: usize, position: usize, tap: usize) -> Option<usize> {
        let w = &self.window;
        (position * w.strides[axis] + tap * w.dilations[axis]).checked_sub(w.pads[axis]).filter(|&at| at < w.input[axis + 1])
    }

    /// Rows of a panel: input channels of a group times taps.
    fn depth(&self) -> usize {
        self.window.input[0] / self.window.groups * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Calls `visit` with a row of the panel and the input element of each position, for the group.
    fn taps(&self, group: usize, positions: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
        let w = &self.window;
        let channels = w.input[0] / w.groups;
        let mut row = 0;
        for c in group * channels..(group + 1) * channels {
            for ky in 0..w.kernel[0] {
                for kx in 0..w.kernel[1] {
                    for (slot, position) in positions.iter().enumerate() {
                        let (oy, ox) = (position / w.output[2], position % w.output[2]);
                        if let (Some(iy), Some(ix)) = (self.source(0, oy, ky), self.source(1, ox, kx)) {
                            visit(row, slot, (c * w.input[1] + iy) * w.input[2] + ix);
                        }
                    }
                    row += 1;
                }
            }
        }
    }

    /// y += conv(x).
    fn gather(&self, w: &[f64], x: &Matrix, y: &mut Matrix) {
        let (cols, plane, depth) = (x.cols, self.window.output[1] * self.window.output[2], self.depth());
        let channels = self.window.output[0] / self.window.groups;
        let stretch = (PANEL / cols.max(1)).max(1);
        let all: Vec<usize> = (0..plane).collect();
        let mut panel = vec![0.0; depth * stretch * cols];
        let mut result = vec![0.0; channels * stretch * cols];
        for positions in all.chunks(stretch) {
            let width = positions.len() * cols;
            for group in 0..self.window.groups {
                panel[..depth * width].fill(0.0);
                self.taps(group, positions, |row, slot, element| {
                    let at = row * width + slot * cols;
                    panel[at..at + cols].copy_from_slice(x.row(element));
                });
                result[..channels * width].fill(0.0);
                let filter = &w[group * channels * depth..(group + 1) * channels * depth];
                multiply((channels, depth, width), filter, false, &panel, &mut result);
                for channel in 0..channels {
                    for (slot, position) in positions.iter().enumerate() {
                        let at = channel * width + slot * cols;
                        let y = y.row_mut((group * channels + channel) * plane + position);
                        y.iter_mut().zip(&result[at..at + cols]).for_each(|(y, r)| *y += r);
                    }
                }
            }
        }
    }

    /// x += conv^T(a). Positions at which `a` is zero everywhere are left out: functions of a few neurons have few others.
    fn scatter(&self, w: &[f64], a: &Matrix, x: &mut Matrix) {
        let (cols, plane, depth) = (a.cols, self.window.output[1] * self.window.output[2], self.depth());
        let channels = self.window.output[0] / self.window.groups;
        let stretch = (PANEL / cols.max(1)).max(1);
        let touched = |p: usize| (0..self.window.output[0]).any(|channel| a.row(channel * plane + p).iter().any(|a| *a != 0.0));
        let all: Vec<usize> = (0..plane).filter(|&position| touched(position)).collect();
        let mut panel = vec![0.0; depth * stretch * cols];
        let mut held = vec![0.0; channels * stretch * cols];
        for positions in all.chunks(stretch) {
            let width = positions.len() * cols;
            for group in 0..self.window.groups {
                for channel in 0..channels {
                    for (slot, position) in positions.iter().enumerate() {
                        let at = channel * width + slot * cols;
                        held[at..at + cols].copy_from_slice(a.row((group * channels + channel) * plane + position));
                    }
                }
                panel[..depth * width].fill(0.0);
                let filter = &w[group * channels * depth..(group + 1) * channels * depth];
                multiply((depth, channels, width), filter, true, &held, &mut panel);
                self.taps(group, positions, |row, slot, element| {
                    let at = row * width + slot * cols;
                    x.row_mut(element).iter_mut().zip(&panel[at..at + cols]).for_each(|(x, p)| *x += p);
                });
            }
        }
    }
}

impl Map for Conv {
    fn outputs(&self) -> usize {
        if self.transposed { self.window.input.iter().product() } else { self.window.output.iter().product() }
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        if self.transposed { self.scatter(&self.w, x, y) } else { self.gather(&self.w, x, y) }
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        if self.transposed { self.scatter(&self.magnitude, x, y) } else { self.gather(&self.magnitude, x, y) }
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        if self.transposed { self.gather(&self.w, a, x) } else { self.scatter(&self.w, a, x) }
    }

    fn terms(&self) -> usize {
        let taps: usize = self.window.kernel.iter().product();
        taps * self.window.input[0].max(self.window.output[0]) / self.window.groups
    }

    fn largest(&self) -> f64 {
        largest(&self.w)
    }
}
