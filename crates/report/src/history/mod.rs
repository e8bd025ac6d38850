//! Robust accuracy over runs: as a page with a chart, for the terminal, and as CSV.

mod chart;
mod csv;
mod page;
mod text;
mod words;

use crate::ReportError;
use brinell_record::History;

pub use csv::csv;
pub use text::table;

/// Renders the history as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid history leads to one.
pub fn page(history: &History) -> Result<String, ReportError> {
    crate::page("history.html", &page::HistoryView::of(history))
}
