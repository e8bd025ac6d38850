//! Classic models as scikit-learn and skl2onnx wrote them, on tables, beside what other software says of them (`tests/golden/classic`).

use std::io::Write;
use std::path::{Path, PathBuf};

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
        let _ = writeln!(std::io::stderr(), "skipped: classic models need ONNX Runtime");
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
            }
        }
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
        assert_eq!(folder.summary(&out)["threat"]["features"]["columns"][1]["change"], "none");
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
    assert!(refused("--labels colour").contains("has no column `colour`; its columns are age, pay, score, label"));
    assert!(refused("--runtime rten").contains("rten does not have the operators ai.onnx.ml.TreeEnsembleClassifier"));
}
