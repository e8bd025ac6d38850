//! A patch and whom it fools, as a page, for the terminal and as a picture to print.

mod page;
mod print;
mod text;
mod words;

use crate::ReportError;
use brinell_record::Patch;

pub use print::png;
pub use text::table;

/// Renders a patch as one self-contained page; `values` are those of the patch: channels, rows and columns, in 0..1.
///
/// # Errors
/// A picture or template that cannot be written; no valid patch leads to one.
pub fn page(patch: &Patch, values: &[f32]) -> Result<String, ReportError> {
    crate::page("patch.html", &page::PatchView::of(patch, values)?)
}
