//! Formats that other software reads. `tests/outputs/validate.py` holds the same files against published schemas.

use crate::common;
use brinell_record::{OnUndecided, Ruling, Severity, Verdict};
use brinell_report::export::{Audit, Check, Document, Format, export};
use brinell_report::{ReportError, Run};
use serde_json::Value;

/// A name that is markup in each of the formats.
const EVIL: &str = "</script><b onclick=\"x()\">&'|`*_[a](http://x) @all #1 {0} \u{1}\n- x: y";

fn verdict(ruling: Ruling, id: &str) -> Verdict {
    let mut verdict: Verdict = serde_json::from_str(include_str!("../../../record/tests/verdict.json")).unwrap();
    verdict.verdict = ruling;
    verdict.claim.id = id.into();
    verdict.claim.subject.sha256 = Some("0a".repeat(32));
    if ruling != Ruling::Refuted {
        verdict.witnesses.clear();
    }
    verdict
}

fn verdicts() -> Vec<Verdict> {
    let mut warned = verdict(Ruling::Undecided, "e");
    warned.claim.policy.undecided = OnUndecided::Warn;
    vec![
        verdict(Ruling::Supported, "a"),
        verdict(Ruling::Refuted, "b"),
        verdict(Ruling::Undecided, "c"),
        verdict(Ruling::Stale, "d"),
        warned,
        verdict(Ruling::Proven, "f"),
    ]
}

fn document<'a>(runs: &'a [Run], verdicts: &'a [Verdict]) -> Document<'a> {
    let check = |verdict: &'a Verdict| Check {
        verdict,
        model: "models/model.onnx".into(),
        claim_file: "claims/robust.toml".into(),
        evidence: format!("claims/robust.evidence/{}", verdict.claim.id),
    };
    Document {
        audits: runs.iter().map(|run| Audit { run, model: run.summary.question.artefact.model.display().to_string() }).collect(),
        checks: verdicts.iter().map(check).collect(),
    }
}

fn json(format: Format, document: &Document<'_>) -> Value {
    serde_json::from_str(&export(format, document).unwrap()).unwrap()
}

fn blocked() -> Run {
    let mut run = common::audit();
    run.summary.flags[0].severity = Severity::Blocking;
    run
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let (runs, verdicts) = ([common::audit()], verdicts());
    for format in Format::ALL {
        let document = if format == Format::HuggingFace { document(&runs, &[]) } else { document(&runs, &verdicts) };
        let text = export(format, &document).unwrap();
        assert_eq!(text, export(format, &document).unwrap());
        assert!(text.ends_with('\n') && text.len() > 100, "{}", format.name());
        assert_eq!(Format::from_name(format.name()), Some(format));
        assert!(matches!(export(format, &Document::default()), Err(ReportError::NothingToExport)));
    }
}

#[test]
fn json_is_the_summary_itself_and_an_array_of_several() {
    let runs = [common::audit(), common::audit()];
    assert_eq!(json(Format::Json, &document(&runs[..1], &[])), serde_json::to_value(&runs[0].summary).unwrap());
    assert_eq!(json(Format::Json, &document(&runs, &verdicts())).as_array().unwrap().len(), 8);
}

#[test]
fn sarif_tells_kinds_and_only_failures_have_a_level() {
    let verdicts = verdicts();
    let log = json(Format::SarifAll, &document(&[common::audit()], &verdicts));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let kinds: Vec<_> = results.iter().map(|result| (result["kind"].as_str().unwrap(), result["level"].as_str().unwrap())).collect();
    let expected = [
        ("fail", "warning"),
        ("pass", "none"),
        ("fail", "error"),
        ("open", "none"),
        ("review", "none"),
        ("open", "none"),
        ("pass", "none"),
    ];
    assert_eq!(kinds, expected);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().unwrap().len() > 20);
        assert!(rule["properties"]["security-severity"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["region"]["startLine"], 1);
        assert!(place["artifactLocation"]["uri"].as_str().unwrap().starts_with("models/"));
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().ends_with(":1"));
        assert_eq!(result["taxa"][0]["id"], "1039");
    }
    let fingerprints: std::collections::BTreeSet<_> = results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(fingerprints.len(), results.len(), "alerts of different claims are told apart");
}

