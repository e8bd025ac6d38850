//! The texts of columns that are text: samples hold their places among all texts of a column, sorted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::array::Numbers;
use super::dataset::{NamedArray, Pixels};
use super::number::Number;

/// The texts seen so far.
#[derive(Default)]
pub(super) struct Words {
    /// By feature, each text with the number that it has until all are known: its place by first appearance.
    columns: BTreeMap<usize, BTreeMap<String, usize>>,
}

impl Words {
    /// Takes the text of a feature, and returns the number that stands for it until [`Words::finish`].
    pub(super) fn see(&mut self, index: usize, text: Cow<'_, str>) -> Number {
        let known = self.columns.entry(index).or_default();
        let next = known.len();
        let number = match known.get(text.as_ref()) {
            Some(&number) => number,
            None => *known.entry(text.into_owned()).or_insert(next),
        };
        Number::Whole(number as i128)
    }

    /// Turns the numbers into places among the sorted texts, and returns the texts of each column, under its `name`.
    pub(super) fn finish(self, pixels: &mut Pixels, width: usize, name: impl Fn(usize) -> String) -> Vec<NamedArray> {
        let mut arrays = Vec::new();
        for (index, known) in self.columns {
            let mut places = vec![0.0; known.len()];
            for (place, number) in known.values().enumerate() {
                if let Some(slot) = places.get_mut(*number) {
                    *slot = place as f32;
                }
            }
            if let Pixels::F32(values) = pixels {
                for value in values.iter_mut().skip(index).step_by(width.max(1)) {
                    *value = places.get(*value as usize).copied().unwrap_or(f32::NAN);
                }
            }
            let texts: Vec<String> = known.into_keys().collect();
            arrays.push(NamedArray { name: name(index), shape: vec![1, texts.len()], numbers: Numbers::Text(texts) });
        }
        arrays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_hold_the_places_of_their_texts_among_the_sorted_ones() {
        let mut words = Words::default();
        let row = |words: &mut Words, text: &str| [7.0, words.see(1, Cow::Borrowed(text)).single()];
        let rows: Vec<f32> = ["rome", "lima", "rome", "oslo"].iter().flat_map(|text| row(&mut words, text)).collect();
        let mut pixels = Pixels::F32(rows);
        let arrays = words.finish(&mut pixels, 2, |index| format!("column {index}"));
        assert_eq!(pixels, Pixels::F32(vec![7.0, 2.0, 7.0, 0.0, 7.0, 2.0, 7.0, 1.0]));
        assert_eq!((arrays[0].name.as_str(), arrays[0].shape.as_slice()), ("column 1", [1, 3].as_slice()));
        assert_eq!(arrays[0].numbers, Numbers::Text(["lima", "oslo", "rome"].map(str::to_owned).to_vec()));
    }
}
