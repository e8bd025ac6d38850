//! Does evidence agree with itself? Digests show that nobody changed a file since; they do not show that the files fit together.

use std::path::Path;

use brinell_ledger::LedgerError;
use brinell_record::{Outcome, Property, Ruling, Standing, Summary, Verdict};

use crate::INPUTS;

/// Compares a verdict with its counterexamples, and these with the run that found them, whose figures are computed again. Returns the summary
/// of the run; `None` where the claim took none.
///
/// # Errors
/// [`LedgerError::Tampered`]; [`LedgerError::Disagrees`] and the others of [`brinell_ledger::read`] for the run.
pub(super) fn check(folder: &Path, verdict: &Verdict) -> Result<Option<Summary>, LedgerError> {
    let tampered = |problem: String| Err(LedgerError::Tampered { path: folder.to_path_buf(), problem });
    let confirmed = verdict.witnesses.iter().filter(|witness| witness.standing == Standing::Confirmed).count();
    if matches!(verdict.claim.property, Property::Forall { .. } | Property::Equal { .. }) {
        match verdict.verdict {
            Ruling::Refuted if confirmed == 0 => return tampered("the verdict is refuted, but no counterexample is confirmed".to_owned()),
            Ruling::Supported | Ruling::Proven if confirmed > 0 => {
                return tampered(format!("the verdict is supported or proven, but {confirmed} counterexamples are confirmed"));
            }
            _ => {}
        }
    }
    let path = folder.join("run");
    if !verdict.runs.iter().any(|run| run == "run") {
        return Ok(None);
    }
    let run = brinell_ledger::read(&path)?;
    for witness in &verdict.witnesses {
        let number = witness.sample;
        let Some(record) = run.samples.iter().find(|record| record.sample == number) else {
            return tampered(format!("sample {number} is a counterexample, but the run has no record of it"));
        };
        if record.label != witness.label {
            return tampered(format!("the label of sample {number} is {} in the verdict but {} in the run", witness.label, record.label));
        }
        if (witness.file != INPUTS) != (record.outcome == Outcome::Broken) || record.attack != witness.attack {
            return tampered(format!("the verdict and the run disagree about how sample {number} was broken"));
        }
    }
    Ok(Some(run.summary))
}
