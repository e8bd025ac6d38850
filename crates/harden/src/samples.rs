//! Training, validation and test samples, kept apart by what they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use brinell_attack::rng::keyed;
use brinell_data::Dataset;
use brinell_record::{Recipe, Scale, hash};
use brinell_threat::fill_normal;
use rand::Rng;

/// Some samples of a data set.
#[derive(Clone)]
pub(crate) struct Samples {
    pub(crate) data: Arc<Dataset>,
    scale: Scale,
    /// Numbers of the samples in the data set.
    pub(crate) picked: Vec<usize>,
}

impl Samples {
    /// All samples of a data set.
    pub(crate) fn all(data: Arc<Dataset>, scale: Scale) -> Self {
        let picked = data.samples().collect();
        Self { data, scale, picked }
    }

    pub(crate) fn len(&self) -> usize {
        self.picked.len()
    }

    /// The first of them, at most `n`.
    pub(crate) fn first(&self, n: usize) -> Self {
        Self { picked: self.picked.iter().copied().take(n).collect(), ..self.clone() }
    }

    /// Reads samples by their place among those picked.
    ///
    /// # Shapes
    /// Returns `[rows, ..sample]`, labels `[rows]` and numbers in the data set `[rows]`.
    pub(crate) fn read(&self, places: impl IntoIterator<Item = usize>) -> (Vec<f32>, Vec<usize>, Vec<u64>) {
        let len = self.data.sample_len();
        let (mut x, mut labels, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for index in places.into_iter().filter_map(|place| self.picked.get(place).copied()) {
            let from = x.len();
            x.resize(from + len, 0.0);
            if let Some(row) = x.get_mut(from..) {
                self.data.sample(index, self.scale, row);
            }
            labels.push(self.data.label(index).unwrap_or_default());
            ids.push(index as u64);
        }
        (x, labels, ids)
    }

    /// Returns the digest of each sample as the model is given it: the same image in another file has the same.
    pub(crate) fn digests(&self) -> Vec<String> {
        let mut row = vec![0.0; self.data.sample_len()];
        let digest = |&index: &usize| {
            self.data.sample(index, self.scale, &mut row);
            hash::sha256_bytes(&row.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
        };
        self.picked.iter().map(digest).collect()
    }

    /// Splits off a share of the samples by their digests, so that equal samples stay together.
    pub(crate) fn split(self, digests: &[String], share: f64, from: f64) -> (Self, Self) {
        let place = |digest: &String| {
            digest.get(..13).and_then(|head| u64::from_str_radix(head, 16).ok()).unwrap_or(0) as f64 / (1u64 << 52) as f64
        };
        let inside = |digest: &String| (from..from + share).contains(&place(digest));
        let (split, rest): (Vec<_>, Vec<_>) = self.picked.iter().copied().zip(digests).partition(|(_, digest)| inside(digest));
        let only = |list: Vec<(usize, &String)>| list.into_iter().map(|(index, _)| index).collect();
        (Self { picked: only(rest), ..self.clone() }, Self { picked: only(split), ..self })
    }

    /// Leaves out the samples whose digests are among `others`, and returns how many these were.
    pub(crate) fn without(&mut self, digests: &[String], others: &HashSet<String>) -> usize {
        let before = self.picked.len();
        let known: HashMap<usize, &String> = self.picked.iter().copied().zip(digests).collect();
        self.picked.retain(|index| known.get(index).is_none_or(|digest| !others.contains(*digest)));
        before - self.picked.len()
    }

    /// Returns the places of all samples in the order of an epoch.
    pub(crate) fn order(&self, seed: u64, epoch: usize) -> Vec<usize> {
        let mut rng = keyed("harden order", seed, epoch as u64, 0);
        let mut order: Vec<usize> = (0..self.picked.len()).collect();
        for last in (1..order.len()).rev() {
            // The bias of a remainder of 64 bits is below 2^-40 here.
            let other = (rng.next_u64() % (last as u64 + 1)) as usize;
            order.swap(last, other);
        }
        order
    }
}

/// Share of the samples that is split off for a part: a tenth, or more where that would be less than 1000, and at most a fifth.
pub(crate) fn share(n: usize) -> f64 {
    (1000.0 / n.max(1) as f64).clamp(0.1, 0.2)
}

/// What is done to training samples beside attacking them.
pub(crate) struct Augment<'a> {
    pub(crate) recipe: &'a Recipe,
    /// Channels, rows and columns as stored, where a sample is an image; the channels may stand last.
    pub(crate) image: Option<Image>,
    pub(crate) epoch: usize,
}

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    last: bool,
}

