//! Defences in front of the demo's ordinary model, and the race that tells what they are worth.

use serde_json::Value;

use crate::claims::{Claim, check, verdict};
use crate::support::Folder;

const DATA: &str = "--data images.idx3-ubyte --classes classes.txt --runtime rten";

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(name)).unwrap()).unwrap()
}

fn has_flag(summary: &Value, id: &str) -> bool {
    summary["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == id)
}

#[test]
fn a_defended_file_is_attacked_through_its_defence() {
    let folder = Folder::new();
    let run = folder
        .run(&format!("defend transform ordinary.onnx {DATA} --limit 40 --with bits:3,jpeg:75 -o new/defended.onnx --json"))
        .expect(0);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((told["transforms"].as_str().unwrap(), told["n"].as_u64().unwrap()), ("bits:3,jpeg:75", 40));
    assert_eq!(told["latency"].as_array().unwrap().iter().map(|one| one["batch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 32]);

    // Blind attackers would see no slope at all; one who knows breaks it.
    folder.audit("new/defended", "--limit 40 --attack apgd-margin --runtime rten --out known").expect(0);
    let summary = folder.summary("known");
    assert!(summary["survived"].as_u64().unwrap() <= 4, "{}", summary["survived"]);
    assert!(has_flag(&summary, "surrogate-gradient") && !has_flag(&summary, "defence-not-bridged"), "{:#}", summary["flags"]);
    assert_eq!(summary["model"]["interface"]["defence"], "bits:3,jpeg:75");
    assert_eq!(summary["model"]["interface"]["surrogates"].as_array().unwrap().len(), 4, "one of the bits, three of JPEG");
    assert_eq!(summary["clean_accuracy"]["value"], told["clean"][1]["value"]);

    folder.audit("new/defended", "--limit 10 --attack square:queries=20 --runtime rten --out blind").expect(0);
    assert!(has_flag(&folder.summary("blind"), "defence-not-bridged"));

    let again = folder.run(&format!("defend transform new/defended.onnx {DATA} --limit 10 --with median:3 -o again.onnx")).expect(4);
    assert!(again.stderr.contains("has a defence already: bits:3,jpeg:75"), "{}", again.stderr);
}

#[test]
fn what_cannot_be_defended_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let run = |more: &str| folder.run(&format!("defend transform ordinary.onnx {DATA} --limit 20 {more}")).expect(4).stderr;
    let loss = run("--with bits:1,median:5 -o costly.onnx");
    assert!(loss.contains("points of clean accuracy") && loss.contains("--force"), "{loss}");
    assert!(run("--with blur:3 -o x.onnx").contains("there is no transform `blur`"));
    folder.write("there.onnx", b"mine");
    assert!(run("--with bits:3 -o there.onnx").contains("exists already"));
    let left: Vec<String> =
        std::fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.contains("part") || name == "costly.onnx" || name == "x.onnx"), "{left:?}");
    assert_eq!(std::fs::read(folder.path("there.onnx")).unwrap(), b"mine");
    folder.run(&format!("defend transform ordinary.onnx {DATA} --limit 20 --with bits:1,median:5 --force -o costly.onnx")).expect(0);
}

#[test]
fn somebody_elses_rounding_is_bridged_where_its_end_is_named() {
    let folder = Folder::new();
    let rounded = crate::flags::planted(
        |graph, x| {
            let many = crate::flags::scaled(graph, x, 7.0);
            let whole = graph.push("theirs", brinell_graph::Op::Round, vec![Some(many)], &[Some("their_end")]).unwrap()[0].unwrap();
            crate::flags::scaled(graph, whole, 1.0 / 7.0)
        },
        crate::flags::same,
    );
    folder.write("theirs.onnx", rounded);
    folder.audit("theirs", "--limit 20 --attack apgd-ce --runtime rten --defence-end their_end --out known").expect(0);
    let summary = folder.summary("known");
    assert!(summary["survived"].as_u64().unwrap() <= 2, "{}", summary["survived"]);
    assert_eq!(summary["model"]["interface"]["surrogates"], serde_json::json!(["theirs"]));
    let wrong = folder.audit("theirs", "--limit 20 --attack apgd-ce --runtime rten --defence-end nowhere --out wrong").expect(4);
    assert!(wrong.stderr.contains("no value `nowhere`"), "{}", wrong.stderr);
}

#[test]
fn a_race_breaks_three_bits_and_no_move_is_weaker_than_the_one_before() {
    let folder = Folder::new();
    let race = format!("race ordinary.onnx {DATA} --norm linf --eps 0.1 --limit 24 --rival robust.onnx --with bits:3");
    let run = folder.run(&format!("{race} --out r")).expect(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let found = json(&folder, "r/race.json");
    let rounds = found["rounds"].as_array().unwrap();
    assert_eq!(rounds.iter().map(|round| round["name"].as_str().unwrap()).collect::<Vec<_>>(), ["ordinary", "bits:3", "robust"]);
    for round in rounds {
        let shares: Vec<f64> = round["moves"].as_array().unwrap().iter().map(|one| one["right"]["value"].as_f64().unwrap()).collect();
        assert!(shares.windows(2).all(|pair| pair[1] <= pair[0]) && shares[0] <= round["clean"]["value"].as_f64().unwrap(), "{round:#}");
    }
    let bits = &rounds[1];
    assert!(bits["moves"][0]["alone"]["value"].as_f64().unwrap() > 0.6, "it looks like a defence to who does not know it: {bits:#}");
    assert_eq!((&bits["verdict"], &rounds[2]["verdict"]), (&Value::from("broken"), &Value::from("partial")));
    assert!(std::fs::read_to_string(folder.path("r/report.html")).unwrap().contains("Content-Security-Policy"));

    // What a kill leaves, cut in the middle of a line: the same lines come out.
    let whole = std::fs::read_to_string(folder.path("r/record.jsonl")).unwrap();
    std::fs::remove_file(folder.path("r/race.json")).unwrap();
    std::fs::write(folder.path("r/record.jsonl"), &whole[..whole.len() / 3]).unwrap();
    folder.run(&format!("{race} --out r --resume")).expect(0);
    let again = std::fs::read_to_string(folder.path("r/record.jsonl")).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again), sorted(&whole));
    folder.run(&format!("{} --out r --resume", race.replace("bits:3", "bits:2"))).expect(3);
}

