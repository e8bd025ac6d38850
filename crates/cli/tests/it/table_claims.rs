//! Claims about models of tables: rules of features are part of what is claimed, of the evidence and of its replay.

use std::path::{Path, PathBuf};

use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::{Finished, Folder};

/// Bounds, whole numbers, an immutable feature and one that may only rise.
const RULES: &str = "[[feature]]\ncolumns = [\"age\"]\ninteger = true\nmax = 100\n[[feature]]\ncolumns = [1]\nchange = \"none\"\n[[feature]]\ncolumns = [\"sc*\"]\nchange = \"increase\"\nunit = 0.5\n";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/classic").join(name)
}

/// A folder with the models and tables in it; `None` where there is no ONNX Runtime, without which they cannot run.
fn folder() -> Option<Folder> {
    let folder = Folder::new();
    for name in ["forest.onnx", "logistic.onnx", "three.csv"] {
        std::fs::copy(golden(name), folder.path(name)).unwrap();
    }
    folder.write("rules.toml", RULES);
    let run = folder.run("audit logistic.onnx --data three.csv --norm linf --eps 0 --runtime onnxruntime --out probe");
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "classic models need it");
        return None;
    }
    Some(folder)
}

/// Audits a model under the rules and makes a claim of it, whose sampling makes the rate of these samples all that counts.
fn claimed(folder: &Folder, model: &str, more: &str) -> Finished {
    let audit = format!("audit {model}.onnx --data three.csv --runtime onnxruntime --config rules.toml --sanity off --out {model} {more}");
    folder.run(&audit).expect(0);
    folder.run(&format!("claim new {model} --out claims/{model}.toml --sampling exhaustive --property rate<=0.99")).expect(0)
}

fn check(folder: &Folder, name: &str) -> Finished {
    folder.run(&format!("check claims/{name}.toml --runtime onnxruntime"))
}

