//! Which examples a report shows.

use brinell_record::{Gallery, GalleryItem};

use super::setup::Run;
use crate::ProtocolError;

/// Examples in a gallery.
const SHOWN: usize = 12;

/// Values of all examples together, so that the gallery of large images stays small.
const VALUES: usize = 1 << 21;

impl Run<'_> {
    /// Returns the examples for the report: of each class in turn the broken sample with the smallest number.
    pub(super) fn gallery(&mut self) -> Result<Gallery, ProtocolError> {
        let shown = SHOWN.min(VALUES / (2 * self.data.sample_len().max(1))).max(1);
        let mut by_class: std::collections::BTreeMap<usize, std::collections::VecDeque<usize>> = Default::default();
        for (sample, state) in self.states.iter().enumerate() {
            if state.broken.is_some() {
                by_class.entry(state.label).or_default().push_back(sample);
            }
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
        let mut items = Vec::with_capacity(chosen.len());
        for sample in chosen {
            let (x, x_adv) = (self.sample(sample), self.folder.adversarial(sample as u64)?);
            let Some(state) = self.states.get(sample) else { continue };
            let Some(broken) = &state.broken else { continue };
            items.push(GalleryItem {
                sample,
                label: state.label,
                shape: self.data.shape.clone(),
                x,
                x_adv,
                clean_prediction: state.clean.prediction.unwrap_or(usize::MAX),
                clean_confidence: state.clean.confidence,
                adv_prediction: broken.opinion.prediction.unwrap_or(usize::MAX),
                adv_confidence: broken.opinion.confidence,
                norm: broken.norm,
                attack: self.recipes.get(broken.stage).map_or_else(String::new, |recipe| recipe.name().to_owned()),
            });
        }
        Ok(Gallery { items })
    }
}
