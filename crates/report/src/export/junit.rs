//! JUnit XML: a suite per claim file with a case per claim, and a suite per audit.
//!
//! Refuted claims are failures, stale ones errors, undecided ones failures or skipped as their policy says. An audit claims nothing:
//! its case passes where it ran and no flag blocks its figures. The format has no place for numbers but the properties of a suite.

use super::xml::Element;
use super::{Audit, Check, Document, blocking, words};
use brinell_record::{OnUndecided, Ruling};

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

/// How a case ends, other than by passing.
enum End {
    Failure,
    Error,
    Skipped,
}

pub(super) fn render(document: &Document<'_>) -> String {
    let mut files: Vec<(&str, Vec<&Check<'_>>)> = Vec::new();
    for check in &document.checks {
        match files.iter_mut().find(|(file, _)| *file == check.claim_file) {
            Some((_, checks)) => checks.push(check),
            None => files.push((&check.claim_file, vec![check])),
        }
    }
    let of_claims = files.iter().map(|(file, checks)| of_claims(file, checks));
    let suites: Vec<(Element, Counts, f64)> = of_claims.chain(document.audits.iter().map(of_audit)).collect();
    let sum = |of: fn(&Counts) -> usize| suites.iter().map(|(_, counts, _)| of(counts)).sum::<usize>();
    let seconds: f64 = suites.iter().map(|(_, _, seconds)| seconds).sum();
    Element::new("testsuites")
        .with("name", "brinell")
        .with("tests", sum(|counts| counts.tests))
        .with("failures", sum(|counts| counts.failures))
        .with("errors", sum(|counts| counts.errors))
        .with("time", time(seconds))
        .containing(suites.into_iter().map(|(suite, _, _)| suite))
        .document()
}

fn of_claims(file: &str, checks: &[&Check<'_>]) -> (Element, Counts, f64) {
    let (mut counts, mut properties, mut cases) = (Counts::default(), Vec::new(), Vec::new());
    for check in checks {
        let verdict = check.verdict;
        let id = &verdict.claim.id;
        properties.push(property(&format!("{id}.verdict"), words::ruling(verdict.verdict)));
        if let Some(numbers) = &verdict.numbers {
            properties.push(property(&format!("{id}.quantity"), &numbers.quantity));
            properties.push(property(&format!("{id}.count"), numbers.count));
            properties.push(property(&format!("{id}.n"), numbers.n));
            properties.push(property(&format!("{id}.low"), numbers.low));
            properties.push(property(&format!("{id}.high"), numbers.high));
            properties.push(property(&format!("{id}.confidence"), numbers.confidence));
            properties.extend(numbers.threshold.map(|threshold| property(&format!("{id}.threshold"), threshold)));
        }
        let end = match (verdict.verdict, verdict.claim.policy.undecided) {
            (Ruling::Refuted, _) | (Ruling::Undecided, OnUndecided::Fail) => Some(End::Failure),
            (Ruling::Undecided, OnUndecided::Warn) => Some(End::Skipped),
            (Ruling::Stale, _) => Some(End::Error),
            (Ruling::Proven | Ruling::Supported, _) => None,
        };
        let explanation = words::explanation(check);
        let mut output = format!("{explanation}\nevidence: {}\n", check.evidence);
        for witness in &verdict.witnesses {
            output += &format!("counterexample: sample {}, {}/{} row {}\n", witness.sample, check.evidence, witness.file, witness.row);
        }
        let case = Case {
            name: format!("{id}: {}", words::plain(&verdict.claim.statement)),
            class: format!("brinell.{}", words::kind(&verdict.claim.property)),
            seconds: verdict.seconds,
            end,
            kind: words::ruling(verdict.verdict),
            message: explanation,
            output,
        };
        cases.push(case.element(&mut counts));
    }
    let seconds = checks.iter().map(|check| check.verdict.seconds).sum();
    let created = checks.iter().map(|check| check.verdict.created.as_str()).max().unwrap_or_default();
    (suite(file, counts, seconds, created, properties, cases), counts, seconds)
}

fn of_audit(audit: &Audit<'_>) -> (Element, Counts, f64) {
    let summary = &audit.run.summary;
    let mut counts = Counts::default();
    let mut properties = vec![
        property("model", &audit.model),
        property("model.sha256", &summary.model.sha256),
        property("data.sha256", &summary.data.sha256),
        property("threat", words::threat(summary)),
        property("attacks", summary.attacks.join(", ")),
        property("n", summary.data.n),
        property("clean_correct", summary.clean_correct),
        property("survived", summary.survived),
        property("broken", summary.broken),
    ];
    for (name, rate) in [("clean_accuracy", &summary.clean_accuracy), ("robust_accuracy", &summary.robust_accuracy)] {
        properties.push(property(name, rate.value));
        properties.push(property(&format!("{name}.low"), rate.low));
        properties.push(property(&format!("{name}.high"), rate.high));
        properties.push(property(&format!("{name}.confidence"), rate.confidence));
    }
    let flags: Vec<&str> = blocking(audit.run).collect();
    let case = Case {
        name: format!("the audit of {} under {} gives figures that can be used", audit.run.title, words::threat(summary)),
        class: "brinell.audit".to_owned(),
        seconds: summary.seconds,
        end: (!flags.is_empty()).then_some(End::Error),
        kind: "unreliable",
        message: format!("blocking flags: {}", flags.join(", ")),
        output: format!("{}\n{}\n", words::finding(summary), words::NO_PROOF),
    };
    let cases = vec![case.element(&mut counts)];
    (suite(&audit.model, counts, summary.seconds, &summary.created, properties, cases), counts, summary.seconds)
}

fn suite(name: &str, counts: Counts, seconds: f64, created: &str, properties: Vec<Element>, cases: Vec<Element>) -> Element {
    Element::new("testsuite")
        .with("name", name)
        .with("tests", counts.tests)
        .with("failures", counts.failures)
        .with("errors", counts.errors)
        .with("skipped", counts.skipped)
        .with("time", time(seconds))
        .with("timestamp", created.trim_end_matches('Z'))
        .containing([Element::new("properties").containing(properties)])
        .containing(cases)
}

/// One claim or one audit.
struct Case {
    name: String,
    class: String,
    seconds: f64,
    end: Option<End>,
    /// Type and message of a case that does not pass.
    kind: &'static str,
    message: String,
    output: String,
}

impl Case {
    fn element(self, counts: &mut Counts) -> Element {
        counts.tests += 1;
        let (element, text) = match self.end {
            None => (None, ""),
            Some(End::Failure) => {
                counts.failures += 1;
                (Some("failure"), self.output.as_str())
            }
            Some(End::Error) => {
                counts.errors += 1;
                (Some("error"), self.output.as_str())
            }
            Some(End::Skipped) => {
                counts.skipped += 1;
                (Some("skipped"), "")
            }
        };
        let end = element.map(|name| Element::new(name).with("type", self.kind).with("message", &self.message).text(text));
        Element::new("testcase")
            .with("name", &self.name)
            .with("classname", &self.class)
            .with("time", time(self.seconds))
            .containing(end)
            .containing([Element::new("system-out").text(&self.output)])
    }
}

fn property(name: &str, value: impl ToString) -> Element {
    Element::new("property").with("name", name).with("value", value)
}

/// Seconds with the three decimals that readers of the format expect.
fn time(seconds: f64) -> String {
    format!("{:.3}", if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
}
