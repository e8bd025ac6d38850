//! Horizontal bars for the rows of a table; the table's own text is the alternative text.

use super::{coordinate, share};
use brinell_record::{Paired, Rate};

/// Survivors and what fell in a stage, out of all samples.
pub(crate) fn stage_bar(left: usize, fell: usize, n: usize) -> String {
    let (left, fell) = (share(left, n), share(fell, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="kept" width="{kept}%" height="16"/><rect class="fell" x="{kept}%" width="{fell}%" height="16"/></svg>"#,
        kept = coordinate(left),
        fell = coordinate(fell),
    )
}

/// Accuracy of one class: an outline for clean, a filled bar for what survived.
pub(crate) fn accuracy_bar(clean: usize, survived: usize, n: usize) -> String {
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="clean" y="1" width="{}%" height="14"/><rect class="kept" y="4" width="{}%" height="8"/></svg>"#,
        coordinate(share(clean, n)),
        coordinate(share(survived, n)),
    )
}

/// A rate on the way from 0 to 100 %, with its interval.
pub(crate) fn interval_bar(rate: &Rate, class: &str) -> String {
    let (low, value, high) = (100.0 * rate.low, 100.0 * rate.value, 100.0 * rate.high);
    format!(
        r#"<svg class="interval {class}" width="100%" height="14" aria-hidden="true"><rect class="track" y="6" width="100%" height="2"/><rect class="band" x="{}%" y="3" width="{}%" height="8"/><rect class="tick" x="{}%" width="2" height="14" transform="translate(-1)"/></svg>"#,
        coordinate(low),
        coordinate((high - low).max(0.0)),
        coordinate(value),
    )
}

/// Two audits of the same samples: right in both, lost, gained, as parts of all.
pub(crate) fn paired_bar(table: &Paired) -> String {
    let n = table.both + table.only_a + table.only_b + table.neither;
    let [both, lost, gained] = [table.both, table.only_a, table.only_b].map(|count| share(count, n));
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" width="100%" height="16"/><rect class="kept" width="{}%" height="16"/><rect class="fell" x="{}%" width="{}%" height="16"/><rect class="clean" x="{}%" y="1" width="{}%" height="14"/></svg>"#,
        coordinate(both),
        coordinate(both),
        coordinate(lost),
        coordinate(both + lost),
        coordinate(gained),
    )
}
