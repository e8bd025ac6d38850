//! What a model that may refuse does with samples, counted over the samples of a record.

use brinell_record::{Label, Outcome, SampleRecord};

/// Counts samples that are right and accepted, refused, and wrong and accepted: without any attack, and after all attacks.
#[must_use]
pub fn refusals(samples: &[SampleRecord]) -> [[usize; 3]; 2] {
    let mut counts = [[0; 3]; 2];
    for sample in samples {
        let refused = sample.prediction == Some(Label::REFUSED);
        let (clean, attacked) = match sample.outcome {
            Outcome::Misclassified => (2, 2),
            Outcome::Broken => (usize::from(refused), 2),
            Outcome::Survived => (usize::from(refused), usize::from(refused)),
        };
        for (counts, place) in counts.iter_mut().zip([clean, attacked]) {
            counts[place] += 1;
        }
    }
    counts
}
