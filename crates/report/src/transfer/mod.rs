//! The matrix of a transfer run, as a page, for the terminal and as a table for spreadsheets.

mod csv;
mod page;
mod text;
mod tree;
mod universal;
mod words;

use crate::ReportError;
use brinell_record::Transfer;

pub use csv::csv;
pub use text::table;
pub use universal::universal;

/// Renders the matrix as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid matrix leads to one.
pub fn page(transfer: &Transfer) -> Result<String, ReportError> {
    crate::page("transfer.html", &page::TransferView::of(transfer))
}
