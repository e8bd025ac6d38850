//! Classic models as scikit-learn and skl2onnx wrote them, on tables, beside what other software says of them (`tests/golden/classic`).

use std::path::{Path, PathBuf};

use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::Folder;

const NORMS: [&str; 4] = ["linf", "l2", "l1", "l0"];

/// Rules as `generate.py` keeps them in its column `ruled`.
const RULES: &str = "[[feature]]\ncolumns = [\"age\"]\ninteger = true\n[[feature]]\ncolumns = [1]\nchange = \"none\"\n[[feature]]\ncolumns = [\"sc*\"]\nchange = \"increase\"\n";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/classic").join(name)
}

fn expected(model: &str, what: &str) -> Vec<Value> {
    let all: Value = serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap();
    all[model][what].as_array().unwrap().clone()
}

fn table(model: &str) -> &'static str {
    if ["forest", "logistic"].contains(&model) { "three.csv" } else { "two.csv" }
}

/// Audits a model on its table; `None` where there is no ONNX Runtime, without which classic models cannot run.
fn audit(folder: &Folder, model: &str, more: &str, out: &str) -> Option<Vec<Value>> {
    let (file, data) = (golden(&format!("{model}.onnx")), golden(table(model)));
    let run = folder.run(&format!("audit {} --data {} {more} --runtime onnxruntime --out {out}", file.display(), data.display()));
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "classic models need it");
        return None;
    }
    run.expect(0);
    Some(folder.record(out))
}

#[test]
fn predictions_are_those_of_scikit_learn() {
    let folder = Folder::new();
    for model in ["forest", "boosted", "logistic", "vectors"] {
        let Some(lines) = audit(&folder, model, "--norm linf --eps 0 --suite score --max-queries 2 --sanity off", model) else { return };
        let classes = folder.summary(model)["classes"].as_array().unwrap().clone();
        let predicted: Vec<Value> = lines.iter().map(|line| classes[line["prediction"].as_u64().unwrap() as usize].clone()).collect();
        assert_eq!(predicted, expected(model, "labels"), "{model}");
    }
}

#[test]
fn the_leaves_that_are_found_are_the_nearest_there_are() {
    let folder = Folder::new();
    folder.write("rules.toml", RULES);
    for model in ["forest", "boosted"] {
        let runs = NORMS.iter().map(|&norm| (norm, norm, "")).chain([("ruled", "linf", "--config rules.toml")]);
        for (what, norm, config) in runs {
            let more = format!("--norm {norm} --minimum-norm --attack trees:precision=1e-6 --sanity off {config}");
            let Some(lines) = audit(&folder, model, &more, &format!("{model}-{what}")) else { return };
            for (line, nearest) in lines.iter().zip(expected(model, what)).filter(|(line, _)| line["outcome"] != "misclassified") {
                let (found, nearest) = (line["norm"].as_f64(), nearest.as_f64());
                let same = match (found, nearest) {
                    (Some(found), Some(nearest)) => (found - nearest).abs() <= 1e-5 * nearest,
                    (found, nearest) => found == nearest,
                };
                assert!(same, "{model} {what} {}: {found:?} for {nearest:?}", line["sample"]);
                // What is shown to hold no example is as much as there is, but for the precision of the search.
                let shown = line["none_within"].as_f64().unwrap();
                assert!(nearest.is_none_or(|nearest| shown < nearest && shown >= nearest * (1.0 - 1e-5)), "{model} {what}: {shown}");
            }
            let summary = folder.summary(&format!("{model}-{what}"));
            assert_eq!(summary["exhaustive"]["none_exists"], summary["survived"]);
            assert_eq!(summary["exhaustive"]["nearest"], summary["broken"]);
        }
    }
}

#[test]
fn what_stands_was_searched_to_the_end_or_not() {
    let folder = Folder::new();
    for (nodes, shown) in [(20_000, true), (1, false)] {
        let more = format!("--norm linf --eps 0.02 --attack trees:nodes={nodes} --sanity off");
        let out = format!("run-{nodes}");
        let Some(lines) = audit(&folder, "forest", &more, &out) else { return };
        let summary = folder.summary(&out);
        let stand = lines.iter().filter(|line| line["outcome"] == "survived").count();
        let searched = lines.iter().filter(|line| line["outcome"] == "survived" && line["none_within"].as_f64() >= Some(0.02)).count();
        assert!(stand > 20, "{stand}");
        assert_eq!(summary["exhaustive"]["none_exists"].as_u64(), Some(searched as u64));
        assert_eq!(searched == stand, shown, "{searched} of {stand}");
        let text = folder.run(&format!("report {out} --out -")).expect(0).stdout;
        assert!(text.contains(&format!("For {searched} of {stand} surviving samples, the search was exhaustive")), "{out}");
        // Figures that the record does not bear out are refused.
        let path = folder.path(&out).join("summary.json");
        let summary = std::fs::read_to_string(&path).unwrap();
        let changed = summary.replace(&format!("\"none_exists\": {searched}"), &format!("\"none_exists\": {}", searched + 1));
        std::fs::write(&path, changed).unwrap();
        assert!(folder.run(&format!("report {out}")).expect(3).stderr.contains("exhaustive.none_exists"));
    }
}

