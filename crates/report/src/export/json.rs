//! Summaries and verdicts as they are: one alone, several in an array. Each names its own schema.

use super::{Document, pretty};
use crate::ReportError;
use serde_json::Value;

pub(super) fn render(document: &Document<'_>) -> Result<String, ReportError> {
    if let ([audit], []) = (document.audits.as_slice(), document.checks.as_slice()) {
        return pretty(&audit.run.summary);
    }
    if let ([], [check]) = (document.audits.as_slice(), document.checks.as_slice()) {
        return pretty(check.verdict);
    }
    let audits = document.audits.iter().map(|audit| serde_json::to_value(&audit.run.summary));
    let checks = document.checks.iter().map(|check| serde_json::to_value(check.verdict));
    pretty(&audits.chain(checks).collect::<Result<Vec<Value>, _>>()?)
}
