//! Two audits of the same samples, as a page and for the terminal.

mod page;
mod text;
mod words;

use crate::ReportError;
use brinell_record::Comparison;

pub use text::table;

/// Renders the comparison as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid comparison leads to one.
pub fn page(comparison: &Comparison) -> Result<String, ReportError> {
    crate::page("paired.html", &page::PairedView::of(comparison))
}
