//! What a model that may refuse does with samples, in words.

use crate::format::{percent, significant};
use brinell_record::{Refusals, Summary};

/// The three shares without any attack and after all attacks; `None` for a model that always answers.
pub(crate) fn sentences(summary: &Summary) -> Option<String> {
    let refusals = summary.refusals.as_ref()?;
    let n = summary.data.n.max(1) as f64;
    let shares = |counts: &[usize; 3]| {
        let [right, refused, fooled] = counts.map(|count| percent(count as f64 / n));
        format!("{right} right, {refused} refused, {fooled} wrong and accepted")
    };
    let Refusals { suspicion, threshold, clean, attacked } = refusals;
    Some(format!(
        "The model refuses samples with a “{suspicion}” above {}. Without any attack: {}. After all attacks: {}. An example must be wrong and accepted; refused samples count as correct, because nobody is fooled.",
        significant(*threshold, 4),
        shares(clean),
        shares(attacked)
    ))
}
