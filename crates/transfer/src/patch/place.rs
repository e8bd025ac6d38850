//! A patch in an image, under one condition, and back.

use brinell_record::PatchCondition;

/// How the values of an image lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// True where the channels of a pixel lie side by side.
    channels_last: bool,
}

impl Picture {
    /// Reads a shape; `None` where it is none of a picture.
    pub(crate) fn of(shape: &[usize]) -> Option<Self> {
        let few = |channels: usize| (1..=4).contains(&channels);
        let plain = |channels, height, width, channels_last| Self { channels, height, width, channels_last };
        match *shape {
            [c, h, w] if few(c) && h > 1 && w > 1 => Some(plain(c, h, w, false)),
            [h, w, c] if few(c) && h > 1 && w > 1 => Some(plain(c, h, w, true)),
            [h, w] if h > 1 && w > 1 => Some(plain(1, h, w, false)),
            _ => None,
        }
    }

    fn at(&self, channel: usize, row: usize, column: usize) -> usize {
        if self.channels_last {
            (row * self.width + column) * self.channels + channel
        } else {
            (channel * self.height + row) * self.width + column
        }
    }
}

/// Where a patch lies in an image and how it looks there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// The middle of the patch, as a share of the room that it has: 0 at the top or left, 1 at the bottom or right.
    pub(crate) down: f64,
    pub(crate) across: f64,
    pub(crate) scale: f64,
    /// Degrees, counter-clockwise.
    pub(crate) angle: f64,
    pub(crate) brightness: f64,
    pub(crate) contrast: f64,
}

impl Place {
    pub(crate) fn of(condition: &PatchCondition) -> Self {
        let PatchCondition { down, across, scale, angle, brightness } = *condition;
        Self { down, across, scale, angle, brightness, contrast: 1.0 }
    }
}

/// A square patch of `side` x `side` pixels, its channels one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) picture: Picture,
    pub(crate) side: usize,
}

impl Cut {
    pub(crate) fn len(&self) -> usize {
        self.picture.channels * self.side * self.side
    }

    /// Puts the patch into an image: what it covers is gone, whatever it was.
    pub(crate) fn apply(&self, patch: &[f32], place: &Place, x: &mut [f32]) {
        self.each(place, |at, taps| {
            let value: f64 = taps.iter().map(|&(from, weight)| weight * f64::from(patch[from])).sum();
            x[at] = looks(value, place).clamp(0.0, 1.0) as f32;
        });
    }

    /// Adds the gradient by the patch, given that by the image.
    pub(crate) fn adjoint(&self, patch: &[f32], place: &Place, g: &[f32], out: &mut [f64]) {
        self.each(place, |at, taps| {
            let value: f64 = taps.iter().map(|&(from, weight)| weight * f64::from(patch[from])).sum();
            // Where it was cut off nothing comes back.
            if (0.0..=1.0).contains(&looks(value, place)) && g[at].is_finite() {
                taps.iter().for_each(|&(from, weight)| out[from] += place.contrast * weight * f64::from(g[at]));
            }
        });
    }

    /// Gives every value of the image that the patch covers, with the four of the patch that it is read from (bilinear, half-pixel centres).
    fn each(&self, place: &Place, mut give: impl FnMut(usize, &[(usize, f64); 4])) {
        let Picture { channels, height, width, .. } = self.picture;
        let side = self.side as f64;
        let (sin, cos) = place.angle.to_radians().sin_cos();
        // Half of the square that holds the turned patch; one larger than the image stands in its middle.
        let reach = side * place.scale * (sin.abs() + cos.abs()) / 2.0;
        let middle = |share: f64, length: usize| {
            let room = (length as f64 - 2.0 * reach).max(0.0);
            let first = reach.min(length as f64 / 2.0);
            first + share * room
        };
        let (cy, cx) = (middle(place.down, height), middle(place.across, width));
        let rows = |c: f64, n: usize| ((c - reach).floor().max(0.0) as usize)..(((c + reach).ceil().max(0.0) as usize).min(n));
        for row in rows(cy, height) {
            for column in rows(cx, width) {
                let (dy, dx) = ((row as f64 + 0.5 - cy) / place.scale, (column as f64 + 0.5 - cx) / place.scale);
                // Turned back to the patch, whose rows go down.
                let (v, u) = (cos * dy + sin * dx + side / 2.0, cos * dx - sin * dy + side / 2.0);
                if !((0.0..side).contains(&v) && (0.0..side).contains(&u)) {
                    continue;
                }
                let (down, across) = (between(v, self.side), between(u, self.side));
                for channel in 0..channels {
                    let tap = |r: (usize, f64), c: (usize, f64)| ((channel * self.side + r.0) * self.side + c.0, r.1 * c.1);
                    let taps = [tap(down[0], across[0]), tap(down[0], across[1]), tap(down[1], across[0]), tap(down[1], across[1])];
                    give(self.picture.at(channel, row, column), &taps);
                }
            }
        }
    }
}

