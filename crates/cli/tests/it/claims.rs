//! Every verdict of `brinell check`, with its exit code.

use serde_json::Value;

use crate::support::{Finished, Folder};

/// One claim about a demo model; `{}` stands for what a test is about.
pub(crate) struct Claim {
    pub(crate) model: &'static str,
    pub(crate) n: usize,
    pub(crate) sampling: &'static str,
    /// Radius and attack; none for a claim about unchanged samples.
    pub(crate) threat: Option<(&'static str, &'static str)>,
    pub(crate) property: &'static str,
    /// Further lines of the claim itself.
    pub(crate) more: &'static str,
}

impl Claim {
    /// A rate under a short attack.
    pub(crate) const RATE: Self = Self {
        model: "ordinary",
        n: 60,
        sampling: "iid",
        threat: Some(("0.02", "pgd:steps=3")),
        property: "kind = \"rate\"\nat_least = 0.3",
        more: "",
    };

    /// The claim as TOML, with the digests of the files in `folder`.
    pub(crate) fn text(&self, folder: &Folder, id: &str) -> String {
        let Self { model, n, sampling, property, more, .. } = self;
        let path = folder.path(&format!("{model}.onnx"));
        let sha256 = brinell::record::hash::sha256_file(&path).unwrap();
        let data = [folder.path("images.idx3-ubyte"), folder.path("labels.idx1-ubyte")];
        let data = brinell::record::hash::sha256_files(data.iter().map(std::path::PathBuf::as_path)).unwrap();
        let threat = self.threat.map_or_else(String::new, |(eps, attack)| {
            format!("[claim.threat]\nnorm = \"linf\"\neps = \"{eps}\"\nattacks = [\"{attack}\"]\n")
        });
        format!(
            "[[claim]]\nid = \"{id}\"\nstatement = \"what is claimed\"\n{more}\n\
             [claim.subject]\nmodel = \"{model}.onnx\"\nsha256 = \"{sha256}\"\n\
             [claim.population]\ndata = \"images.idx3-ubyte\"\nsha256 = \"{data}\"\nn = {n}\nselection = \"the first\"\nsampling = \"{sampling}\"\n\
             {threat}[claim.property]\n{property}\n"
        )
    }

    /// Writes the claim as `NAME.toml`.
    pub(crate) fn write(&self, folder: &Folder, name: &str) {
        folder.write(&format!("{name}.toml"), format!("schema = \"brinell.claim/1\"\n{}", self.text(folder, name)));
    }
}

/// Checks `NAME.toml` on rten.
pub(crate) fn check(folder: &Folder, name: &str) -> Finished {
    folder.run(&format!("check {name}.toml --runtime rten"))
}

