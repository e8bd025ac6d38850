//! What the attacker may see, and models that show less than everything.

use brinell_graph::{Graph, Op, ValueId};

use crate::flags::{planted, same, scaled};
use crate::support::{Folder, verdicts};

/// The input rounded to 32 steps: a model that has no gradient at all.
fn rounded(graph: &mut Graph, x: ValueId) -> ValueId {
    let value = scaled(graph, x, 32.0);
    let value = graph.add(Op::Round, &[value]).unwrap();
    scaled(graph, value, 1.0 / 32.0)
}

#[test]
fn a_model_without_a_gradient_is_attacked_by_its_scores_and_the_report_says_so() {
    let folder = Folder::new();
    folder.write("rounded.onnx", planted(rounded, same));
    let run = folder.audit("rounded", "--limit 20 --max-queries 500 --out run").expect(0);
    assert!(run.stdout.contains("no-gradient") && run.stdout.contains("apgd-ce, apgd-margin could not run"), "{}", run.stdout);
    let summary = folder.summary("run");
    assert_eq!((&summary["allowed"]["knowledge"], &summary["suite"]), (&"score".into(), &"score".into()));
    assert!(summary["broken"].as_u64().unwrap() > 0);
    assert!(summary["stages"].as_array().unwrap().iter().all(|stage| stage["backwards"] == 0));
    let page = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("by scores alone") && page.contains("no-gradient"));
    // Of a suite with attacks on scores, these run.
    folder.audit("rounded", "--limit 5 --suite standard --max-queries 50 --out standard").expect(0);
    let stages = folder.summary("standard")["stages"].clone();
    assert_eq!((stages.as_array().unwrap().len(), &stages[0]["name"]), (1, &"square".into()));
}

#[test]
fn gradients_that_were_asked_for_by_name_are_not_replaced() {
    let folder = Folder::new();
    folder.write("rounded.onnx", planted(rounded, same));
    for asked in ["--attack pgd", "--knowledge white"] {
        let run = folder.audit("rounded", &format!("--limit 5 {asked} --out run")).expect(4);
        assert!(run.stderr.contains("--knowledge score") && run.stderr.contains("no path of differentiable operators"), "{}", run.stderr);
        assert!(!folder.path("run").exists());
    }
}

#[test]
fn an_attacker_who_sees_less_runs_what_needs_no_more() {
    let folder = Folder::new();
    let cases = [
        ("--norm l2 --eps 2 --knowledge score", "score", vec!["square", "nes"]),
        ("--norm l2 --eps 2 --knowledge label", "label", vec!["hopskipjump", "surfree"]),
        ("--norm l2 --eps 2 --knowledge score --suite fast", "fast", vec!["square"]),
        ("--norm l2 --minimum-norm --knowledge label", "label", vec!["hopskipjump", "surfree"]),
        ("--norm l2 --minimum-norm --knowledge score", "label", vec!["hopskipjump", "surfree"]),
    ];
    for (number, (asked, suite, attacks)) in cases.into_iter().enumerate() {
        let out = format!("run{number}");
        folder
            .run(&format!("audit ordinary.onnx --data images.idx3-ubyte {asked} --runtime rten --limit 4 --max-queries 200 --out {out}"))
            .expect(0);
        let summary = folder.summary(&out);
        let ran: Vec<&str> = summary["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
        assert_eq!((summary["suite"].as_str().unwrap(), ran), (suite, attacks), "{asked}");
        assert!(summary["stages"].as_array().unwrap().iter().all(|stage| stage["backwards"] == 0));
    }
}

#[test]
fn what_sees_more_than_granted_is_refused_with_what_fits() {
    let folder = Folder::new();
    let run = folder.audit("ordinary", "--knowledge label --attack square --out run").expect(4);
    assert!(run.stderr.contains("square needs score access") && run.stderr.contains("hopskipjump"), "{}", run.stderr);
    let run = folder.run("audit ordinary.onnx --data images.idx3-ubyte --norm l0 --eps 3 --knowledge label --out run").expect(4);
    assert!(run.stderr.contains("l0"), "{}", run.stderr);
    assert!(!folder.path("run").exists());
}

#[test]
fn a_target_is_reached_from_labels_by_way_of_an_input_of_that_class() {
    let folder = Folder::new();
    let run = "audit ordinary.onnx --data images.idx3-ubyte --norm l2 --eps 28 --runtime rten --limit 40 --target 3";
    folder.run(&format!("{run} --knowledge label --attack hopskipjump --max-queries 300 --out run")).expect(0);
    // Any image is within the radius, and an image of the class is one query away; only those that have the class already stand.
    let lines = folder.record("run");
    assert!(lines.iter().filter(|line| line["outcome"] == "broken").count() > 30);
    assert!(lines.iter().filter(|line| line["outcome"] == "survived").all(|line| line["label"] == 3));
}

#[test]
fn the_curve_of_queries_agrees_with_the_record() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 40 --knowledge score --max-queries 300 --out run").expect(0);
    let (summary, lines) = (folder.summary("run"), folder.record("run"));
    let curve = summary["queries_curve"].as_array().unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    assert_eq!(number(&curve[0]["queries"]), 0);
    assert_eq!(curve[0]["survived"], summary["clean_correct"]);
    assert_eq!(curve.last().unwrap()["survived"], summary["survived"]);
    for point in curve {
        let stands = |line: &&serde_json::Value| match line["outcome"].as_str().unwrap() {
            "survived" => true,
            "broken" => number(&line["forwards"]) + number(&line["backwards"]) - 1 > number(&point["queries"]),
            _ => false,
        };
        assert_eq!(number(&point["survived"]), lines.iter().filter(stands).count() as u64, "{point}");
    }
    folder.audit("ordinary", "--limit 40 --knowledge score --max-queries 300 --keep-going --out strongest").expect(0);
    assert!(folder.summary("strongest").get("queries_curve").is_none());
}

#[test]
fn batches_and_threads_change_no_verdict_of_attacks_without_gradients() {
    let folder = Folder::new();
    let mut seen = Vec::new();
    for (number, more) in ["--threads 1 --batch 1", "--threads 2 --batch 7", "--threads 2"].into_iter().enumerate() {
        let run = format!(
            "audit ordinary.onnx --data images.idx3-ubyte --norm l2 --eps 1.5 --runtime rten --limit 6 --knowledge label --max-queries 300 {more}"
        );
        folder.run(&format!("{run} --out {number}")).expect(0);
        seen.push(verdicts(&folder.record(&number.to_string())));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}
