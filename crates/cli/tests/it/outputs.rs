//! Exports of a run: every figure follows from `record.jsonl`, and every format is what its readers expect.

use std::process::Command;

use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::{Finished, Folder, demo};

/// What a line-by-line reader of `record.jsonl` would count.
struct Counts {
    n: u64,
    correct: u64,
    survived: u64,
    broken: u64,
}

impl Counts {
    fn of(folder: &Folder, run: &str) -> Self {
        let lines = folder.record(run);
        let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count() as u64;
        let n = lines.len() as u64;
        Self { n, correct: n - count("misclassified"), survived: count("survived"), broken: count("broken") }
    }

    fn robust(&self) -> f64 {
        self.survived as f64 / self.n as f64
    }

    fn clean(&self) -> f64 {
        self.correct as f64 / self.n as f64
    }

    /// Clopper-Pearson bounds by bisection on the binomial tail, written down independently of the program.
    fn interval(k: u64, n: u64) -> (f64, f64) {
        let tail = |from: u64, to: u64, p: f64| -> f64 {
            let choose = |i: u64| (1..=i).map(|j| ((n - i + j) as f64 / j as f64).ln()).sum::<f64>();
            (from..=to).map(|i| (choose(i) + i as f64 * p.ln() + (n - i) as f64 * (1.0 - p).ln()).exp()).sum()
        };
        let solve = |below: &dyn Fn(f64) -> bool| {
            let (mut lo, mut hi) = (0.0, 1.0);
            for _ in 0..100 {
                let middle = (lo + hi) / 2.0;
                if below(middle) { lo = middle } else { hi = middle }
            }
            lo
        };
        let low = if k == 0 { 0.0 } else { solve(&|p| tail(k, n, p) < 0.025) };
        let high = if k == n { 1.0 } else { solve(&|p| tail(0, k, p) > 0.025) };
        (low, high)
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn number(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

/// A run of which some samples are wrong, some broken and some survive.
fn audited() -> (Folder, Counts) {
    let folder = Folder::new();
    folder.audit("robust", "--limit 60 --classes classes.txt --out run").expect(0);
    let counts = Counts::of(&folder, "run");
    assert!(counts.broken > 0 && counts.survived > 0 && counts.correct < counts.n);
    (folder, counts)
}

#[test]
fn every_figure_of_an_export_follows_from_the_record() {
    let (folder, counts) = audited();
    let export = |format: &str| folder.run(&format!("report run --format {format}")).expect(0).stdout;
    let json = |format: &str| -> Value { serde_json::from_str(&export(format)).unwrap() };
    let (low, high) = Counts::interval(counts.survived, counts.n);
    let (clean_low, clean_high) = Counts::interval(counts.correct, counts.n);

    assert_eq!(json("json"), folder.summary("run"));

    let sarif = json("sarif");
    let properties = &sarif["runs"][0]["results"][0]["properties"];
    let found = ["n", "clean_correct", "survived", "broken"].map(|name| properties[name].as_u64().unwrap());
    assert_eq!(found, [counts.n, counts.correct, counts.survived, counts.broken]);
    for (end, expected) in [("value", counts.robust()), ("low", low), ("high", high)] {
        assert!(close(number(&properties["robust_accuracy"][end]), expected), "{end}");
    }

    let bom = json("cyclonedx");
    let card = &bom["components"][0]["modelCard"];
    let metrics = &card["quantitativeAnalysis"]["performanceMetrics"];
    let expected = [("clean_accuracy", counts.clean(), clean_low, clean_high), ("robust_accuracy", counts.robust(), low, high)];
    for (metric, (name, value, low, high)) in metrics.as_array().unwrap().iter().zip(expected) {
        assert_eq!(metric["type"], name);
        assert!(close(number(&metric["value"]), value));
        assert!(close(number(&metric["confidenceInterval"]["lowerBound"]), low));
        assert!(close(number(&metric["confidenceInterval"]["upperBound"]), high));
    }
    for (name, expected) in [("n", counts.n), ("clean_correct", counts.correct), ("survived", counts.survived), ("broken", counts.broken)] {
        let property =
            card["properties"].as_array().unwrap().iter().find(|property| property["name"] == format!("brinell:{name}")).unwrap();
        assert_eq!(property["value"], expected.to_string());
    }

    let junit = export("junit");
    let property = |name: &str| {
        let (_, rest) = junit.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().parse::<f64>().unwrap()
    };
    let expected = [
        ("n", counts.n as f64),
        ("clean_correct", counts.correct as f64),
        ("survived", counts.survived as f64),
        ("broken", counts.broken as f64),
        ("clean_accuracy", counts.clean()),
        ("clean_accuracy.low", clean_low),
        ("clean_accuracy.high", clean_high),
        ("robust_accuracy", counts.robust()),
        ("robust_accuracy.low", low),
        ("robust_accuracy.high", high),
    ];
    for (name, expected) in expected {
        assert!(close(property(name), expected), "{name}");
    }

    let card = export("huggingface");
    let values =
        |name: &str| card.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": ")?.parse().ok()).collect::<Vec<f64>>();
    for (name, expected) in [
        ("value", [counts.clean(), counts.robust()]),
        ("count", [counts.correct as f64, counts.survived as f64]),
        ("n", [counts.n as f64; 2]),
        ("low", [clean_low, low]),
        ("high", [clean_high, high]),
    ] {
        assert!(values(name).iter().zip(expected).all(|(a, b)| close(*a, b)) && values(name).len() == 2, "{name}: {:?}", values(name));
    }

    let percent = |value: f64| format!("{:.1} %", 100.0 * value);
    let markdown = export("markdown");
    let row = markdown.lines().find(|line| line.starts_with("| `robust")).unwrap();
    for said in [
        format!("| {} |", counts.n),
        format!("{} of them, {} (95 % interval {:.1}–{}", counts.survived, percent(counts.robust()), 100.0 * low, percent(high)),
        format!("{} of them, {}", counts.correct, percent(counts.clean())),
        format!("| {} |", counts.broken),
    ] {
        assert!(row.contains(&said), "{said} is not in {row}");
    }
    assert!(export("badge").contains(&format!("<title>robust accuracy: {} at 0.1 (L-inf)</title>", percent(counts.robust()))));
}

#[test]
fn a_summary_that_was_changed_is_noticed() {
    let (folder, counts) = audited();
    let path = folder.path("run/summary.json");
    let before = std::fs::read_to_string(&path).unwrap();
    let summary = folder.summary("run");
    let mut changes: Vec<(String, Value)> = Vec::new();
    for name in ["survived", "broken", "clean_correct"] {
        changes.push((format!("/{name}"), Value::from(summary[name].as_u64().unwrap() + 1)));
    }
    for rate in ["clean_accuracy", "robust_accuracy"] {
        for end in ["value", "low", "high"] {
            changes.push((format!("/{rate}/{end}"), Value::from(summary[rate][end].as_f64().unwrap() * 0.99)));
        }
    }
    changes.push(("/data/n".to_owned(), Value::from(counts.n + 1)));
    changes.push(("/robust_accuracy/confidence".to_owned(), Value::from(2.0)));
    changes.push(("/robust_accuracy/confidence".to_owned(), Value::from(0.9)));
    for name in ["broken", "forwards", "backwards"] {
        changes.push((format!("/stages/0/{name}"), Value::from(summary["stages"][0][name].as_u64().unwrap() + 1)));
    }
    changes.push(("/stages/0/name".to_owned(), Value::from("another")));
    for name in ["class", "n", "clean_correct", "survived"] {
        changes.push((format!("/per_class/1/{name}"), Value::from(summary["per_class"][1][name].as_u64().unwrap() + 1)));
    }
    for point in [0, summary["curve"].as_array().unwrap().len() - 1] {
        changes.push((format!("/curve/{point}/survived"), Value::from(summary["curve"][point]["survived"].as_u64().unwrap() + 1)));
        changes.push((format!("/curve/{point}/robust_accuracy/high"), Value::from(0.999)));
    }
    for (pointer, value) in changes {
        let mut changed = summary.clone();
        *changed.pointer_mut(&pointer).unwrap() = value;
        std::fs::write(&path, changed.to_string()).unwrap();
        for command in ["report run --format json", "report run", "compare run run", "history run"] {
            let refused = folder.run(command).expect(3);
            assert!(refused.stderr.contains("according to record.jsonl"), "{pointer}: {}", refused.stderr);
            assert!(refused.stdout.is_empty());
        }
    }
    std::fs::write(&path, before).unwrap();
    folder.run("report run --format json").expect(0);
}

#[test]
fn a_record_that_was_changed_is_noticed() {
    let (folder, _) = audited();
    let path = folder.path("run/record.jsonl");
    let before = std::fs::read_to_string(&path).unwrap();
    let (first, rest) = before.split_once('\n').unwrap();
    let other = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from));
        text.replacen(from, to, 1)
    };
    for changed in [
        rest.to_owned(),
        format!("{before}{first}\n"),
        other(&before, "\"outcome\":\"survived\"", "\"outcome\":\"misclassified\""),
        other(&before, "\"outcome\":\"broken\"", "\"outcome\":\"survived\""),
        other(&before, "\"attack\":\"apgd-ce\"", "\"attack\":\"nothing\""),
        other(&before, "\"label\":", "\"label\":1"),
    ] {
        std::fs::write(&path, changed).unwrap();
        folder.run("report run").expect(3);
    }
    std::fs::write(&path, other(&before, "{", "[")).unwrap();
    assert!(folder.run("report run").expect(4).stderr.contains("line 1"));
    std::fs::write(&path, before).unwrap();
    let gallery = folder.path("run/gallery.json");
    let text = std::fs::read_to_string(&gallery).unwrap();
    std::fs::write(&gallery, other(&text, "\"label\":", "\"label\":1")).unwrap();
    assert!(folder.run("report run").expect(3).stderr.contains("gallery.json"));
}

