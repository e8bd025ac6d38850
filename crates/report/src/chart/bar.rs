//! Horizontal bars for the rows of a table; the table's own text is the alternative text.

use super::{coordinate, share};

/// Survivors and what fell, out of all samples.
pub(crate) fn survivors_bar(left: usize, fell: usize, n: usize) -> String {
    let (left, fell) = (share(left, n), share(fell, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="survived" width="{kept}%" height="16"/><rect class="fell" x="{kept}%" width="{fell}%" height="16"/></svg>"#,
        kept = coordinate(left),
        fell = coordinate(fell),
    )
}