/// The verdict that lies beside `NAME.toml`.
pub(crate) fn verdict(folder: &Folder, name: &str) -> Value {
    let path = folder.path(&format!("{name}.evidence/{name}/verdict.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn reasons(verdict: &Value) -> Vec<String> {
    verdict["reasons"].as_array().unwrap().iter().map(|reason| reason["id"].as_str().unwrap().to_owned()).collect()
}

/// Writes and checks a claim, and returns its verdict after a look at code, ruling and reasons.
#[track_caller]
fn decided(folder: &Folder, name: &str, claim: &Claim, code: i32, ruling: &str, because: &[&str]) -> Value {
    claim.write(folder, name);
    let run = check(folder, name).expect(code);
    let verdict = verdict(folder, name);
    assert_eq!(verdict["verdict"], ruling, "{}", run.stdout);
    assert_eq!(reasons(&verdict), because, "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    verdict
}

#[test]
fn a_rate_is_supported_early_where_the_bound_clears_the_threshold() {
    let folder = Folder::new();
    let claim = Claim { n: 500, ..Claim::RATE };
    let verdict = decided(&folder, "a", &claim, 0, "supported", &[]);
    let numbers = &verdict["numbers"];
    let (count, n) = (numbers["count"].as_u64().unwrap(), numbers["n"].as_u64().unwrap());
    assert!(n < 200, "{numbers}");
    assert!(numbers["low"].as_f64().unwrap() >= 0.3 && numbers["confidence"] == 0.95, "{numbers}");
    // Every number comes from the lines of the run.
    let lines = folder.record("a.evidence/a/run");
    assert_eq!(lines.len() as u64, n);
    assert_eq!(lines.iter().filter(|line| line["outcome"] == "survived").count() as u64, count);
    assert_eq!(verdict["witnesses"].as_array().unwrap().len() as u64, n - count);
    assert!(verdict["witnesses"].as_array().unwrap().iter().all(|witness| witness["standing"] == "confirmed"));
    assert!(verdict["certified"].is_null());
}

#[test]
fn a_rate_is_refuted_early_where_the_bound_lies_on_the_other_side() {
    let folder = Folder::new();
    let claim = Claim { n: 500, threat: Some(("0.1", "pgd:steps=5")), ..Claim::RATE };
    let verdict = decided(&folder, "a", &claim, 1, "refuted", &[]);
    assert!(verdict["numbers"]["n"].as_u64().unwrap() < 200, "{}", verdict["numbers"]);
    assert!(verdict["numbers"]["high"].as_f64().unwrap() < 0.3, "{}", verdict["numbers"]);
}

#[test]
fn few_samples_leave_a_rate_undecided_and_say_how_many_it_takes() {
    let folder = Folder::new();
    let verdict = decided(
        &folder,
        "a",
        &Claim { n: 20, property: "kind = \"rate\"\nat_least = 0.7", ..Claim::RATE },
        2,
        "undecided",
        &["n-too-small"],
    );
    assert!(verdict["reasons"][0]["text"].as_str().unwrap().contains("about"), "{verdict}");
    let clean = Claim { n: 100, threat: None, property: "kind = \"bound\"\nquantity = \"non_finite_rate\"\nat_most = 0.01", ..Claim::RATE };
    let verdict = decided(&folder, "b", &clean, 2, "undecided", &["n-too-small"]);
    assert!(verdict["reasons"][0]["text"].as_str().unwrap().contains("299 samples"), "{verdict}");
    // Nothing was seen, and still there is an upper bound.
    assert_eq!(verdict["numbers"]["count"], 0);
    assert!(verdict["numbers"]["high"].as_f64().unwrap() > 0.02, "{verdict}");
    decided(&folder, "c", &Claim { n: 299, ..clean }, 0, "supported", &[]);
}

#[test]
fn a_sample_that_was_at_hand_supports_nothing() {
    let folder = Folder::new();
    let verdict = decided(&folder, "a", &Claim { sampling: "convenience", ..Claim::RATE }, 2, "undecided", &["convenience-sample"]);
    assert_eq!((verdict["numbers"]["low"].as_f64(), verdict["numbers"]["high"].as_f64()), (Some(0.0), Some(1.0)));
}

#[test]
fn that_attacks_fail_more_often_than_claimed_refutes_nothing() {
    let folder = Folder::new();
    let claim = Claim { property: "kind = \"rate\"\nat_most = 0.2", ..Claim::RATE };
    decided(&folder, "a", &claim, 2, "undecided", &["gap"]);
    let broken = Claim { threat: Some(("0.3", "pgd:steps=5")), ..claim };
    decided(&folder, "b", &broken, 0, "supported", &[]);
}

#[test]
fn one_counterexample_refutes_a_claim_about_all() {
    let folder = Folder::new();
    let claim = Claim {
        n: 500,
        sampling: "convenience",
        threat: Some(("0.05", "pgd:steps=3")),
        property: "kind = \"forall\"\namong = \"correct\"",
        ..Claim::RATE
    };
    let verdict = decided(&folder, "a", &claim, 1, "refuted", &[]);
    assert!(verdict["numbers"]["n"].as_u64().unwrap() <= 32, "{}", verdict["numbers"]);
    let witness = &verdict["witnesses"][0];
    assert_eq!(
        (&witness["standing"], &witness["attack"], &witness["file"]),
        (&"confirmed".into(), &"pgd".into(), &"run/adversarial.npz".into())
    );
    // Among all samples, one that is wrong unchanged will do.
    let all = Claim { threat: Some(("0.0001", "fgsm")), property: "kind = \"forall\"", ..claim };
    let verdict = decided(&folder, "b", &all, 1, "refuted", &[]);
    assert!(verdict["finding"].as_str().unwrap().contains("without any change"), "{verdict}");
    assert!(verdict["witnesses"][0]["attack"].is_null() && verdict["witnesses"][0]["file"] == "inputs.npz", "{verdict}");
}

#[test]
fn surviving_every_attack_proves_nothing() {
    let folder = Folder::new();
    let claim = Claim {
        n: 20,
        sampling: "exhaustive",
        threat: Some(("0.0001", "fgsm")),
        property: "kind = \"forall\"\namong = \"correct\"",
        ..Claim::RATE
    };
    let verdict = decided(&folder, "a", &claim, 2, "undecided", &["gap"]);
    assert_eq!(verdict["numbers"]["low"].as_f64(), Some(0.0));
    // The policy decides what follows.
    decided(&folder, "b", &Claim { more: "policy = { undecided = \"warn\" }", ..claim }, 0, "undecided", &["gap"]);
}

#[test]
fn without_room_for_a_change_evaluating_the_samples_is_a_proof() {
    let folder = Folder::new();
    let claim = Claim {
        n: 40,
        sampling: "exhaustive",
        threat: Some(("0", "fgsm")),
        property: "kind = \"forall\"\namong = \"correct\"",
        ..Claim::RATE
    };
    let verdict = decided(&folder, "a", &claim, 0, "proven", &[]);
    assert_eq!(verdict["certified"], verdict["numbers"]["count"]);
    assert!(verdict["certified"].as_u64().unwrap() > 20);
    // Of a sample of something larger it proves nothing.
    decided(&folder, "b", &Claim { sampling: "iid", ..claim }, 2, "undecided", &["n-too-small"]);
    let bound = Claim {
        sampling: "exhaustive",
        threat: None,
        property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.5",
        ..Claim::RATE
    };
    decided(&folder, "c", &bound, 0, "proven", &[]);
    decided(
        &folder,
        "d",
        &Claim { property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.99", ..bound },
        1,
        "refuted",
        &[],
    );
}

#[test]
fn a_blocking_flag_takes_the_support_away() {
    let folder = Folder::new();
    // Pixels in the wrong range: the model guesses, which is what this claim says.
    let claim = Claim {
        n: 60,
        sampling: "exhaustive",
        threat: None,
        property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_most = 0.6",
        ..Claim::RATE
    };
    claim.write(&folder, "a");
    let text = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    folder.write("a.toml", text.replace("[claim.population]", "mean = [9.0]\n[claim.population]"));
    let run = check(&folder, "a").expect(2);
    assert_eq!(reasons(&verdict(&folder, "a")), ["blocking-flag"], "{}", run.stdout);
}

#[test]
fn two_artefacts_agree_or_a_sample_shows_that_they_do_not() {
    let folder = Folder::new();
    let digest = brinell::record::hash::sha256_file(&folder.path("robust.onnx")).unwrap();
    let property = format!("kind = \"equal\"\nother = \"robust.onnx\"\nsha256 = \"{digest}\"\ntolerance = 0.001");
    let property: &'static str = property.leak();
    let same = Claim { model: "robust", n: 30, sampling: "exhaustive", threat: None, property, more: "" };
    let proven = decided(&folder, "a", &same, 0, "proven", &[]);
    assert_eq!(proven["certified"], 30);
    let differs = decided(&folder, "b", &Claim { model: "ordinary", ..same }, 1, "refuted", &[]);
    assert!(differs["witnesses"][0]["opinions"][0]["difference"].as_f64().unwrap() > 0.001, "{differs}");
    assert_eq!(std::fs::read_to_string(folder.path("a.evidence/a/equal.jsonl")).unwrap().lines().count(), 31);
}

#[test]
fn an_operator_that_nobody_has_leaves_a_rate_undecided() {
    let folder = Folder::new();
    folder.write("ordinary.onnx", crate::models::unknown_operator());
    folder.write("images.idx3-ubyte", crate::models::BYTES);
    folder.write("labels.idx1-ubyte", [&[0, 0, 8, 1, 0, 0, 0, 4][..], &[0, 1, 0, 1]].concat());
    let verdict = decided(&folder, "a", &Claim { n: 4, ..Claim::RATE }, 2, "undecided", &["unsupported-op"]);
    assert!(verdict["reasons"][0]["text"].as_str().unwrap().contains("Mystery"), "{verdict}");
}

#[test]
fn claims_of_a_file_share_its_error() {
    let folder = Folder::new();
    let bound = "kind = \"bound\"\nquantity = \"non_finite_rate\"\nat_most = 0.01";
    let claim = Claim { n: 320, threat: None, property: bound, ..Claim::RATE };
    let easy = Claim { property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.3", ..claim };
    // 320 clean samples show 1 % at the whole error and at no part of it.
    let one = format!("schema = \"brinell.claim/1\"\n{}", claim.text(&folder, "one"));
    folder.write("one.toml", one);
    check(&folder, "one").expect(0);
    let hard = Claim { property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.9", ..claim };
    folder.write("two.toml", format!("schema = \"brinell.claim/1\"\n{}{}", claim.text(&folder, "a"), hard.text(&folder, "b")));
    let json: Value = serde_json::from_str(&folder.run("check two.toml --runtime rten --json").stdout).unwrap();
    assert_eq!(json["claims"][0]["verdict"]["verdict"], "undecided", "{json}");
    // Once the other claim is decided, its share falls to this one.
    folder.write("three.toml", format!("schema = \"brinell.claim/1\"\n{}{}", claim.text(&folder, "a"), easy.text(&folder, "b")));
    let run = folder.run("check three.toml --runtime rten --json").expect(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["exit_code"], &json["schema"]), (&0.into(), &"brinell.check/1".into()));
    let levels: Vec<f64> = (0..2).map(|at| json["claims"][at]["verdict"]["numbers"]["confidence"].as_f64().unwrap()).collect();
    assert!((levels[0] - 0.95).abs() < 1e-9 && (levels[1] - 0.975).abs() < 1e-9, "{levels:?}");
}

#[test]
fn the_worst_verdict_decides_the_exit_code() {
    let folder = Folder::new();
    let exhaustive = Claim { n: 40, sampling: "exhaustive", threat: None, ..Claim::RATE };
    let bound = |value: &str| -> &'static str { format!("kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = {value}").leak() };
    Claim { property: bound("0.1"), ..exhaustive }.write(&folder, "holds");
    Claim { property: bound("1"), ..exhaustive }.write(&folder, "refuted");
    Claim { property: bound("0.1"), sampling: "convenience", ..exhaustive }.write(&folder, "undecided");
    Claim { property: bound("0.1"), more: "expires = 2020-01-01", ..exhaustive }.write(&folder, "stale");
    for (files, code) in [
        ("holds.toml", 0),
        ("holds.toml undecided.toml", 2),
        ("holds.toml stale.toml undecided.toml", 3),
        ("stale.toml refuted.toml undecided.toml", 1),
        (".", 1),
        ("holds.toml missing.toml", 4),
    ] {
        folder.run(&format!("check {files} --runtime rten")).expect(code);
    }
    let stale = folder.run("check stale.toml --runtime rten").expect(3);
    assert!(stale.stdout.contains("expired") && stale.stdout.contains("2020-01-01"), "{}", stale.stdout);
}

#[test]
fn mistakes_are_named_with_file_and_key() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    let good = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    for (from, to, words) in [
        ("schema = \"brinell.claim/1\"", "", "schema: missing"),
        ("brinell.claim/1", "brinell.claim/9", "brinell.claim/1"),
        ("id = \"a\"", "id = \"../a\"", "claim[0].id"),
        ("id = \"a\"", "", "claim[0]: missing: id"),
        (
            "sampling = \"iid\"\n[claim.threat]\nnorm = \"linf\"\neps",
            "[claim.threat]\nattack",
            "missing: population.sampling, threat.norm, threat.eps",
        ),
        ("n = 60", "n = 0", "claim[0].population.n"),
        ("n = 60", "n = 60\nm = 60", "unknown field `m`, expected one of"),
        ("n = 60", "n = 501", "has 500 samples, but population.n in the claim is 501"),
        ("\"iid\"", "\"some\"", "unknown variant `some`, expected one of"),
        ("eps = \"0.02\"", "eps = \"8/0\"", "claim[0].threat.eps"),
        ("eps = \"0.02\"", "eps = \"9\"", "9"),
        ("pgd:steps=3", "pgd:stepz=3", "no setting 'stepz'"),
        ("[\"pgd:steps=3\"]", "[]", "claim[0].threat.suite"),
        ("attacks = [\"pgd:steps=3\"]", "suite = \"none\"", "contains no attacks"),
        ("attacks", "suite = \"quick\"\nattacks", "keep one"),
        ("norm = \"linf\"", "norm = \"linf\"\nknowledge = \"score\"", "claim[0].threat.knowledge"),
        ("at_least = 0.3", "", "has no threshold"),
        ("at_least = 0.3", "at_least = 50", "from 0 to 1"),
        ("at_least = 0.3", "at_least = nan", "property"),
        ("at_least = 0.3", "at_least = 0.3\nat_most = 0.9", "write two claims"),
        ("what is claimed", "At least 40 % stay right.", "says \"at least 40 %\", but the property says \"at least 30 %\""),
        ("kind = \"rate\"", "kind = \"never\"", "unknown variant `never`"),
        ("kind = \"rate\"", "kind = \"bound\"\nquantity = \"clean_accuracy\"", "claim[0].threat"),
        ("statement", "expires = \"soon\"\nstatement", "2027-06-30"),
        ("model = \"ordinary.onnx\"", "model = \"none.onnx\"", "none.onnx"),
        ("sha256 = \"", "sha256 = \"x", "not a SHA-256"),
        ("[[claim]]", "confidence = 2\n[[claim]]", "confidence"),
        ("[[claim]]", "[[claim", "TOML"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        folder.write("a.toml", bad);
        let refused = check(&folder, "a").expect(4);
        assert!(refused.stderr.contains(words), "{to}: {}", refused.stderr);
    }
    folder.write("a.txt", good);
    assert!(folder.run("check a.txt").expect(4).stderr.contains(".toml, .yaml"));
}

#[test]
fn yaml_says_the_same_as_toml_and_claims_inherit_from_their_file() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let toml = verdict(&folder, "a")["claim"].clone();
    let (subject, population) = (&toml["subject"], &toml["population"]);
    folder.write(
        "b.yaml",
        format!(
            "schema: brinell.claim/1\nsubject: {{model: ordinary.onnx, sha256: {}}}\npopulation: {{data: images.idx3-ubyte, sha256: {}, n: 60, \
             selection: the first, sampling: iid}}\nthreat: {{norm: linf, eps: 0.02, attacks: ['pgd:steps=3']}}\nclaim:\n\
             - id: a\n  statement: what is claimed\n  property: {{kind: rate, at_least: 0.3}}\n\
             - id: b\n  statement: it answers\n  property: {{kind: bound, quantity: clean_accuracy, at_least: 0.2}}\n",
            subject["sha256"], population["sha256"]
        ),
    );
    folder.run("check b.yaml --runtime rten").expect(0);
    let path = folder.path("b.evidence/a/verdict.json");
    let yaml: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(yaml["claim"], toml);
    folder.write("c.yaml", "schema: brinell.claim/1\nclaim: [");
    assert!(folder.run("check c.yaml").expect(4).stderr.contains("YAML"));
}

#[test]
fn a_claim_is_written_from_a_finished_audit() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 60 --classes classes.txt --attack pgd:steps=5 --max-queries 100 --out run").expect(0);
    folder.run("claim new run --sampling exhaustive").expect(0);
    let text = std::fs::read_to_string(folder.path("claims/run.toml")).unwrap();
    assert!(!text.contains("\nstatement"), "{text}");
    for words in ["../robust.onnx", "max_queries = 100", "pgd:steps=5", "sampling = \"exhaustive\"", "is weak", "../classes.txt"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    folder.run("check claims --runtime rten").expect(0);
    // The sentence follows the property.
    let sentence = |claims: &Finished| -> String {
        let json: Value = serde_json::from_str(&claims.stdout).unwrap();
        json["claims"][0]["verdict"]["claim"]["statement"].as_str().unwrap().to_owned()
    };
    let line = text.lines().find(|line| line.starts_with("at_least = ")).unwrap();
    folder.write("claims/run.toml", text.replace(line, "at_least = 0.05"));
    let checked = folder.run("check claims --runtime rten --json --report junit=a.xml --report sarif-all=a.sarif").expect(0);
    let expected = "At least 5 % of the inputs get the right answer and keep it as long as no value changes by more than 0.1.";
    assert_eq!(sentence(&checked), expected);
    for name in ["a.xml", "a.sarif"] {
        assert!(std::fs::read_to_string(folder.path(name)).unwrap().contains(expected), "{name}");
    }
    assert!(folder.run("claim new run").expect(4).stderr.contains("exists already"));
    assert!(folder.run("claim new claims").expect(4).stderr.contains("summary.json"));
    for (property, code) in
        [("forall:correct", 1), ("clean_accuracy>=0.5", 0), ("non_finite_rate<=0", 0), ("rate<=0.1", 2), ("equal:robust.onnx:0", 0)]
    {
        let name = property.replace([':', '>', '<', '='], "-");
        folder.run(&format!("claim new run --out {name}.toml --sampling exhaustive --property {property}")).expect(0);
        folder.run(&format!("check {name}.toml --runtime rten")).expect(code);
    }
    assert!(folder.run("claim new run --out x.toml --property rate").expect(4).stderr.contains("rate>=0.6"));
}

#[test]
fn the_examples_hold_and_do_not_hold_as_they_say() {
    let folder = Folder::new();
    let examples = crate::support::demo().join("../examples/claims");
    for place in ["demo", "examples/claims"] {
        std::fs::create_dir_all(folder.path(place)).unwrap();
    }
    for name in ["ordinary.onnx", "robust.onnx", "images.idx3-ubyte", "labels.idx1-ubyte"] {
        std::fs::rename(folder.path(name), folder.path("demo").join(name)).unwrap();
    }
    for name in ["robust.toml", "ordinary.yaml"] {
        std::fs::copy(examples.join(name), folder.path("examples/claims").join(name)).unwrap();
    }
    let holds = folder.run("check examples/claims/robust.toml --runtime rten").expect(0);
    assert!(holds.stdout.contains("3 claims: 3 supported"), "{}", holds.stdout);
    let fails = folder.run("check examples/claims/ordinary.yaml --runtime rten").expect(1);
    assert!(fails.stdout.contains("2 claims: 2 refuted"), "{}", fails.stdout);
    folder.run("replay examples/claims/ordinary.evidence").expect(0);
}