#[test]
fn a_report_is_written_where_it_is_wanted_and_over_no_record() {
    let (folder, _) = audited();
    let page = folder.path("run/report.html");
    let first = std::fs::read(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    assert!(folder.run("report run").expect(0).stdout.is_empty());
    assert_eq!(std::fs::read(&page).unwrap(), first, "the page is drawn from the record alone");
    folder.run("report run --format sarif --out run.sarif").expect(0);
    assert_eq!(std::fs::read_to_string(folder.path("run.sarif")).unwrap(), folder.run("report run --format sarif").expect(0).stdout);
    assert!(folder.run("report run run").expect(4).stderr.contains("--out"));
    folder.run("report run run --out both.html").expect(0);
    assert!(folder.run("report run run --format badge").expect(4).stderr.contains("one audit"));
    assert!(folder.run("report run --format json --out run/summary.json").expect(4).stderr.contains("must not be replaced"));
    assert!(folder.run("report none").expect(4).stderr.contains("none contains no finished run"));
    assert!(folder.run("report run --format pdf").expect(4).stderr.contains("markdown"));
    std::fs::remove_file(folder.path("run/summary.json")).unwrap();
    assert!(folder.run("report run").expect(4).stderr.contains("--resume"));
}

#[test]
fn paths_are_told_from_the_root_of_the_repository() {
    let (folder, _) = audited();
    std::fs::create_dir(folder.path(".git")).unwrap();
    std::fs::create_dir(folder.path("deep")).unwrap();
    let uri = |at: &str, run: &str| {
        let mut command = folder.command(&format!("report {run} --format sarif"));
        let output = crate::support::Finished::of(command.current_dir(folder.path(at)).output().unwrap()).expect(0);
        let log: Value = serde_json::from_str(&output.stdout).unwrap();
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone()
    };
    assert_eq!(uri("", "run"), "robust.onnx");
    assert_eq!(uri("deep", "../run"), "deep/robust.onnx", "a record knows the path that was typed");
}

/// Holds files against the schemas and readers of `tests/outputs`, where they are installed.
pub(crate) fn valid(format: &str, folder: &Folder, files: &[&str]) {
    let environment = std::env::var_os("VIRTUAL_ENV").map(|path| std::path::PathBuf::from(path).join("bin/python"));
    let python = environment.filter(|path| path.exists()).unwrap_or_else(|| "python3".into());
    let script = demo().join("../tests/outputs/validate.py");
    let Ok(output) = Command::new(python).arg(script).arg(format).args(files.iter().map(|file| folder.path(file))).output() else {
        skip(Need::Readers, &format!("no Python to check {format} with"));
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        skip(Need::Readers, &format!("{format} {said}"));
        return;
    }
    assert!(output.status.success(), "{format}: {said}");
}

#[test]
fn what_is_written_is_as_the_published_schemas_say() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 20 --attack pgd:steps=5 --out a").expect(0);
    folder
        .audit("ordinary", "--limit 20 --mean 5 --std 0.01 --classes classes.txt --target 3 --attack fgsm --sanity off --out b")
        .expect(2);
    let nearest =
        "audit robust.onnx --data images.idx3-ubyte --norm l2 --minimum-norm --attack fmn:steps=10 --runtime rten --limit 5 --out c";
    folder.run(nearest).expect(0);
    valid("summary-schema", &folder, &["a/summary.json", "b/summary.json", "c/summary.json"]);
    valid("record-schema", &folder, &["a/record.jsonl", "b/record.jsonl", "c/record.jsonl"]);
    for (name, property) in
        [("rate", "rate>=0.3"), ("all", "forall:correct"), ("clean", "clean_accuracy>=0.2"), ("same", "equal:robust.onnx:0.1")]
    {
        let mut command = folder.command(&format!("claim new a --out {name}.toml --property"));
        Finished::of(command.arg(property).output().unwrap()).expect(0);
    }
    for name in ["robust.toml", "ordinary.yaml"] {
        std::fs::copy(demo().join("../examples/claims").join(name), folder.path(name)).unwrap();
    }
    valid("claim-schema", &folder, &["rate.toml", "all.toml", "clean.toml", "same.toml", "robust.toml", "ordinary.yaml"]);
    folder.run("init robust.onnx --data images.idx3-ubyte").expect(0);
    let text = std::fs::read_to_string(folder.path("brinell.toml")).unwrap();
    let uncommented = text.replace("# limit", "limit").replace("# layout", "layout").replace("# suite", "suite");
    folder
        .write("more.toml", uncommented + "minimum-norm = false\nattack = [\"fgsm\"]\n[[feature]]\ncolumns = [\"a\", 3]\none-hot = true\n");
    valid("settings-schema", &folder, &["brinell.toml", "more.toml"]);
    // A schema that accepts everything would prove nothing.
    let mut summary: Value = serde_json::from_slice(&std::fs::read(folder.path("a/summary.json")).unwrap()).unwrap();
    summary["survived"] = "many".into();
    folder.write("summary.wrong.json", format!("[{summary}, {{}}]"));
    folder.write("record.wrong.json", "[{}, {\"sample\": -1}]");
    folder.write(
        "claim.wrong.json",
        "[{\"schema\": \"brinell.claim/1\", \"claim\": []}, {\"schema\": \"brinell.claim/1\", \"claim\": [{\"id\": \"a\"}]}]",
    );
    folder.write("settings.wrong.json", "[{\"nrom\": \"l2\"}, {\"norm\": \"l3\"}, {\"limit\": 0}, {\"feature\": [{}]}]");
    valid("refused", &folder, &["summary.wrong.json", "record.wrong.json", "claim.wrong.json", "settings.wrong.json"]);
}

