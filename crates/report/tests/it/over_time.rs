//! Two runs side by side, and many over time.

use crate::common;
use brinell_record::{
    COMPARISON_SCHEMA, Change, Comparison, Difference, HISTORY_SCHEMA, History, HistoryGroup, Outcome, Paired, RunEntry, Turned,
};
use brinell_report::{history, paired};

use crate::common::EVIL;

fn entry(name: &str, survived: usize, day: u32) -> RunEntry {
    let summary = common::audit().summary;
    RunEntry {
        folder: format!("runs/{name}-{day}"),
        created: format!("2026-11-{day:02}T12:00:00Z"),
        brinell_version: summary.brinell_version,
        model: brinell_record::ModelInfo { name: name.into(), ..summary.model },
        data: summary.data,
        question: summary.question,
        allowed: summary.allowed,
        attacks: summary.attacks,
        runtime: summary.runtime,
        clean_correct: summary.clean_correct,
        survived,
        clean_accuracy: summary.clean_accuracy,
        robust_accuracy: common::rate(survived, 892),
        blocking: Vec::new(),
    }
}

pub(crate) fn comparison() -> Comparison {
    let turned = |sample: usize, a, b, attack: Option<&str>| Turned {
        sample,
        label: 3.into(),
        a,
        b,
        attack: attack.map(String::from),
        norm: attack.map(|_| 2.0 / 255.0),
        prediction: Some(5.into()),
    };
    Comparison {
        schema: COMPARISON_SCHEMA.into(),
        a: entry("plain.onnx", 412, 1),
        b: entry("robust.onnx", 442, 2),
        differences: vec![Difference { setting: "eps".into(), a: "2/255 of 0..1".into(), b: "4/255 of 0..1".into() }],
        classes: common::audit().summary.classes,
        clean: Paired {
            both: 700,
            only_a: 66,
            only_b: 66,
            neither: 60,
            change: Change { value: 0.0, low: -0.025, high: 0.025, confidence: 0.95 },
            p_value: 1.0,
        },
        robust: Paired {
            both: 410,
            only_a: 2,
            only_b: 32,
            neither: 448,
            change: Change { value: 30.0 / 892.0, low: 0.022, high: 0.048, confidence: 0.95 },
            p_value: 1.23e-7,
        },
        lost: vec![
            turned(7, Outcome::Survived, Outcome::Broken, Some("apgd-ce")),
            turned(9, Outcome::Survived, Outcome::Misclassified, None),
        ],
        gained: (0..32).map(|at| turned(20 + at, Outcome::Broken, Outcome::Survived, Some("apgd-dlr"))).collect(),
    }
}

pub(crate) fn two_groups() -> History {
    let mut other = entry("plain.onnx", 100, 3);
    other.question.threat.eps = "8/255".parse().unwrap();
    let mut doubtful = entry("robust.onnx", 500, 4);
    doubtful.blocking = vec!["zero-gradient".into()];
    History {
        schema: HISTORY_SCHEMA.into(),
        groups: vec![
            HistoryGroup { runs: vec![entry("plain.onnx", 412, 1), entry("plain.onnx", 430, 2), doubtful], varies: vec!["attacks".into()] },
            HistoryGroup { runs: vec![other], varies: Vec::new() },
        ],
    }
}

#[test]
fn a_comparison_reads_as_intended_in_a_terminal() {
    let expected = "\
442 of 892 samples survive the attacks on B (robust.onnx), 30 more than the 412
with A (plain.onnx).
The runs differ in more than the model, and this may explain a change: eps.
Both runs tested the same model file.
  eps  A: 2/255 of 0..1
       B: 4/255 of 0..1

samples right with           clean   under attack
  both                         700            410
  A only (lost)                 66              2
  B only (gained)               66             32
  neither                       60            448

clean: 66 lost and 66 gained; exact McNemar test: p = 1. Change +0.0 points (95
% interval -2.5 to +2.5).
under attack: 2 lost and 32 gained; exact McNemar test: p = 1.2e-7. Change +3.4
points (95 % interval +2.2 to +4.8).

A  plain.onnx  2026-11-01T12:00:00Z  runs/plain.onnx-1
   clean   766 of 892, 85.9 % (83.6-88.2 %)
   robust  412 of 892, 46.2 % (42.9-49.5 %)
B  robust.onnx  2026-11-02T12:00:00Z  runs/robust.onnx-2
   clean   766 of 892, 85.9 % (83.6-88.2 %)
   robust  442 of 892, 49.6 % (46.3-52.8 %)
Intervals of shares are exact (Clopper-Pearson, 95 %).

Lost: 2 survive in A but not in B
       7  cat: broken by apgd-ce at 2/255 as \"dog\"
       9  cat: wrong without an attack as \"dog\"

Gained: 32 survive in B but not in A
";
    let shown = paired::table(&comparison(), 80, false);
    assert!(shown.starts_with(expected), "\n{shown}");
    assert!(shown.ends_with("      ..  and 12 more; the JSON and the page list them\n"), "\n{shown}");
}