fn verdict(folder: &Folder, name: &str) -> Value {
    let path = folder.path(&format!("claims/{name}.evidence/{name}/verdict.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn edit(folder: &Folder, name: &str, from: &str, to: &str) {
    let path = folder.path(name);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    // The last one: a summary repeats what was asked before it says what was allowed.
    let at = text.rfind(from).unwrap();
    std::fs::write(path, format!("{}{to}{}", &text[..at], &text[at + from.len()..])).unwrap();
}

#[test]
fn a_claim_carries_the_rules_of_the_run_that_it_was_made_from() {
    let Some(folder) = folder() else { return };
    for (model, more) in [("forest", "--norm linf --eps 0.4 --max-queries 200"), ("logistic", "--norm l2 --eps 0.5 --attack pgd:steps=20")]
    {
        claimed(&folder, model, more);
        let text = std::fs::read_to_string(folder.path(&format!("claims/{model}.toml"))).unwrap();
        assert!(
            text.contains("{ columns = [\"age\"], min = ") && text.contains("max = 100.0") && text.contains("integer = true"),
            "{text}"
        );
        assert!(text.contains("scale = \"data\"") && text.contains("change = \"none\""), "{text}");
        check(&folder, model).expect(0);
        let verdict = verdict(&folder, model);
        let evidence = format!("claims/{model}.evidence/{model}");
        // The very same threat, hence the very same examples.
        let (run, again) = (folder.summary(model), folder.summary(&format!("{evidence}/run")));
        assert_eq!(run["allowed"], again["allowed"], "{text}");
        assert_eq!(run["suite"], again["suite"]);
        let lines = folder.record(model);
        for line in folder.record(&format!("{evidence}/run")) {
            let (first, again) = (&lines[line["sample"].as_u64().unwrap() as usize], &line);
            assert_eq!((&first["outcome"], &first["norm"]), (&again["outcome"], &again["norm"]), "{line}");
        }
        let witnesses = verdict["witnesses"].as_array().unwrap();
        assert!(witnesses.iter().filter(|witness| witness["attack"].is_string()).count() > 5, "{verdict}");
        assert!(witnesses.iter().all(|witness| witness["standing"] == "confirmed"), "{verdict}");
        // The data need not be there.
        std::fs::rename(folder.path("three.csv"), folder.path("away.csv")).unwrap();
        let replay = folder.run(&format!("replay claims/{model}.evidence")).expect(0);
        assert!(replay.stdout.contains(" 0 rejected"), "{}", replay.stdout);
        std::fs::rename(folder.path("away.csv"), folder.path("three.csv")).unwrap();
        assert!(check(&folder, model).expect(0).stdout.contains("(unchanged)"));
    }
}

#[test]
fn with_another_rule_a_claim_is_decided_again_and_has_other_counterexamples() {
    let Some(folder) = folder() else { return };
    claimed(&folder, "forest", "--norm linf --eps 0.4 --max-queries 100");
    check(&folder, "forest").expect(0);
    let before = verdict(&folder, "forest")["numbers"]["count"].as_u64().unwrap();
    edit(&folder, "claims/forest.toml", "change = \"none\"", "change = \"any\"");
    assert!(check(&folder, "forest").expect(0).stdout.contains("decided again"));
    let after = verdict(&folder, "forest")["numbers"]["count"].as_u64().unwrap();
    assert!(after < before, "more is allowed, so that fewer survive: {after} of {before}");
}

#[test]
fn a_replay_judges_by_the_rules() {
    let Some(folder) = folder() else { return };
    claimed(&folder, "forest", "--norm linf --eps 0.4 --max-queries 100");
    check(&folder, "forest").expect(0);
    // Somebody who writes a new manifest too: the digests are right, and the rules are others.
    let evidence = "claims/forest.evidence/forest";
    let summary = format!("{evidence}/run/summary.json");
    let digest = |name: &str| brinell::record::hash::sha256_file(&folder.path(name)).unwrap();
    let before = digest(&summary);
    edit(&folder, &summary, "\"change\": \"increase\"", "\"change\": \"decrease\"");
    assert!(folder.run("replay claims/forest.evidence").expect(3).stderr.contains("summary.json was changed"));
    edit(&folder, &format!("{evidence}/manifest.json"), &before, &digest(&summary));
    let replay = folder.run("replay claims/forest.evidence --json").expect(2);
    assert!(replay.stdout.contains("it may only be decreased"), "{}", replay.stdout);
}

#[test]
fn what_a_claim_cannot_say_is_said_with_what_to_do() {
    let Some(folder) = folder() else { return };
    claimed(&folder, "forest", "--norm linf --eps 0.4 --max-queries 100");
    let text = std::fs::read_to_string(folder.path("claims/forest.toml")).unwrap();
    for (from, to, expected) in [
        ("[claim.threat]", "[claim.threat]\nminimum-norm = true", "a claim needs a radius"),
        ("[claim.threat]", "[claim.threat]\nkeep-going = true", "one example refutes"),
        ("[claim.threat]", "[claim.threat]\nattack = [\"pgd\"]", "the list `attacks`"),
        ("[claim.population]", "[claim.population]\nlimit = 7", "`n` in [claim.population]"),
        ("[claim.subject]", "[claim.subject]\nunit = \"std\"", "write the unit of eps in [claim.threat]"),
        ("[claim.subject]", "[claim.subject]\nthreads = 2", "set it when the claim is checked"),
        ("scale = \"data\"", "scale = \"2..1\"", "use 0..1, 0..255, any two numbers LO..HI or data"),
        ("max = 100.0", "max = -5.0", "claim[0].threat.feature[0].min: is larger than max"),
        ("change = \"none\"", "change = \"up\"", "claim[0].threat.feature"),
        ("columns = [\"age\"]", "columns = []", "has no feature"),
        ("columns = [\"age\"]", "columns = [\"height\"]", "the data's features are age, pay, score"),
        ("suite = \"trees\"", "suite = \"mine.toml\"", "neither a built-in suite"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        folder.write("claims/bad.toml", text.replacen(from, to, 1));
        let run = folder.run("check claims/bad.toml --runtime onnxruntime").expect(4);
        assert!(run.stderr.contains(expected), "{to}: {}", run.stderr);
    }
    // Nearest examples have no one radius.
    folder
        .run("audit forest.onnx --data three.csv --runtime onnxruntime --norm linf --minimum-norm --attack trees --sanity off --out any")
        .expect(0);
    assert!(folder.run("claim new any").expect(4).stderr.contains("run an audit with --eps, and make the claim from that run"));
}

#[test]
fn a_suite_of_ones_own_belongs_to_the_claim() {
    let Some(folder) = folder() else { return };
    folder.write("mine.toml", "[[stage]]\nattack = \"pgd:steps=5\"\n");
    claimed(&folder, "logistic", "--norm linf --eps 0.3 --suite mine.toml");
    let text = std::fs::read_to_string(folder.path("claims/logistic.toml")).unwrap();
    assert!(text.contains("suite = \"../mine.toml\""), "{text}");
    check(&folder, "logistic").expect(0);
    folder.write("mine.toml", "[[stage]]\nattack = \"pgd:steps=6\"\n");
    let run = check(&folder, "logistic").expect(0);
    assert!(run.stdout.contains("decided again: the suite ../mine.toml has changed"), "{}", run.stdout);
}

#[test]
fn ranges_are_those_of_all_rows_whatever_the_limit() {
    let Some(folder) = folder() else { return };
    let audit = |more: &str, out: &str| {
        let run = format!(
            "audit logistic.onnx --data three.csv --runtime onnxruntime --norm linf --eps 0.2 --attack pgd:steps=5 --out {out} {more}"
        );
        folder.run(&run).expect(0);
        (folder.summary(out)["allowed"]["features"].clone(), folder.record(out))
    };
    for unit in ["range", "std"] {
        let (all, lines) = audit(&format!("--unit {unit} --sanity off"), &format!("all-{unit}"));
        let (few, first) = audit(&format!("--unit {unit} --sanity off --limit 5"), &format!("few-{unit}"));
        assert_eq!(all, few);
        assert!(first.len() == 5 && first.iter().all(|line| lines.contains(line)), "{first:?}");
    }
}