#[test]
fn every_format_is_valid_for_its_readers() {
    let folder = Folder::new();
    let name = "<script>alert(1)<b>&'|`@all_*[x](y){0}#1";
    std::fs::rename(folder.path("ordinary.onnx"), folder.path(&format!("{name}.onnx"))).unwrap();
    folder.audit(name, "--limit 20 --out evil").expect(0);
    folder.audit("robust", "--limit 20 --attack fgsm --out plain").expect(0);
    folder.audit("robust", "--limit 20 --mean 0.9 --std 0.01 --attack fgsm --out doubtful").expect(2);
    for format in ["sarif", "sarif-all", "junit", "cyclonedx", "markdown"] {
        let files = [format!("one.{format}"), format!("all.{format}"), format!("doubtful.{format}")];
        folder.run(&format!("report plain --format {format} --out {}", files[0])).expect(0);
        folder.run(&format!("report evil plain doubtful --format {format} --out {}", files[1])).expect(0);
        folder.run(&format!("report doubtful --format {format} --out {}", files[2])).expect(0);
        valid(format.trim_end_matches("-all"), &folder, &files.each_ref().map(String::as_str));
    }
    folder.run("report evil plain --format huggingface --out card.md").expect(0);
    valid("huggingface", &folder, &["card.md"]);
    assert!(folder.run("report doubtful --format huggingface").expect(2).stderr.contains("blocking flag"));
    for run in ["evil", "plain", "doubtful"] {
        folder.run(&format!("report {run} --format badge --out {run}.svg")).expect(0);
    }
    valid("badge", &folder, &["evil.svg", "plain.svg", "doubtful.svg"]);
}