impl Image {
    /// Returns the image that a sample of this shape is.
    pub(crate) fn of(shape: &[usize]) -> Option<Self> {
        match (shape, brinell_engine::channel_axis(shape)) {
            (&[rows, columns], _) => Some(Self { channels: 1, rows, columns, last: false }),
            (&[channels, rows, columns], Some(0)) => Some(Self { channels, rows, columns, last: false }),
            (&[rows, columns, channels], Some(2)) => Some(Self { channels, rows, columns, last: true }),
            _ => None,
        }
    }

    fn at(self, channel: usize, row: usize, column: usize) -> usize {
        if self.last {
            (row * self.columns + column) * self.channels + channel
        } else {
            (channel * self.rows + row) * self.columns + column
        }
    }

    /// Returns the image moved by some rows and columns, with `fill` where nothing was, and mirrored before that if asked.
    fn moved(self, x: &[f32], down: isize, right: isize, mirrored: bool, fill: f32) -> Vec<f32> {
        let mut out = vec![fill; x.len()];
        for channel in 0..self.channels {
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let from = (row.checked_add_signed(-down), column.checked_add_signed(-right));
                    let (Some(r), Some(c)) = from else { continue };
                    if r >= self.rows || c >= self.columns {
                        continue;
                    }
                    let c = if mirrored { self.columns - 1 - c } else { c };
                    if let (Some(to), Some(&value)) = (out.get_mut(self.at(channel, row, column)), x.get(self.at(channel, r, c))) {
                        *to = value;
                    }
                }
            }
        }
        out
    }
}

impl Augment<'_> {
    /// Changes samples in place; `lo..hi` is the box, whose lower end is what an image is padded with.
    pub(crate) fn apply(&self, x: &mut [f32], ids: &[u64], (lo, hi): (f32, f32)) {
        let recipe = self.recipe;
        let len = x.len() / ids.len().max(1);
        let Some(image) = self.image.filter(|_| recipe.crop > 0 || recipe.flip) else { return };
        for (row, &id) in x.chunks_mut(len.max(1)).zip(ids) {
            let mut rng = keyed("harden augment", recipe.seed, id, self.epoch as u32);
            let width = 2 * recipe.crop as u64 + 1;
            let mut draw = || (rng.next_u64() % width) as isize - recipe.crop as isize;
            let (down, right) = (draw(), draw());
            let mirrored = recipe.flip && rng.next_u32() & 1 == 1;
            if (down, right, mirrored) != (0, 0, false) {
                let moved = image.moved(row, down, right, mirrored, lo.max(0.0).min(hi));
                row.copy_from_slice(&moved);
            }
        }
    }

    /// Returns the noise of samples of this size, which may lead out of the box as that of a smoothed classifier does.
    pub(crate) fn noise(&self, len: usize, ids: &[u64]) -> Vec<f32> {
        let mut noise = vec![0.0; len * ids.len()];
        for (row, &id) in noise.chunks_mut(len.max(1)).zip(ids) {
            fill_normal(&mut keyed("harden noise", self.recipe.seed, id, self.epoch as u32), row);
            row.iter_mut().for_each(|n| *n *= self.recipe.noise as f32);
        }
        noise
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn an_image_is_moved_and_mirrored_in_both_layouts() {
        let first = Image::of(&[1, 2, 3]).unwrap();
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(first.moved(&x, 0, 0, true, 0.0), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(first.moved(&x, 1, -1, false, 0.0), [0.0, 0.0, 0.0, 2.0, 3.0, 0.0]);
        let last = Image::of(&[5, 5, 2]).unwrap();
        let y: Vec<f32> = (0..50).map(|i| i as f32).collect();
        let moved = last.moved(&y, 0, 1, false, -1.0);
        assert_eq!(moved[..6], [-1.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    }
}
