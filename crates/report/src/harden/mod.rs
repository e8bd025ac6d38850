//! A training run as a page: gain and price, the epochs, every step.

mod chart;
mod view;

use crate::ReportError;
use brinell_record::{HardenSummary, StepLine};

/// Renders a training run as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid summary leads to one.
pub fn page(summary: &HardenSummary, steps: &[StepLine]) -> Result<String, ReportError> {
    crate::page("harden.html", &view::HardenView::of(summary, steps))
}