#[test]
fn every_kind_of_run_agrees_with_its_record() {
    let folder = Folder::new();
    let audit = "audit robust.onnx --data images.idx3-ubyte --runtime rten";
    for (number, settings) in [
        "--limit 30 --norm linf --eps 0.1 --suite none",
        "--limit 30 --norm linf --eps 0.1 --attack fgsm --keep-going",
        "--limit 30 --norm linf --eps 0.1 --attack fgsm --attack fgsm --attack pgd:steps=3",
        "--limit 30 --norm linf --eps 0.2 --attack pgd:steps=3 --target 3",
        "--limit 30 --norm l2 --eps 2 --attack pgd:steps=5 --max-queries 6",
        "--limit 30 --norm linf --eps 0 --attack fgsm",
        "--limit 1 --norm linf --eps 0.1 --attack fgsm",
    ]
    .into_iter()
    .enumerate()
    {
        folder.run(&format!("{audit} {settings} --out run{number}")).expect(0);
        for format in ["json", "sarif-all", "junit", "markdown", "badge", "cyclonedx", "huggingface"] {
            folder.run(&format!("report run{number} --format {format} --out -")).expect(0);
        }
        folder.run(&format!("compare run{number} run{number}")).expect(0);
    }
    folder.run("history run0 run1 run2 run3 run4 run5 run6").expect(0);
}
