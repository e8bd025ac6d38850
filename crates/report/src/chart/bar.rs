//! Horizontal bars for the rows of a table; the table's own text is the alternative text.

use super::{coordinate, share};

/// Survivors and what fell in a stage, out of all samples.
pub(crate) fn stage_bar(left: usize, fell: usize, n: usize) -> String {
    let (left, fell) = (share(left, n), share(fell, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="survived" width="{kept}%" height="16"/><rect class="fell" x="{kept}%" width="{fell}%" height="16"/></svg>"#,
        kept = coordinate(left),
        fell = coordinate(fell),
    )
}

/// Accuracy of one class: an outline for clean, a filled bar for what survived.
pub(crate) fn accuracy_bar(clean: usize, survived: usize, n: usize) -> String {
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="clean" y="1" width="{}%" height="14"/><rect class="survived" y="4" width="{}%" height="8"/></svg>"#,
        coordinate(share(clean, n)),
        coordinate(share(survived, n)),
    )
}
