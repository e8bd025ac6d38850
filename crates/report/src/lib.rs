//! Turns the record of an audit into one self-contained HTML page or a table for the terminal.
//!
//! The page needs no network and no script; its content security policy forbids both. Every text that
//! comes from outside (model and class names, paths, messages) is escaped. Pictures are PNG data URIs
//! and charts are inline SVG.
//!
//! # Shapes
//! Pictures are `[C, H, W]` with one or three channels or `[H, W]`; other samples are listed in a table.

mod chart;
mod exhaustive;
pub mod export;
mod format;
pub mod harden;
pub mod history;
mod nearest;
pub mod paired;
pub mod patch;
mod picture;
mod question;
pub mod race;
pub mod rank;
mod refusals;
pub mod terminal;
pub mod transfer;
mod verdict;
mod view;

use brinell_record::{Gallery, SampleRecord, Summary, Verdict};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// One audit to report on.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Contents of `summary.json`.
    pub summary: Summary,
    /// Lines of `record.jsonl`, in any order.
    pub samples: Vec<SampleRecord>,
    /// Contents of `gallery.json`.
    pub gallery: Gallery,
    /// What the audit is called on the page.
    pub title: String,
}

/// Why a page could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A template is wrong or does not fit the values that it is given.
    #[error("the report cannot be rendered")]
    Template {
        /// What the template engine says.
        #[from]
        source: minijinja::Error,
    },
    /// The PNG encoder refused a picture.
    #[error("a picture of the gallery cannot be encoded")]
    Picture {
        /// What the encoder says.
        source: image::ImageError,
    },
    /// A picture has more rows or columns than a PNG file can have.
    #[error("a picture of the gallery is too large for PNG: {height} x {width}")]
    PictureSize {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The PNG encoder refused a patch.
    #[error("the patch could not be encoded")]
    Png {
        /// What the encoder says.
        #[from]
        source: ::png::EncodingError,
    },
    /// A comparison without audits.
    #[error("a comparison needs at least one audit")]
    NothingToCompare,
    /// An export without audits and claims.
    #[error("there is nothing to export; give the folder of a run or of a claim's evidence")]
    NothingToExport,
    /// A format that shows one audit was given several.
    #[error("{format} can show one audit only, but {found} were given; give one folder")]
    OneAudit {
        /// The format.
        format: &'static str,
        /// Audits that were given.
        found: usize,
    },
    /// A format that is made of audits was given none.
    #[error("{format} needs an audit; give the folder of a run")]
    NoAudit {
        /// The format.
        format: &'static str,
    },
    /// A format in which figures are published was given some that must not be used.
    #[error(
        "{format} would publish figures of {title}, but the blocking flag {flag} says that they must not be used; fix the cause, then audit again"
    )]
    Unreliable {
        /// The format.
        format: &'static str,
        /// The audit.
        title: String,
        /// The flag's id.
        flag: String,
    },
    /// A value cannot be written as JSON.
    #[error("the record cannot be written as JSON")]
    Json {
        /// What the serialiser says.
        #[from]
        source: serde_json::Error,
    },
}

/// Renders one audit.
///
/// # Errors
/// A picture or template that cannot be written; no valid record leads to one.
pub fn render(run: &Run) -> Result<String, ReportError> {
    page("report.html", &view::ReportView::of(run)?)
}

/// Renders one claim: what is claimed, the verdict, what decided it, and the audit `run` by which it was decided, where it took one.
///
/// # Errors
/// A picture or template that cannot be written; no valid record leads to one.
pub fn render_claim(verdict: &Verdict, run: Option<&Run>) -> Result<String, ReportError> {
    page("claim.html", &view::ClaimPage::of(verdict, run)?)
}

/// Renders several audits side by side; the first sets the order in which figures are read.
///
/// # Errors
/// [`ReportError::NothingToCompare`] for an empty slice, and those of [`render`].
pub fn render_comparison(runs: &[Run]) -> Result<String, ReportError> {
    if runs.is_empty() {
        return Err(ReportError::NothingToCompare);
    }
    page("comparison.html", &view::ComparisonView::of(runs)?)
}

/// The templates by the name under which they include each other.
const TEMPLATES: [(&str, &str); 32] = [
    ("base.html", include_str!("../templates/base.html")),
    ("style.css", include_str!("../templates/style.css")),
    ("report.html", include_str!("../templates/report.html")),
    ("claim.html", include_str!("../templates/claim.html")),
    ("comparison.html", include_str!("../templates/comparison.html")),
    ("contents.html", include_str!("../templates/contents.html")),
    ("sections.html", include_str!("../templates/sections.html")),
    ("hero.html", include_str!("../templates/hero.html")),
    ("doubts.html", include_str!("../templates/doubts.html")),
    ("distances.html", include_str!("../templates/distances.html")),
    ("facts.html", include_str!("../templates/facts.html")),
    ("tiles.html", include_str!("../templates/tiles.html")),
    ("sandwich.html", include_str!("../templates/sandwich.html")),
    ("stages.html", include_str!("../templates/stages.html")),
    ("stage.html", include_str!("../templates/stage.html")),
    ("gallery.html", include_str!("../templates/gallery.html")),
    ("curve.html", include_str!("../templates/curve.html")),
    ("queries.html", include_str!("../templates/queries.html")),
    ("classes.html", include_str!("../templates/classes.html")),
    ("labels.html", include_str!("../templates/labels.html")),
    ("flags.html", include_str!("../templates/flags.html")),
    ("scope.html", include_str!("../templates/scope.html")),
    ("repeat.html", include_str!("../templates/repeat.html")),
    ("samples.html", include_str!("../templates/samples.html")),
    ("paired.html", include_str!("../templates/paired.html")),
    ("history.html", include_str!("../templates/history.html")),
    ("harden.html", include_str!("../templates/harden.html")),
    ("race.html", include_str!("../templates/race.html")),
    ("harden-curve.html", include_str!("../templates/harden-curve.html")),
    ("patch.html", include_str!("../templates/patch.html")),
    ("rank.html", include_str!("../templates/rank.html")),
    ("transfer.html", include_str!("../templates/transfer.html")),
];

fn page(template: &str, view: &impl Serialize) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment.get_template(template)?.render(Value::from(Serde(view)))?)
}
