//! A training run as a page: gain and price, the epochs, every step.

mod chart;
mod curve;
mod view;

use crate::ReportError;
use brinell_record::{HardenCurve, HardenSummary, StepLine};

/// Renders a training run as one self-contained page.
///
/// # Errors
/// A template that cannot be filled in; no valid summary leads to one.
pub fn page(summary: &HardenSummary, steps: &[StepLine]) -> Result<String, ReportError> {
    crate::page("harden.html", &view::HardenView::of(summary, steps))
}

/// Renders gain and price over the clean weight as one self-contained page. `title` names the model as it came.
///
/// # Errors
/// As [`page`].
pub fn curve_page(title: &str, curve: &HardenCurve) -> Result<String, ReportError> {
    crate::page("harden-curve.html", &curve::CurveView::of(title, curve))
}
