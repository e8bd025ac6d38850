//! From the shared images to what a model takes of them: size and range.

/// Bilinear resizing with half-pixel centres, in plain f32, so that attacks and referee see the same bits.
#[derive(Debug, Clone, PartialEq)]
struct Resize {
    /// Planes that are resized alike, and values between neighbouring columns.
    planes: usize,
    inner: usize,
    from: [usize; 2],
    to: [usize; 2],
}

/// What is done to a shared image for a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    resize: Option<Resize>,
    lo: f32,
    width: f32,
}

impl Fit {
    /// Plans the way from images of shape `stored` in 0..1 to a model that takes `model` in `lo..hi`, and returns the shape that it gets; `None` where only another number of channels would do.
    pub(crate) fn new(stored: &[usize], model: &[usize], [lo, hi]: [f32; 2]) -> Option<(Self, Vec<usize>)> {
        let plain = |resize| Self { resize, lo, width: hi - lo };
        if stored.iter().product::<usize>() == model.iter().product::<usize>() {
            return Some((plain(None), stored.to_vec()));
        }
        let few = |channels: usize| (1..=4).contains(&channels);
        let (channels, h, w) = match *model {
            [c, h, w] if few(c) => (c, h, w),
            [h, w, c] if few(c) => (c, h, w),
            [h, w] => (1, h, w),
            _ => return None,
        };
        let (planes, inner, from, shape) = match *stored {
            [c, a, b] if few(c) => (c, 1, [a, b], vec![c, h, w]),
            [a, b, c] if few(c) => (1, c, [a, b], vec![h, w, c]),
            [a, b] => (1, 1, [a, b], vec![h, w]),
            _ => return None,
        };
        (planes * inner == channels).then(|| (plain(Some(Resize { planes, inner, from, to: [h, w] })), shape))
    }

    /// True where images are resized.
    pub(crate) fn resizes(&self) -> bool {
        self.resize.is_some()
    }

    /// Appends what the model takes of `x` to `out`.
    pub(crate) fn apply(&self, x: &[f32], out: &mut Vec<f32>) {
        let scaled = |v: f32| if self.lo == 0.0 && self.width == 1.0 { v } else { self.lo + v * self.width };
        let Some(resize) = &self.resize else { return out.extend(x.iter().map(|&v| scaled(v))) };
        let at = out.len();
        out.resize(at + resize.planes * resize.inner * resize.to[0] * resize.to[1], 0.0);
        resize.each(|to, taps| {
            let value: f32 = taps.iter().map(|&(from, weight)| weight * x[from]).sum();
            out[at + to] = scaled(value);
        });
    }

    /// Adds the gradient at a shared image to `out`, given the gradient `g` at what the model took.
    pub(crate) fn adjoint(&self, g: &[f32], out: &mut [f32]) {
        match &self.resize {
            None => out.iter_mut().zip(g).for_each(|(out, g)| *out += self.width * g),
            Some(resize) => resize.each(|to, taps| taps.iter().for_each(|&(from, weight)| out[from] += weight * self.width * g[to])),
        }
    }

    /// Values that the model takes of an image of so many.
    pub(crate) fn len(&self, stored: usize) -> usize {
        self.resize.as_ref().map_or(stored, |resize| resize.planes * resize.inner * resize.to[0] * resize.to[1])
    }
}

impl Resize {
    /// Gives every value of the result with the four that it is read from.
    fn each(&self, mut give: impl FnMut(usize, &[(usize, f32); 4])) {
        let ([from_rows, from_columns], [rows, columns]) = (self.from, self.to);
        for plane in 0..self.planes {
            for row in 0..rows {
                let down = between(row, rows, from_rows);
                for column in 0..columns {
                    let across = between(column, columns, from_columns);
                    for channel in 0..self.inner {
                        let from = |r: usize, c: usize| ((plane * from_rows + r) * from_columns + c) * self.inner + channel;
                        let tap = |r: (usize, f32), c: (usize, f32)| (from(r.0, c.0), r.1 * c.1);
                        let taps = [tap(down[0], across[0]), tap(down[0], across[1]), tap(down[1], across[0]), tap(down[1], across[1])];
                        give(((plane * rows + row) * columns + column) * self.inner + channel, &taps);
                    }
                }
            }
        }
    }
}

/// The two places among `from` that place `i` of `to` is read from, and their weights.
fn between(i: usize, to: usize, from: usize) -> [(usize, f32); 2] {
    let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
    let low = (at.floor() as usize).min(from - 1);
    let weight = (at - low as f64) as f32;
    [(low, 1.0 - weight), ((low + 1).min(from - 1), weight)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn the_adjoint_is_that_of_resizing_and_scaling() {
        for (stored, model) in [([3, 8, 10], [3, 11, 7]), ([8, 10, 3], [3, 5, 12]), ([3, 8, 8], [8, 8, 3])] {
            let (fit, shape) = Fit::new(&stored, &model, [0.0, 255.0]).unwrap();
            let x: Vec<f32> = (0..stored.iter().product()).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut there = Vec::new();
            fit.apply(&x, &mut there);
            assert_eq!((there.len(), there.len()), (shape.iter().product(), fit.len(x.len())));
            let v: Vec<f32> = (0..there.len()).map(|i| (i as f32 * 1.3).cos()).collect();
            let mut back = vec![0.0; x.len()];
            fit.adjoint(&v, &mut back);
            let (a, b) = (dot(&there, &v), dot(&x, &back));
            assert!((a - b).abs() < 1e-4 * (dot(&there, &there) * dot(&v, &v)).sqrt(), "{a} {b}");
        }
    }

    #[test]
    fn flat_pictures_stay_flat_when_they_are_resized() {
        let (fit, shape) = Fit::new(&[1, 4, 4], &[1, 9, 3], [-1.0, 1.0]).unwrap();
        let mut out = Vec::new();
        fit.apply(&[0.25; 16], &mut out);
        assert_eq!(shape, [1, 9, 3]);
        assert!(out.iter().all(|v| (v + 0.5).abs() < 1e-6));
        assert!(Fit::new(&[1, 4, 4], &[3, 8, 8], [0.0, 1.0]).is_none());
        assert!(Fit::new(&[1, 28, 28], &[784], [0.0, 1.0]).is_some_and(|(fit, _)| !fit.resizes()));
    }
}
