//! The same results in formats that other software reads, one file per format.
//!
//! Every export is a function of what it is given: the same record gives the same bytes. Figures are those of the record, at full
//! precision wherever the format has numbers.

mod badge;
mod cyclonedx;
mod digest;
mod huggingface;
mod json;
mod junit;
mod markdown;
mod sarif;
mod uri;
mod words;
mod xml;

pub(crate) use badge::{BLUE, GREY, draw as draw_badge};
pub(crate) use markdown::{code, prose};
pub(crate) use words::{NO_PROOF, plain};

use crate::{ReportError, Run};
use brinell_record::{Severity, Verdict};

/// A format that other software reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Summaries and verdicts as they are.
    Json,
    /// SARIF 2.1.0 with what needs attention: results that fail and claims that are undecided.
    Sarif,
    /// SARIF 2.1.0 with every result, those that pass included.
    SarifAll,
    /// JUnit XML, as Jenkins and its descendants read it.
    Junit,
    /// A summary in GitHub's Markdown, such as for a comment on a pull request.
    Markdown,
    /// A badge as SVG.
    Badge,
    /// CycloneDX 1.6 with a model card and declarations.
    CycloneDx,
    /// The metadata that Hugging Face reads from a model card.
    HuggingFace,
}

impl Format {
    /// All formats, in the order in which help lists them.
    pub const ALL: [Self; 8] =
        [Self::Json, Self::Sarif, Self::SarifAll, Self::Junit, Self::Markdown, Self::Badge, Self::CycloneDx, Self::HuggingFace];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::SarifAll => "sarif-all",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Badge => "badge",
            Self::CycloneDx => "cyclonedx",
            Self::HuggingFace => "huggingface",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What an export tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document<'a> {
    /// Audits, in the order in which they are told.
    pub audits: Vec<Audit<'a>>,
    /// Verdicts on claims, in the order in which they are told.
    pub checks: Vec<Check<'a>>,
}

/// An audit and where its model is.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit<'a> {
    /// The audit.
    pub run: &'a Run,
    /// Path of the model with `/` between its parts, from the root of the repository where it lies in one.
    pub model: String,
}

/// The verdict on a claim and where its files are; paths as in [`Audit::model`].
#[derive(Clone, Debug, PartialEq)]
pub struct Check<'a> {
    /// Contents of `verdict.json`.
    pub verdict: &'a Verdict,
    /// The model that the claim is about.
    pub model: String,
    /// The claim file.
    pub claim_file: String,
    /// Folder of the evidence.
    pub evidence: String,
}

/// Renders a document in a format; the text ends in a line feed.
///
/// # Errors
/// [`ReportError::NothingToExport`] for an empty document, [`ReportError::OneAudit`] where the format shows a single audit and
/// there are more, [`ReportError::Unreliable`] where it publishes figures that a blocking flag forbids to use.
pub fn export(format: Format, document: &Document<'_>) -> Result<String, ReportError> {
    if document.audits.is_empty() && document.checks.is_empty() {
        return Err(ReportError::NothingToExport);
    }
    match format {
        Format::Json => json::render(document),
        Format::Sarif => sarif::render(document, sarif::Scope::Attention),
        Format::SarifAll => sarif::render(document, sarif::Scope::All),
        Format::Junit => Ok(junit::render(document)),
        Format::Markdown => Ok(markdown::render(document)),
        Format::Badge => badge::render(document),
        Format::CycloneDx => cyclonedx::render(document),
        Format::HuggingFace => huggingface::render(document),
    }
}

/// Ids of the flags that forbid to use the figures of an audit.
fn blocking(run: &Run) -> impl Iterator<Item = &str> {
    run.summary.flags.iter().filter(|flag| flag.severity == Severity::Blocking).map(|flag| flag.id.as_str())
}

/// Pretty JSON that ends in a line feed.
fn pretty(value: &impl serde::Serialize) -> Result<String, ReportError> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