#[test]
fn sarif_for_code_scanning_holds_nothing_that_passes() {
    let mut kept = common::audit();
    kept.summary.broken = 0;
    let log = json(Format::Sarif, &document(&[kept.clone()], &verdicts()));
    let kinds: Vec<_> = log["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["kind"].clone()).collect();
    assert_eq!(kinds, ["fail", "open", "review", "open"]);
    let all = json(Format::SarifAll, &document(&[kept], &[]));
    assert_eq!(all["runs"][0]["results"][0]["kind"], "informational");
    assert!(all["runs"][0]["results"][0]["message"]["text"].as_str().unwrap().contains("prove nothing"));
}

#[test]
fn a_fingerprint_outlives_a_change_of_the_figures() {
    let fingerprint =
        |run: &Run| json(Format::Sarif, &document(std::slice::from_ref(run), &[]))["runs"][0]["results"][0]["partialFingerprints"].clone();
    let mut later = common::audit();
    later.summary.survived -= 1;
    later.summary.broken += 1;
    later.summary.created = "2027-01-01T00:00:00Z".into();
    assert_eq!(fingerprint(&later), fingerprint(&common::audit()));
    later.summary.question.threat.eps = "8/255".parse().unwrap();
    assert_ne!(fingerprint(&later), fingerprint(&common::audit()));
}

#[test]
fn flags_are_notifications_and_a_blocking_one_fails_the_execution() {
    for (run, successful, level) in [(common::audit(), true, "note"), (blocked(), false, "error")] {
        let log = json(Format::Sarif, &document(&[run], &[]));
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], successful);
        let flag = &invocation["toolExecutionNotifications"][0];
        assert_eq!(flag["level"], level);
        let index = usize::try_from(flag["descriptor"]["index"].as_u64().unwrap()).unwrap();
        assert_eq!(log["runs"][0]["tool"]["driver"]["notifications"][index]["id"], flag["descriptor"]["id"]);
    }
}