#[test]
fn a_claim_about_a_defence_needs_attacks_that_know_it() {
    let folder = Folder::new();
    folder.run(&format!("defend transform ordinary.onnx {DATA} --limit 40 --with bits:3 -o defended.onnx")).expect(0);
    let base = Claim {
        model: "defended",
        n: 60,
        sampling: "iid",
        threat: Some(("0.01", "apgd-margin")),
        property: "kind = \"rate\"\nat_least = 0.3",
        more: "",
    };
    let adaptive = |claim: &Claim, name: &str| {
        let text = format!("schema = \"brinell.claim/1\"\n{}", claim.text(&folder, name));
        folder.write(&format!("{name}.toml"), text.replace("norm = \"linf\"\n", "norm = \"linf\"\nadaptive = true\n"));
        let checked = check(&folder, name);
        assert!(checked.code != 4, "{}", checked.stderr);
        let verdict = verdict(&folder, name);
        let reasons: Vec<String> =
            verdict["reasons"].as_array().unwrap().iter().map(|reason| reason["id"].as_str().unwrap().to_owned()).collect();
        (verdict["verdict"].as_str().unwrap().to_owned(), reasons)
    };
    assert_eq!(adaptive(&base, "known"), ("supported".to_owned(), Vec::new()));
    let undecided = ("undecided".to_owned(), vec!["not-adaptive".to_owned()]);
    assert_eq!(adaptive(&Claim { threat: Some(("0.01", "square:queries=20")), ..base }, "blind"), undecided);
    assert_eq!(adaptive(&Claim { model: "ordinary", ..base }, "none"), undecided);

    // Claims are drafted with the condition that their run has met.
    folder.audit("defended", "--limit 40 --attack apgd-margin --runtime rten --out known-run").expect(0);
    folder.run("claim new known-run --sampling iid --out drafted.toml").expect(0);
    assert!(std::fs::read_to_string(folder.path("drafted.toml")).unwrap().contains("adaptive = true"));
}
