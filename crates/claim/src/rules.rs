//! What a claim must say beyond being well-formed.

use std::collections::BTreeSet;
use std::path::Path;

use brinell_attack::AttackError;
use brinell_audit::{AuditError, load_suite};
use brinell_record::{Claim, ClaimFile, ClaimThreat, FeatureRule, Knowledge, Property, Quantity};

use super::statement::{Contradiction, contradiction};
use crate::ClaimError;

/// Longest id: it becomes the name of a folder.
const LONGEST_ID: usize = 64;

/// Checks what the types cannot.
///
/// # Errors
/// [`ClaimError::Key`] for the first mistake.
pub(super) fn check(path: &Path, file: &ClaimFile) -> Result<(), ClaimError> {
    let wrong = |key: &str, problem: &str| Err(ClaimError::key(path, key, problem));
    if !(file.confidence >= 0.5 && file.confidence < 1.0) {
        return wrong("confidence", "must be a probability of at least 0.5 and less than 1, such as 0.95");
    }
    if file.claims.is_empty() {
        return wrong("claim", "has no claim; write at least one [[claim]]");
    }
    let mut ids = BTreeSet::new();
    for (number, claim) in file.claims.iter().enumerate() {
        let found = Checked { claim, folder: path.parent().unwrap_or_else(|| Path::new("")) }.problem();
        if let Some((key, problem)) = found {
            return Err(ClaimError::key(path, format!("claim[{number}].{key}"), problem));
        }
        if !ids.insert(claim.id.to_lowercase()) {
            return Err(ClaimError::key(path, format!("claim[{number}].id"), format!("`{}` is used twice in the file", claim.id)));
        }
    }
    Ok(())
}

type Problem = (String, String);

struct Checked<'c> {
    claim: &'c Claim,
    /// What paths start from.
    folder: &'c Path,
}

impl Checked<'_> {
    fn problem(&self) -> Option<Problem> {
        self.words().or_else(|| self.subject()).or_else(|| self.population()).or_else(|| self.property()).or_else(|| self.threat())
    }

    fn words(&self) -> Option<Problem> {
        let id = &self.claim.id;
        let usable = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !id.starts_with('.') && !id.ends_with('.');
        if id.is_empty() || id.len() > LONGEST_ID || !usable {
            return problem(
                "id",
                format!("`{id}` cannot be the name of a folder; use up to {LONGEST_ID} letters, digits, `-`, `_` and `.`"),
            );
        }
        if let Some(Contradiction { said, meant }) = contradiction(self.claim) {
            let text = format!("says \"{said}\", but the property says \"{meant}\"; correct one of them, or remove the statement");
            return problem("statement", text);
        }
        let day = self.claim.expires.as_ref()?;
        day.parse::<jiff::civil::Date>().err().and_then(|_| problem("expires", format!("`{day}` is not a day; write it as 2027-06-30")))
    }

    fn subject(&self) -> Option<Problem> {
        let subject = &self.claim.subject;
        if subject.is_address() {
            return problem(
                "subject.model",
                "is an address, but a claim needs a file, which its digest identifies; audit the address instead".to_owned(),
            );
        }
        if let Some(found) = required("subject.sha256", subject.sha256.as_ref())
            .or_else(|| digest("subject.weights_sha256", subject.weights_sha256.as_ref()))
        {
            return Some(found);
        }
        match subject.threshold {
            Some(threshold) if !threshold.is_finite() => problem("subject.threshold", format!("is {threshold}; give a finite number")),
            _ => None,
        }
    }

    fn population(&self) -> Option<Problem> {
        let population = &self.claim.population;
        if let Some(found) = required("population.sha256", population.sha256.as_ref()) {
            return Some(found);
        }
        match (population.n, population.selection.as_deref().map(str::trim), population.sampling) {
            (None, ..) => problem("population.n", "missing; write how many samples the claim is about"),
            (Some(0), ..) => problem("population.n", "is 0; a claim needs at least one sample"),
            (_, None, _) => problem("population.selection", "missing; write how the samples were chosen"),
            (_, Some(""), _) => problem("population.selection", "is empty; write how the samples were chosen"),
            (.., None) => problem("population.sampling", "missing; write exhaustive, iid or convenience"),
            _ => None,
        }
    }

    fn property(&self) -> Option<Problem> {
        match &self.claim.property {
            Property::Rate { at_least, at_most } => threshold(*at_least, *at_most),
            Property::Bound { at_least, at_most, .. } => threshold(*at_least, *at_most),
            Property::Equal { sha256, weights_sha256, tolerance, .. } => digest("property.sha256", Some(sha256))
                .or_else(|| digest("property.weights_sha256", weights_sha256.as_ref()))
                .or_else(|| {
                    let usable = tolerance.is_finite() && *tolerance >= 0.0;
                    (!usable).then(|| ("property.tolerance".to_owned(), format!("is {tolerance}; give a finite number of at least 0")))
                }),
            _ => None,
        }
    }

    fn threat(&self) -> Option<Problem> {
        match (&self.claim.threat, attacked(&self.claim.property)) {
            (None, true) => problem("threat", "missing; write at least norm, eps and suite"),
            (Some(_), false) => problem("threat", "this property is about unchanged samples; remove it"),
            (Some(threat), true) => threat_problem(threat, self.folder),
            (None, false) => None,
        }
    }
}

/// True where the property speaks of attacked samples.
pub(super) fn attacked(property: &Property) -> bool {
    match property {
        Property::Forall { .. } | Property::Rate { .. } => true,
        Property::Bound { quantity, .. } => *quantity == Quantity::RobustAccuracy,
        _ => false,
    }
}

