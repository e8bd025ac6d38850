use serde_json::Value;

use crate::support::{Folder, verdicts};

#[test]
fn an_audit_leaves_the_files_of_the_contract() {
    let folder = Folder::new();
    let run = folder.audit("ordinary", "--limit 40 --out run --classes classes.txt").expect(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(run.stdout.contains("run/report.html"));
    let (summary, lines) = (folder.summary("run"), folder.record("run"));
    for key in ["schema", "brinell_version", "question", "clean_correct", "survived", "seconds", "peak_rss_bytes", "flags", "stages"] {
        assert!(!summary[key].is_null(), "{key}");
    }
    for (group, keys) in [
        ("question", vec!["artefact", "population", "threat", "effort", "running"]),
        ("model", vec!["name", "sha256"]),
        ("data", vec!["sha256", "n", "shape"]),
        ("allowed", vec!["eps", "box", "knowledge"]),
        ("runtime", vec!["name", "version"]),
        ("clean_accuracy", vec!["value", "low", "high", "confidence"]),
        ("robust_accuracy", vec!["value", "low", "high", "confidence"]),
    ] {
        for key in keys {
            assert!(!summary[group][key].is_null(), "{group}.{key}");
        }
    }
    for stage in summary["stages"].as_array().unwrap() {
        for key in ["name", "attacked", "broken", "forwards", "backwards", "seconds"] {
            assert!(!stage[key].is_null(), "stages[].{key}");
        }
    }
    assert_eq!(lines.len(), 40);
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count() as u64;
    assert_eq!(summary["clean_correct"], 40 - count("misclassified"));
    assert_eq!(summary["survived"], count("survived"));
    assert_eq!(summary["broken"], count("broken"));
    assert_eq!(summary["robust_accuracy"]["value"], count("survived") as f64 / 40.0);
    // Every query in a stage's total is in some sample's line; each sample's first forward is the clean one.
    let sum = |key: &str| lines.iter().map(|line| line[key].as_u64().unwrap()).sum::<u64>();
    let stages = |key: &str| summary["stages"].as_array().unwrap().iter().map(|stage| stage[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("forwards"), stages("forwards") + 40);
    assert_eq!(sum("backwards"), stages("backwards"));
    for line in lines.iter().filter(|line| line["outcome"] == "broken") {
        let norm = line["norm"].as_f64().unwrap();
        assert!(norm > 0.0 && norm <= 0.1, "{line}");
        assert!(line["margin"].as_f64().unwrap() <= 0.0, "{line}");
        assert_ne!(line["adv_prediction"], line["label"], "{line}");
    }
    assert!(folder.path("run/report.html").exists());
}

#[test]
fn adversarial_examples_fool_the_model_when_they_come_as_data() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 60 --out run").expect(0);
    let broken = folder.summary("run")["broken"].as_u64().unwrap();
    assert!(broken > 40);
    // A replay through the loader: no sample is right, which is worse than chance and said.
    let replay = "audit ordinary.onnx --data run/adversarial.npz --norm linf --eps 0 --runtime rten --attack fgsm --out replay";
    folder.run(replay).expect(2);
    let summary = folder.summary("replay");
    assert_eq!(summary["data"]["n"], broken);
    assert_eq!(summary["clean_correct"], 0);
    assert!(summary["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "near-chance-accuracy"));
}

#[test]
fn batch_and_threads_change_no_verdict() {
    let folder = Folder::new();
    let mut first: Option<Vec<Vec<Value>>> = None;
    for (number, (batch, threads)) in [(64, 2), (64, 1), (7, 2), (1, 1)].into_iter().enumerate() {
        let out = format!("run{number}");
        folder.audit("robust", &format!("--limit 30 --batch {batch} --threads {threads} --out {out}")).expect(0);
        let found = verdicts(&folder.record(&out));
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "batch {batch}, threads {threads}");
    }
}

#[test]
fn eps_zero_breaks_nothing() {
    let folder = Folder::new();
    let run = "audit ordinary.onnx --data images.idx3-ubyte --norm l2 --eps 0 --limit 20 --runtime rten --out run";
    folder.run(run).expect(0);
    let summary = folder.summary("run");
    assert_eq!(summary["broken"], 0);
    assert_eq!(summary["survived"], summary["clean_correct"]);
}

#[test]
fn a_target_is_reached_by_name() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 40 --classes classes.txt --target bag --attack pgd:steps=20 --out run").expect(0);
    let lines = folder.record("run");
    let broken: Vec<_> = lines.iter().filter(|line| line["outcome"] == "broken").collect();
    assert!(!broken.is_empty());
    assert!(broken.iter().all(|line| line["adv_prediction"] == 8 && line["target"] == 8));
    // Samples that are bags already cannot be turned into bags.
    assert!(lines.iter().filter(|line| line["label"] == 8).all(|line| line["outcome"] != "broken"));
}

#[test]
fn a_query_limit_is_kept_and_said() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 20 --attack pgd:steps=40 --max-queries 10 --out run").expect(0);
    // One clean forward, and at most the limit.
    let spent = |line: &Value| line["forwards"].as_u64().unwrap() + line["backwards"].as_u64().unwrap();
    assert!(folder.record("run").iter().all(|line| spent(line) <= 1 + 10));
    assert!(folder.summary("run")["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "query-limit"));
}

#[test]
fn a_wrong_scale_is_noticed_and_the_right_one_named() {
    let folder = Folder::new();
    let run = "audit ordinary.onnx --data images.idx3-ubyte --scale 0..1 --mean 0.9 --std 0.01 --norm linf --eps 0.1 --limit 64 --runtime rten --attack fgsm --out run";
    let stdout = folder.run(run).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(stdout.contains("with scale 0..1 and neither mean nor std, which is therefore more likely"), "{stdout}");
}

#[test]
fn hostile_names_are_inert_in_the_report() {
    let folder = Folder::new();
    let name = "<script>alert(1)<b>";
    std::fs::rename(folder.path("ordinary.onnx"), folder.path(&format!("{name}.onnx"))).unwrap();
    folder.write("names.txt", (0..10).map(|class| format!("</script><img src=x{class}>\n")).collect::<String>());
    folder.audit(name, "--limit 12 --classes names.txt --out run").expect(0);
    let html = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(html.contains("&lt;script&gt;"));
    for alive in ["<script>alert", "<img src=x", "</script><img"] {
        assert!(!html.contains(alive), "{alive}");
    }
}

#[test]
fn keep_going_finds_stronger_examples_of_the_same_samples() {
    let folder = Folder::new();
    let run = "--limit 30 --attack pgd:steps=10";
    folder.audit("ordinary", &format!("{run} --out first")).expect(0);
    folder.audit("ordinary", &format!("{run} --keep-going --out best")).expect(0);
    let (first, best) = (folder.record("first"), folder.record("best"));
    let mut stronger = 0;
    for (first, best) in first.iter().zip(&best) {
        assert_eq!(first["outcome"], best["outcome"]);
        let (a, b) = (first["margin"].as_f64().unwrap(), best["margin"].as_f64().unwrap());
        assert!(b <= a + 1e-4, "{first} {best}");
        stronger += usize::from(b < a - 0.1);
        if best["outcome"] == "broken" {
            assert_eq!((best["forwards"].as_u64(), best["backwards"].as_u64()), (Some(1 + 11), Some(10)));
        }
    }
    assert!(stronger > 10);
}
