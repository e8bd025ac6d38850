//! Horizontal bars for the rows of a table; the table's own text is the alternative text.

use super::{coordinate, share};
use brinell_record::Paired;

/// Survivors and what fell, out of all samples.
pub(crate) fn survivors_bar(left: usize, fell: usize, n: usize) -> String {
    let (left, fell) = (share(left, n), share(fell, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="survived" width="{kept}%" height="16"/><rect class="fell" x="{kept}%" width="{fell}%" height="16"/></svg>"#,
        kept = coordinate(left),
        fell = coordinate(fell),
    )
}

/// Two audits of the same samples: right in both, lost, gained, as parts of all.
pub(crate) fn paired_bar(table: &Paired) -> String {
    let n = table.both + table.only_a + table.only_b + table.neither;
    let [both, lost, gained] = [table.both, table.only_a, table.only_b].map(|count| share(count, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="survived" width="{}%" height="16"/><rect class="fell" x="{}%" width="{}%" height="16"/><rect class="proven" x="{}%" width="{}%" height="16"/></svg>"#,
        coordinate(both),
        coordinate(both),
        coordinate(lost),
        coordinate(both + lost),
        coordinate(gained),
    )
}