fn threat_problem(claimed: &ClaimThreat, folder: &Path) -> Option<Problem> {
    let ClaimThreat { threat, effort, .. } = claimed;
    if threat.eps.is_nearest() {
        return problem("threat.eps", "a claim needs a radius; write it as 8/255 or 0.03");
    }
    if let Some(found) = threat.feature.iter().enumerate().find_map(|(number, rule)| feature_problem(number, rule)) {
        return Some(found);
    }
    let granted = threat.knowledge.unwrap_or(Knowledge::White);
    match (&effort.suite, effort.attacks.is_empty()) {
        (Some(_), false) => problem("threat", "has both suite and attacks; keep one"),
        (None, true) => problem("threat.suite", format!("missing; name one of {}, or list attacks", suites())),
        (Some(suite), true) => {
            let stages = load_suite(&super::plan::suite_path(folder, suite)).and_then(|suite| Ok(suite.stages(threat.norm)?));
            match stages {
                Ok(stages) if stages.is_empty() => {
                    problem("threat.suite", format!("`{suite}` contains no attacks; name one of {}", suites()))
                }
                // As in an audit, the stages run that need no more than is granted; one at least there must be.
                Ok(stages) => {
                    let problems: Vec<_> = stages.iter().map(|stage| too_knowing(stage.recipe.as_ref(), granted)).collect();
                    if problems.iter().any(Option::is_none) { None } else { problems.into_iter().flatten().next() }
                }
                Err(AuditError::File(_) | AuditError::Attack(AttackError::UnknownSuite { .. })) => problem(
                    "threat.suite",
                    format!("`{suite}` is neither a built-in suite ({}) nor a TOML file beside the claim", suites()),
                ),
                Err(error) => problem("threat.suite", error.to_string()),
            }
        }
        (None, false) => effort.attacks.iter().find_map(|attack| match brinell_attack::recipe(attack) {
            Ok(attack) => too_knowing(attack.as_ref(), granted),
            Err(error) => problem("threat.attacks", error.to_string()),
        }),
    }
    .or_else(|| match effort.max_queries {
        Some(0 | 1) => problem("threat.max_queries", "must be at least 2, because a gradient costs one forward and one backward pass"),
        _ => None,
    })
    .or_else(|| {
        effort.keep_going.then(|| {
            ("threat.keep_going".to_owned(), "one example refutes the claim, so a stronger one changes nothing: remove it".to_owned())
        })
    })
    .or_else(|| match effort.certify {
        Some(0) => problem("threat.certify", "is the number of seconds in which to look for a proof of each sample; give at least 1"),
        _ => None,
    })
}

/// Finds what no data can make right about a rule.
fn feature_problem(number: usize, rule: &FeatureRule) -> Option<Problem> {
    let wrong = |key: &str, text: &str| problem(&format!("threat.feature[{number}].{key}"), text);
    let finite = |value: &Option<f32>| value.is_none_or(f32::is_finite);
    match rule {
        rule if rule.columns.is_empty() => wrong("columns", "has no feature; list column names, or numbers from 0"),
        rule if !finite(&rule.min) || !finite(&rule.max) => wrong("min", "min and max must be finite numbers"),
        FeatureRule { min: Some(min), max: Some(max), .. } if min > max => wrong("min", "is larger than max"),
        FeatureRule { unit: Some(unit), .. } if !(unit.is_finite() && *unit > 0.0) => {
            wrong("unit", "must be a finite number above 0; it is the change that counts as 1")
        }
        FeatureRule { keep: Some(keep), .. } if !keep.iter().all(|value| value.is_finite()) => {
            wrong("keep", "must be a list of finite numbers")
        }
        FeatureRule { values: Some(values), .. } if values.is_empty() || !values.iter().all(|value| value.is_finite()) => {
            wrong("values", "must be a list of finite numbers")
        }
        _ => None,
    }
}

/// Refuses an attack that sees more of the model than the claim grants.
fn too_knowing(attack: &dyn brinell_attack::Recipe, granted: Knowledge) -> Option<Problem> {
    let seen = attack.knowledge();
    if seen <= granted {
        return None;
    }
    problem(
        "threat.knowledge",
        format!("{} needs more access to the model ({}) than this allows; name other attacks", attack.name(), seen.name()),
    )
}

fn suites() -> String {
    brinell_attack::suites().filter(|name| *name != super::NO_ATTACK).collect::<Vec<_>>().join(", ")
}

fn threshold(at_least: Option<f64>, at_most: Option<f64>) -> Option<Problem> {
    match (at_least, at_most) {
        (Some(_), Some(_)) => problem("property", "has both at_least and at_most; write two claims"),
        (None, None) => problem("property", "has no threshold; write at_least or at_most"),
        (Some(value), None) | (None, Some(value)) if !(0.0..=1.0).contains(&value) => {
            problem("property", format!("the threshold {value} is not a share; give a number from 0 to 1, such as 0.9 for 90 %"))
        }
        _ => None,
    }
}

fn required(key: &str, text: Option<&String>) -> Option<Problem> {
    if text.is_none() { problem(key, "missing; a claim identifies its files by their digests") } else { digest(key, text) }
}

fn digest(key: &str, text: Option<&String>) -> Option<Problem> {
    let text = text?;
    let usable = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if usable {
        None
    } else {
        problem(key, format!("`{text}` is not a SHA-256 digest, which has 64 lower-case hexadecimal digits, as sha256sum prints"))
    }
}

fn problem(key: &str, text: impl Into<String>) -> Option<Problem> {
    Some((key.to_owned(), text.into()))
}