#[test]
fn a_history_reads_as_intended_in_a_terminal() {
    let shown = history::table(&two_groups(), 80, false);
    let expected = "\
The runs used different samples or threats. Compare figures only within each of
these 2 groups.

892 samples of cifar10.bin (b7e14d02), L-inf <= 2/255
These settings differ between the runs and may explain a change: attacks.
ended (UTC)       model         robust  0 %                                100 %
2026-11-01 12:00  plain.onnx    46.2 %                   -o-             c
2026-11-02 12:00  plain.onnx    48.2 %                    -o-            c
2026-11-04 12:00  robust.onnx   56.1 %                       -o-         c
                  not reliable: zero-gradient
o robust accuracy with its 95 % interval, c clean accuracy

892 samples of cifar10.bin (b7e14d02), L-inf <= 8/255
";
    assert!(shown.starts_with(expected), "\n{shown}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "a name that goes on and on and on and on and on and on and on and on and on and on".to_owned();
    let mut comparison = comparison();
    comparison.a.model.name = long.clone();
    comparison.a.folder = long.clone();
    comparison.differences[0].a = long.clone();
    comparison.classes = vec![long.clone(); 10];
    let mut history = two_groups();
    history.groups[0].runs[0].model.name = long.clone();
    history.groups[0].runs[2].blocking = vec![long];
    for width in [60, 80, 100] {
        for shown in [paired::table(&comparison, width, false), history::table(&history, width, false)] {
            for line in shown.lines() {
                assert!(line.chars().count() <= width, "{}: {line}", line.chars().count());
            }
        }
    }
}

#[test]
fn pages_load_nothing_run_nothing_and_keep_names_inert() {
    let mut comparison = comparison();
    comparison.a.model.name = EVIL.into();
    comparison.b.folder = EVIL.into();
    comparison.differences[0].setting = EVIL.into();
    comparison.classes = vec![EVIL.into(); 10];
    comparison.lost[0].attack = Some(EVIL.into());
    let mut history = two_groups();
    history.groups[0].runs[0].model.name = EVIL.into();
    history.groups[0].runs[1].folder = EVIL.into();
    history.groups[0].runs[1].created = EVIL.into();
    history.groups[1].varies = vec![EVIL.into()];
    for page in [paired::page(&comparison).unwrap(), history::page(&history).unwrap()] {
        assert!(page.contains("default-src 'none'"));
        for word in ["<script", "<link", "@import", "http:", "https:", "javascript:", "<b ", "<img", "onclick=\""] {
            assert!(!page.contains(word), "{word}");
        }
        assert_eq!((page.matches("<style").count(), page.matches("</style").count()), (1, 1));
    }
}

#[test]
fn a_page_of_a_comparison_lists_every_sample_and_says_what_differs() {
    let page = paired::page(&comparison()).unwrap();
    assert_eq!(page.matches("<td>cat</td>").count(), 34);
    for said in [
        "2 lost",
        "32 gained",
        "differ in more than the model",
        "1.2e-7",
        "runs&#x2f;plain.onnx-1",
        "do not prove that a model is more robust",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_chart_has_a_mark_and_a_range_per_run() {
    let page = history::page(&two_groups()).unwrap();
    assert_eq!(page.matches(r#"class="reach"#).count(), 4);
    assert_eq!(page.matches(r#"role="img""#).count(), 2);
    assert!(page.contains("not reliable: zero-gradient"));
    assert!(page.contains("only within each of these 2 groups"));
}

#[test]
fn csv_has_a_line_per_run_and_texts_that_are_no_formulas() {
    let mut history = two_groups();
    history.groups[0].runs[0].model.name = "=HYPERLINK(\"x\"),a".into();
    let csv = history::csv(&history);
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"x\"\"),a\""), "{}", lines[1]);
    assert_eq!(lines[2].split(',').count(), lines[0].split(',').count());
    assert!(lines[4].starts_with("2,2026-11-03T12:00:00Z,"));
}
