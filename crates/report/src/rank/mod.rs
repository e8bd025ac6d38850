//! Models in order, as a page, for the terminal, as Markdown, as a table for spreadsheets and as a badge.

mod badge;
mod csv;
mod markdown;
mod page;
mod text;
mod words;

use crate::ReportError;
use brinell_record::Ranking;

pub use badge::badge;
pub use csv::csv;
pub use markdown::markdown;
pub use text::table;

/// Renders the ranking as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid ranking leads to one.
pub fn page(ranking: &Ranking) -> Result<String, ReportError> {
    crate::page("rank.html", &page::RankView::of(ranking))
}
