use serde_json::Value;

use crate::support::Folder;

#[test]
fn a_comparison_counts_what_the_records_say() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 60 --classes classes.txt --out a").expect(0);
    folder.audit("robust", "--limit 60 --classes classes.txt --out b").expect(0);
    let comparison: Value = serde_json::from_str(&folder.run("compare a b --json").expect(0).stdout).unwrap();
    let (a, b) = (folder.record("a"), folder.record("b"));
    for (name, holds) in
        [("clean", (|line| line["outcome"] != "misclassified") as fn(&Value) -> bool), ("robust", |line| line["outcome"] == "survived")]
    {
        let count = |in_a: bool, in_b: bool| a.iter().zip(&b).filter(|(a, b)| holds(a) == in_a && holds(b) == in_b).count();
        let table = &comparison[name];
        for (cell, expected) in
            [("both", count(true, true)), ("only_a", count(true, false)), ("only_b", count(false, true)), ("neither", count(false, false))]
        {
            assert_eq!(table[cell], expected, "{name} {cell}");
        }
        // Twice the smaller tail of a fair coin, summed in full.
        let (lost, gained) = (count(true, false), count(false, true));
        let m = lost + gained;
        let term = |k: usize| (1..=k).map(|j| ((m - k + j) as f64 / j as f64).ln()).sum::<f64>() - m as f64 * 2f64.ln();
        let tail: f64 = (0..=lost.min(gained)).map(|k| term(k).exp()).sum();
        let p = if lost == gained { 1.0 } else { (2.0 * tail).min(1.0) };
        assert!((table["p_value"].as_f64().unwrap() - p).abs() < 1e-9, "{name}: {p}");
        assert!((table["change"]["value"].as_f64().unwrap() - (gained as f64 - lost as f64) / 60.0).abs() < 1e-12);
    }
    let samples = |list: &str| comparison[list].as_array().unwrap().iter().map(|one| one["sample"].as_u64().unwrap()).collect::<Vec<_>>();
    let turned = |from: &[Value], to: &[Value]| {
        let pairs = from.iter().zip(to).filter(|(from, to)| from["outcome"] == "survived" && to["outcome"] != "survived");
        pairs.map(|(from, _)| from["sample"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(samples("lost"), turned(&a, &b));
    assert_eq!(samples("gained"), turned(&b, &a));
    assert_eq!(comparison["differences"], Value::Array(Vec::new()));

    let run = folder.run("compare a b --html pair.html").expect(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(run.stdout.contains("exact McNemar test"), "{}", run.stdout);
    let page = std::fs::read_to_string(folder.path("pair.html")).unwrap();
    assert!(page.contains("exact McNemar test") && !page.contains("<script"));
}

#[test]
fn runs_of_other_samples_are_not_compared_and_other_settings_are_said() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 20 --attack fgsm --out a").expect(0);
    folder.audit("robust", "--limit 21 --attack fgsm --out more").expect(0);
    folder.audit("robust", "--limit 20 --attack fgsm --labels 3 --out labels").expect(2);
    folder
        .run("audit robust.onnx --data images.idx3-ubyte --norm linf --eps 0.05 --runtime rten --limit 20 --attack pgd:steps=3 --out eps")
        .expect(0);
    assert!(folder.run("compare a more").expect(4).stderr.contains("20 and 21"));
    assert!(folder.run("compare a labels").expect(4).stderr.contains("SHA-256"));
    let said = folder.run("compare a eps").expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("differ in more than the model, and this may explain a change: eps, attacks."), "{said}");
    assert!(said.contains("eps A: 0.1 of 0..1 B: 0.05 of 0..1"), "{said}");
    assert!(said.contains("Both runs tested the same model file."));
    let same = folder.run("compare a a").expect(0).stdout;
    assert!(same.contains("p = 1") && same.contains("as many as"), "{same}");
}

#[test]
fn a_history_is_sorted_grouped_and_the_same_in_every_form() {
    let folder = Folder::new();
    let run = |model: &str, more: &str, out: &str| {
        folder.audit(model, &format!("--limit 20 --attack fgsm {more} --out runs/{out}")).expect(0);
    };
    run("robust", "", "z-first");
    run("ordinary", "", "a-second");
    run("robust", "--seed 1", "m-third");
    run("robust", "--target 3", "other");
    // A run that was begun and not finished.
    std::fs::create_dir_all(folder.path("runs/stopped")).unwrap();
    folder.write("runs/stopped/run.json", "{}");
    // Runs of one second are told apart.
    for (at, name) in ["z-first", "a-second", "m-third", "other"].iter().enumerate() {
        let path = folder.path(&format!("runs/{name}/summary.json"));
        let mut summary = folder.summary(&format!("runs/{name}"));
        summary["created"] = Value::from(format!("2026-11-22T10:00:0{at}Z"));
        std::fs::write(path, summary.to_string()).unwrap();
    }
    let shown = folder.run("history runs runs/other --html history.html --csv history.csv").expect(0);
    assert!(shown.stderr.contains("stopped is not shown"), "{}", shown.stderr);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    assert!(shown.stdout.contains("these 2 groups"), "{}", shown.stdout);
    assert!(shown.stdout.contains("may explain a change: seed."), "{}", shown.stdout);
    let history: Value = serde_json::from_str(&folder.run("history runs --json").expect(0).stdout).unwrap();
    let folders: Vec<_> = history["groups"][0]["runs"].as_array().unwrap().iter().map(|run| run["folder"].as_str().unwrap()).collect();
    assert_eq!(folders, ["runs/z-first", "runs/a-second", "runs/m-third"]);
    assert_eq!(history["groups"][1]["runs"].as_array().unwrap().len(), 1);
    let csv = std::fs::read_to_string(folder.path("history.csv")).unwrap();
    assert_eq!(csv, folder.run("history runs --csv -").expect(0).stdout);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|cell| *cell == name).unwrap();
    for (row, name) in rows[1..].iter().zip(["z-first", "a-second", "m-third", "other"]) {
        let summary = folder.summary(&format!("runs/{name}"));
        assert_eq!(row[column("survived")], summary["survived"].to_string());
        for (cell, end) in [("robust_accuracy", "value"), ("robust_low", "low"), ("robust_high", "high")] {
            assert_eq!(row[column(cell)].parse::<f64>().unwrap(), summary["robust_accuracy"][end].as_f64().unwrap());
        }
    }
    assert!(std::fs::read_to_string(folder.path("history.html")).unwrap().contains("class=\"reach"));
    std::fs::create_dir(folder.path("empty")).unwrap();
    assert!(folder.run("history empty").expect(4).stderr.contains("no finished run"));
}
