//! A race between defences and attackers, as a page and for the terminal.

mod chart;
mod text;
mod view;
mod words;

use crate::ReportError;
use brinell_record::Race;

pub use text::{defended, detected, table};

/// Renders a race as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid record leads to one.
pub fn page(race: &Race) -> Result<String, ReportError> {
    crate::page("race.html", &view::RaceView::of(race))
}
