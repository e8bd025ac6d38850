//! What searches that looked at everything show, in plain sentences.

use brinell_record::Summary;

use crate::format::size;
use crate::verdict::{noun, plural};

/// What the sentences rest on.
const RESTS: &str = "This rests on the trees as they were read, which say what the file says on samples and on both sides of edges; inputs are \
                     numbers in single precision, and ties that rounding decides were put to the model.";

/// The sentences; `None` where no attack can search so, or where there was nothing to search.
pub(crate) fn sentences(summary: &Summary) -> Option<String> {
    let found = summary.exhaustive?;
    let samples = plural(summary.survived, noun(summary));
    let were = if found.none_exists == 1 { "was" } else { "were" };
    let where_none = if summary.minimum_norm.is_some() { "at any distance" } else { "within the radius" };
    let none = format!(
        "{} of {} surviving {samples} {were} searched exhaustively: no example exists {where_none}.",
        size(found.none_exists),
        size(summary.survived)
    );
    let nearest = found.nearest.filter(|_| summary.broken > 0).map(|nearest| {
        let are = if nearest == 1 { "is the nearest there is" } else { "are the nearest there are" };
        format!("{} of {} {} found {are}, to within 1 %.", size(nearest), size(summary.broken), plural(summary.broken, "example"))
    });
    let parts: Vec<String> = (summary.survived > 0).then_some(none).into_iter().chain(nearest).collect();
    (!parts.is_empty()).then(|| format!("{} {RESTS}", parts.join(" ")))
}
