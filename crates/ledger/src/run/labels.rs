//! What the record says of single labels, of models that give several.

use brinell_record::{Label, LabelCounts, SampleRecord};

/// Counts what samples say about one of several labels.
#[must_use]
pub fn label_counts(samples: &[SampleRecord], label: usize) -> LabelCounts {
    let of = |said: &Label| match said {
        Label::Labels { labels } => labels.get(label).copied(),
        _ => None,
    };
    let count = |of: &dyn Fn(&SampleRecord) -> bool| samples.iter().filter(|record| of(record)).count();
    let differs = |record: &SampleRecord, said: &Option<Label>| said.as_ref().and_then(of) != of(&record.label);
    LabelCounts {
        label,
        applies: count(&|record| of(&record.label) == Some(true)),
        right: count(&|record| !differs(record, &record.prediction)),
        turned: count(&|record| record.adv_prediction.is_some() && differs(record, &record.adv_prediction)),
    }
}
