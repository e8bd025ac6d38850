//! What searches that looked at everything show, in plain sentences.

use brinell_record::Summary;

use crate::format::size;
use crate::verdict::{noun, plural};

/// What the sentences depend on.
const RESTS: &str = "This depends on the trees being read correctly. They give the same answers as the file on the samples and on both sides of thresholds. Inputs are single-precision numbers, and where rounding decides, the model itself was asked.";

/// The sentences; `None` where no attack can search so, or where there was nothing to search.
pub(crate) fn sentences(summary: &Summary) -> Option<String> {
    let found = summary.exhaustive?;
    let samples = plural(summary.survived, noun(summary));
    let where_none = if summary.minimum_norm.is_some() { "at any distance" } else { "within the radius" };
    let none = format!(
        "For {} of {} surviving {samples}, the search was exhaustive: no adversarial example exists {where_none}.",
        size(found.none_exists),
        size(summary.survived)
    );
    let nearest = found.nearest.filter(|_| summary.broken > 0).map(|nearest| {
        let are = if nearest == 1 { "is the smallest possible" } else { "are the smallest possible" };
        format!("{} of {} {} found {are}, to within 1 %.", size(nearest), size(summary.broken), plural(summary.broken, "example"))
    });
    let parts: Vec<String> = (summary.survived > 0).then_some(none).into_iter().chain(nearest).collect();
    (!parts.is_empty()).then(|| format!("{} {RESTS}", parts.join(" ")))
}