#[test]
fn trees_behind_other_operators_are_searched_too() {
    let folder = Folder::new();
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/trees").join(name);
    let all: Value = serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap();
    let mut broken = 0;
    for (name, case) in all.as_object().unwrap() {
        // Points beside edges, each with the class that the file gives it.
        let threshold = case["threshold"].as_f64();
        let mut table = "a,b,c,d,e,label\n".to_owned();
        for (point, scores) in case["points"].as_array().unwrap().iter().zip(case["scores"].as_array().unwrap()).take(40) {
            let scores: Vec<f64> = scores.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let best = |best: usize, class: usize| if scores[class] > scores[best] { class } else { best };
            let class = threshold.map_or_else(|| (0..scores.len()).fold(0, best), |threshold| usize::from(scores[0] >= threshold));
            let cells: Vec<String> = point.as_array().unwrap().iter().map(ToString::to_string).collect();
            table += &format!("{},{class}\n", cells.join(","));
        }
        folder.write(&format!("{name}.csv"), table);
        let threshold = threshold.map_or_else(String::new, |threshold| format!("--threshold {threshold}"));
        let command = format!(
            "audit {} --data {name}.csv {threshold} --task classification --norm linf --eps 0.01 --attack trees --sanity off --runtime onnxruntime --out {name}",
            golden(&format!("{name}.onnx")).display()
        );
        let run = folder.run(&command);
        if run.stderr.contains("no ONNX Runtime found") {
            return;
        }
        run.expect(0);
        let summary = folder.summary(name);
        assert_eq!(summary["exhaustive"]["none_exists"], summary["survived"], "{name}");
        broken += summary["broken"].as_u64().unwrap();
    }
    assert!(broken > 200, "{broken}");
}

#[test]
fn support_vectors_have_gradients() {
    let folder = Folder::new();
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/svm").join(name);
    let all: Value = serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap();
    let rows: Vec<String> = all["points"].as_array().unwrap().iter().map(|row| row.to_string()).collect();
    for name in ["two_rbf", "three_rbf", "three_poly", "scaled", "probabilities"] {
        let label = |row: usize| {
            let scores: Vec<f64> = all[name]["scores"][row].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let best = |best: usize, class: usize| if scores[class] > scores[best] { class } else { best };
            let best = (0..scores.len()).fold(0, best);
            // Of two classes without probabilities the file gives the other one the larger score.
            if scores.len() == 2 { 1 - best } else { best }
        };
        let table: String =
            rows.iter().enumerate().map(|(row, values)| format!("{},{}\n", values.trim_matches(['[', ']']), label(row))).collect();
        folder.write("rows.csv", format!("a,b,c,d,label\n{table}"));
        let path = golden(&format!("{name}.onnx"));
        let attack = if name == "probabilities" { "square:queries=200" } else { "pgd:steps=30" };
        let run = folder.run(&format!(
            "audit {} --data rows.csv --norm linf --eps 0.3 --attack {attack} --sanity off --runtime onnxruntime --out {name}",
            path.display()
        ));
        if run.stderr.contains("no ONNX Runtime found") {
            return;
        }
        run.expect(0);
        let summary = folder.summary(name);
        assert!(summary["broken"].as_u64() > Some(0), "{name}");
        assert_eq!(summary["stages"][0]["backwards"].as_u64() > Some(0), name != "probabilities", "{name}");
        let replay = folder.run(&format!("replay {name}")).expect(0);
        assert!(replay.stdout.contains(" 0 rejected"), "{}", replay.stdout);
    }
}

#[test]
fn attacks_that_know_nothing_of_features_keep_their_rules() {
    let folder = Folder::new();
    folder.write("rules.toml", RULES);
    let mut broken = 0;
    for (model, attack) in [
        ("logistic", "pgd:steps=40"),
        ("logistic", "apgd-ce"),
        ("forest", "hopskipjump"),
        ("forest", "square:queries=500"),
        ("boosted", "surfree"),
    ] {
        let norm = if attack == "surfree" { "l2" } else { "linf" };
        let more = format!("--norm {norm} --eps 0.4 --attack {attack} --max-queries 1000 --sanity off --config rules.toml");
        let out = format!("{model}-{}", attack.split(':').next().unwrap());
        let Some(lines) = audit(&folder, model, &more, &out) else { return };
        broken += lines.iter().filter(|line| line["outcome"] == "broken").count();
        let replay = folder.run(&format!("replay {out}")).expect(0);
        assert!(replay.stdout.contains(" 0 rejected"), "{}", replay.stdout);
        assert_eq!(folder.summary(&out)["allowed"]["features"]["columns"][1]["change"], "none");
    }
    assert!(broken > 30, "{broken}");
}

#[test]
fn what_a_table_or_its_rules_lack_is_named() {
    let folder = Folder::new();
    let (model, data) = (golden("forest.onnx"), golden("three.csv"));
    let refused = |more: &str| {
        let run = folder.run(&format!("audit {} --data {} --norm linf --eps 0.1 --out run {more}", model.display(), data.display()));
        run.expect(4).stderr
    };
    folder.write("unknown.toml", "[[feature]]\ncolumns = [\"height\"]\n");
    assert!(refused("--config unknown.toml").contains("the data's features are age, pay, score"));
    folder.write("typing.toml", "[[feature]]\ncolumns = [\"age\"]\nwhole = true\n");
    assert!(refused("--config typing.toml").contains("unknown field `whole`"));
    assert!(refused("--labels colour").contains("there is no column `colour`; the columns are age, pay, score, label"));
    assert!(refused("--runtime rten").contains("rten does not support these operators"));
}
