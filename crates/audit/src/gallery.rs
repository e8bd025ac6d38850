//! Which examples a report shows.

use brinell_engine::channel_axis;
use brinell_record::{Gallery, GalleryItem, Label};

use super::setup::Run;
use crate::AuditError;

/// Examples in a gallery.
const SHOWN: usize = 12;

/// Values of all examples together, so that the gallery of large images stays small.
const VALUES: usize = 1 << 21;

impl Run<'_> {
    /// Returns the examples for the report: of each class in turn the broken sample with the smallest number.
    pub(super) fn gallery(&mut self) -> Result<Gallery, AuditError> {
        let shown = SHOWN.min(VALUES / (2 * self.case.data.sample_len().max(1))).max(1);
        let mut by_class: std::collections::BTreeMap<Option<usize>, std::collections::VecDeque<usize>> = Default::default();
        for sample in self.book.states.samples(|state| state.broken.is_some()) {
            let label = self.book.states.get(sample).and_then(|state| state.label.class());
            by_class.entry(label).or_default().push_back(sample);
        }
        let mut chosen = Vec::new();
        while chosen.len() < shown && !by_class.is_empty() {
            by_class.retain(|_, samples| {
                if chosen.len() < shown {
                    chosen.extend(samples.pop_front());
                }
                !samples.is_empty()
            });
        }
        let picture = picture_shape(&self.case.data.shape, &self.case.subject.signature.sample);
        let mut items = Vec::with_capacity(chosen.len());
        for sample in chosen {
            let (shape, x) = channels_first(picture, self.case.sample(sample));
            let (_, x_adv) = channels_first(picture, self.book.folder.adversarial(sample as u64)?);
            let Some(state) = self.book.states.get(sample) else { continue };
            let Some(broken) = &state.broken else { continue };
            items.push(GalleryItem {
                sample,
                label: state.label.clone(),
                shape,
                x,
                x_adv,
                clean_prediction: state.prediction.clone().unwrap_or(Label::Class(usize::MAX)),
                clean_confidence: state.clean.confidence,
                adv_prediction: broken.prediction.clone().unwrap_or(Label::Class(usize::MAX)),
                adv_confidence: broken.opinion.confidence,
                norm: broken.norm,
                attack: self.book.stages.get(broken.stage).map_or_else(String::new, |stage| stage.recipe.name().to_owned()),
            });
        }
        Ok(Gallery { items })
    }
}

/// Returns the shape in which a sample is shown: that of the model's input where the sample is stored as one row of the values of an image.
fn picture_shape<'s>(stored: &'s [usize], input: &'s [usize]) -> &'s [usize] {
    let is_row = stored.iter().filter(|&&size| size != 1).count() <= 1;
    let is_same = stored.iter().product::<usize>() == input.iter().product::<usize>();
    if is_row && is_same && input.len() > 1 { input } else { stored }
}

/// Returns an image with its channels before rows and columns, as pictures are read; anything else stays as it is.
///
/// # Shapes
/// in: as stored; out: C,H,W where the stored sample is H,W,C.
fn channels_first(shape: &[usize], x: Vec<f32>) -> (Vec<usize>, Vec<f32>) {
    match (shape, channel_axis(shape)) {
        (&[rows, columns, channels], Some(2)) => {
            let moved = (0..channels).flat_map(|channel| x.iter().skip(channel).step_by(channels)).copied().collect();
            (vec![channels, rows, columns], moved)
        }
        _ => (shape.to_vec(), x),
    }
}

#[cfg(test)]
mod tests {
    use super::{channels_first, picture_shape};

    #[test]
    fn channels_come_first_and_pixels_keep_their_order() {
        // Pixel p of channel c holds 10 c + p.
        let stored: Vec<f32> = (0..10).flat_map(|p| [0, 10, 20].map(|c| (c + p) as f32)).collect();
        let (shape, moved) = channels_first(&[5, 2, 3], stored);
        assert_eq!(shape, [3, 5, 2]);
        assert_eq!(moved, (0..30).map(|v| v as f32).collect::<Vec<_>>());
    }

    #[test]
    fn rows_of_values_are_shown_as_the_image_that_the_model_takes() {
        assert_eq!(picture_shape(&[784], &[1, 28, 28]), [1, 28, 28]);
        assert_eq!(picture_shape(&[1, 3072], &[32, 32, 3]), [32, 32, 3]);
        assert_eq!(picture_shape(&[28, 28], &[784]), [28, 28]);
        assert_eq!(picture_shape(&[12], &[12]), [12]);
    }

    #[test]
    fn what_is_no_channels_last_image_stays() {
        let x: Vec<f32> = (0..12).map(|v| v as f32).collect();
        for shape in [&[3, 2, 2][..], &[3, 4], &[12], &[1, 3, 2, 2]] {
            assert_eq!(channels_first(shape, x.clone()), (shape.to_vec(), x.clone()));
        }
    }
}