fn looks(value: f64, place: &Place) -> f64 {
    (value - 0.5) * place.contrast + 0.5 + place.brightness
}

/// The two pixels around a coordinate, and their weights.
fn between(at: f64, n: usize) -> [(usize, f64); 2] {
    let at = (at - 0.5).clamp(0.0, n.saturating_sub(1) as f64);
    let low = (at.floor() as usize).min(n.saturating_sub(1));
    let weight = at - low as f64;
    [(low, 1.0 - weight), ((low + 1).min(n.saturating_sub(1)), weight)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Place = Place { down: 0.5, across: 0.5, scale: 1.0, angle: 0.0, brightness: 0.0, contrast: 1.0 };

    #[test]
    fn a_patch_as_it_is_lies_where_it_is_put() {
        let cut = Cut { picture: Picture::of(&[1, 6, 8]).unwrap(), side: 2 };
        let patch = [0.1, 0.2, 0.3, 0.4];
        for (down, across, first) in [(0.0, 0.0, 0), (1.0, 1.0, 4 * 8 + 6), (0.5, 0.5, 2 * 8 + 3)] {
            let mut x = vec![0.9; 48];
            cut.apply(&patch, &Place { down, across, ..PLAIN }, &mut x);
            assert_eq!([x[first], x[first + 1], x[first + 8], x[first + 9]], patch);
            assert_eq!(x.iter().filter(|v| **v != 0.9).count(), 4);
        }
        // A quarter turn counter-clockwise takes the upper right corner to the upper left.
        let mut x = vec![0.9; 48];
        cut.apply(&patch, &Place { angle: 90.0, ..PLAIN }, &mut x);
        let found = [x[19], x[20], x[27], x[28]];
        for (found, wanted) in found.iter().zip([0.2, 0.4, 0.1, 0.3]) {
            assert!((found - wanted).abs() < 1e-6, "{x:?}");
        }
    }

    #[test]
    fn the_adjoint_is_that_of_putting_a_patch_into_an_image() {
        for shape in [[3, 9, 11], [9, 11, 3]] {
            let cut = Cut { picture: Picture::of(&shape).unwrap(), side: 4 };
            let place = Place { down: 0.3, across: 0.8, scale: 1.3, angle: 20.0, brightness: 0.05, contrast: 0.8 };
            let patch: Vec<f32> = (0..cut.len()).map(|i| 0.5 + 0.3 * (i as f32).sin()).collect();
            let v: Vec<f32> = (0..297).map(|i| (i as f32 * 1.3).cos()).collect();
            let (mut here, mut there) = (vec![0.0; 297], vec![0.0; 297]);
            let moved: Vec<f32> = patch.iter().enumerate().map(|(i, p)| p + 0.1 * (i as f32 * 0.7).cos()).collect();
            cut.apply(&patch, &place, &mut here);
            cut.apply(&moved, &place, &mut there);
            let dot: f64 = here.iter().zip(&there).zip(&v).map(|((a, b), v)| f64::from(b - a) * f64::from(*v)).sum();
            let mut back = vec![0.0; cut.len()];
            cut.adjoint(&patch, &place, &v, &mut back);
            let other: f64 = back.iter().zip(patch.iter().zip(&moved)).map(|(g, (a, b))| g * f64::from(b - a)).sum();
            assert!((dot - other).abs() < 1e-5, "{dot} {other}");
        }
    }

    #[test]
    fn a_patch_that_is_too_large_when_turned_stands_in_the_middle() {
        let cut = Cut { picture: Picture::of(&[5, 5]).unwrap(), side: 5 };
        let mut x = vec![0.0; 25];
        cut.apply(&[1.0; 25], &Place { angle: 45.0, scale: 1.3, down: 0.0, ..PLAIN }, &mut x);
        assert_eq!(x[12], 1.0);
        assert!(Picture::of(&[784]).is_none() && Picture::of(&[1, 784, 1]).is_none());
    }
}