#[test]
fn junit_counts_what_it_holds() {
    let text = export(Format::Junit, &document(&[blocked()], &verdicts())).unwrap();
    let count = |needle: &str| text.matches(needle).count();
    assert!(text.contains(r#"<testsuites name="brinell" tests="7" failures="2" errors="2""#), "{text}");
    assert!(text.contains(r#"<testsuite name="claims/robust.toml" tests="6" failures="2" errors="1" skipped="1""#), "{text}");
    assert_eq!((count("<testcase "), count("<failure "), count("<error "), count("<skipped ")), (7, 2, 2, 1));
    assert!(text.contains(r#"<property name="b.high" value="0.571"/>"#));
    assert!(text.contains("counterexample: sample 3, claims/robust.evidence/b/run/adversarial.npz row 0"));
}

#[test]
fn the_gravest_verdict_comes_first_in_markdown_and_colours_the_badge() {
    let verdicts = verdicts();
    let text = export(Format::Markdown, &document(&[], &verdicts)).unwrap();
    let order = ["**refuted**", "**stale**", "**undecided**", "**supported**", "**proven**"].map(|name| text.find(name).unwrap());
    assert!(order.is_sorted(), "{text}");
    let badge = export(Format::Badge, &document(&[], &verdicts)).unwrap();
    assert!(badge.contains("<title>claims: 1 refuted, 1 stale, 2 undecided, 1 supported, 1 proven</title>"), "{badge}");
    assert!(badge.contains("#a3170d"));
    let badge = export(Format::Badge, &document(&[common::audit()], &[])).unwrap();
    assert!(badge.contains("<title>robust accuracy: 46.2 % at 2/255 (L-inf)</title>"), "{badge}");
    assert!(!export(Format::Badge, &document(&[blocked()], &[])).unwrap().contains("46.2"));
    let two = [common::audit(), common::audit()];
    assert!(matches!(export(Format::Badge, &document(&two, &[])), Err(ReportError::OneAudit { found: 2, .. })));
}

#[test]
fn a_long_comment_is_cut_and_says_so() {
    let many: Vec<Verdict> = (0..2000).map(|at| verdict(Ruling::Supported, &format!("claim-{at}"))).collect();
    let text = export(Format::Markdown, &document(&[], &many)).unwrap();
    assert!(text.chars().count() < 65_536);
    assert!(text.contains("of 2000 are not shown here"));
}

#[test]
fn references_of_cyclonedx_lead_somewhere() {
    let verdicts = verdicts();
    let bom = json(Format::CycloneDx, &document(&[common::audit()], &verdicts));
    assert_eq!(bom["components"].as_array().unwrap().len(), 2, "one model of the audit, one of the claims");
    let metrics = &bom["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"];
    assert_eq!(metrics[1]["type"], "robust_accuracy");
    assert_eq!(metrics[1]["value"].as_str().unwrap().parse::<f64>().unwrap(), 412.0 / 892.0);
    let targets: Vec<_> = bom["components"].as_array().unwrap().iter().map(|component| &component["bom-ref"]).collect();
    let evidence: Vec<_> = bom["declarations"]["evidence"].as_array().unwrap().iter().map(|evidence| &evidence["bom-ref"]).collect();
    let mut sides = Vec::new();
    for claim in bom["declarations"]["claims"].as_array().unwrap() {
        assert!(targets.contains(&&claim["target"]), "{claim}");
        for side in ["evidence", "counterEvidence"] {
            for reference in claim[side].as_array().into_iter().flatten() {
                assert!(evidence.contains(&reference));
                sides.push(side);
            }
        }
    }
    assert_eq!(sides, ["evidence", "counterEvidence", "evidence"], "what is undecided or stale is no evidence");
    let mut other = common::audit();
    other.summary.survived -= 1;
    assert_ne!(json(Format::CycloneDx, &document(&[other], &verdicts))["serialNumber"], bom["serialNumber"]);
}

#[test]
fn a_model_card_quotes_no_figure_that_is_flagged() {
    let refused = export(Format::HuggingFace, &document(&[blocked()], &[]));
    assert!(matches!(refused, Err(ReportError::Unreliable { .. })));
    let card = export(Format::HuggingFace, &document(&[common::audit()], &[])).unwrap();
    for line in
        ["- name: \"resnet_4b\"", "      type: image-classification", "      value: 0.4618834080717489", "    - type: robust_accuracy"]
    {
        assert!(card.contains(line), "{line} is not in:\n{card}");
    }
    assert!(matches!(export(Format::HuggingFace, &document(&[], &verdicts())), Err(ReportError::NoAudit { .. })));
}

#[test]
fn hostile_names_are_inert() {
    let mut run = common::audit();
    run.title = EVIL.into();
    run.summary.model.name = EVIL.into();
    run.summary.question.artefact.model = EVIL.into();
    run.summary.question.population.data = EVIL.into();
    run.summary.command = EVIL.into();
    run.summary.attacks = vec![EVIL.into()];
    run.summary.flags[0].id = EVIL.into();
    run.summary.flags[0].message = EVIL.into();
    let mut verdict = verdict(Ruling::Refuted, EVIL);
    verdict.claim.statement = EVIL.into();
    verdict.finding = EVIL.into();
    verdict.command = EVIL.into();
    let (runs, verdicts) = ([run], [verdict]);
    for format in [Format::Junit, Format::Badge] {
        for document in [document(&runs, &[]), document(&[], &verdicts)] {
            let text = export(format, &document).unwrap();
            for alive in ["<b ", "</script>", "\u{1}"] {
                assert!(!text.contains(alive), "{alive:?} in {}:\n{text}", format.name());
            }
        }
    }
    let text = export(Format::Markdown, &document(&runs, &verdicts)).unwrap();
    let mut outside = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('`') {
        let fence = &rest[at..at + rest[at..].find(|character| character != '`').unwrap()];
        // A backtick with a backslash opens nothing.
        if rest[..at].ends_with('\\') {
            outside.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        outside.push_str(&rest[..at]);
        rest = rest[at + fence.len()..].split_once(fence).unwrap().1;
    }
    outside.push_str(rest);
    for alive in ["<b ", "</script>", "\u{1}", "](http", "@all", "#1", "http:"] {
        assert!(!outside.contains(alive), "{alive:?} in:\n{outside}");
    }
    let log = export(Format::Sarif, &document(&runs, &verdicts)).unwrap();
    let log: Value = serde_json::from_str(&log).unwrap();
    let message = log["runs"][0]["results"][1]["message"]["text"].as_str().unwrap();
    assert!(message.contains("{{0}}") && message.contains("\\[a\\]"), "{message}");
    let card = export(Format::HuggingFace, &document(&runs, &[])).unwrap();
    assert!(card.lines().all(|line| !line.starts_with("- x:")), "{card}");
}
