//! Claim files and verdicts as other programs read and write them.

use brinell_record::{Among, Claim, ClaimFile, Family, OnUndecided, Property, Quantity, Sampling, Scale, Verdict};
use serde_json::{Value, json};

fn claim() -> Value {
    json!({
        "id": "robust", "statement": "nine in ten keep their label",
        "subject": {"model": "model.onnx", "sha256": "00"},
        "population": {"data": "test.bin", "sha256": "11", "n": 100, "selection": "the first 100", "sampling": "iid"},
        "threat": {"norm": "linf", "eps": "8/255", "suite": "quick"},
        "property": {"kind": "rate", "at_least": 0.9}
    })
}

#[test]
fn what_a_claim_leaves_out_has_its_default() {
    let file: ClaimFile = serde_json::from_value(json!({"schema": "brinell.claim/1", "claim": [claim()]})).unwrap();
    assert_eq!((file.confidence, file.family), (0.95, Family::Holm));
    let claim = &file.claims[0];
    assert_eq!((claim.subject.scale(), claim.subject.layout), (Scale::Unit, None));
    assert_eq!(claim.policy.undecided, OnUndecided::Fail);
    assert_eq!(claim.population.sampling, Some(Sampling::Iid));
    let threat = claim.threat.as_ref().unwrap();
    assert_eq!((threat.effort.seed, threat.threat.knowledge, threat.threat.eps.text()), (0, None, "8/255"));
    assert_eq!(claim.property, Property::Rate { at_least: Some(0.9), at_most: None });
}

#[test]
fn every_property_is_read_by_its_kind() {
    for (text, property) in [
        (json!({"kind": "forall"}), Property::Forall { among: Among::All }),
        (json!({"kind": "forall", "among": "correct"}), Property::Forall { among: Among::Correct }),
        (
            json!({"kind": "bound", "quantity": "clean_accuracy", "at_most": 0.5}),
            Property::Bound { quantity: Quantity::CleanAccuracy, at_least: None, at_most: Some(0.5) },
        ),
        (
            json!({"kind": "equal", "other": "b.onnx", "sha256": "22", "tolerance": 1e-3}),
            Property::Equal { other: "b.onnx".into(), sha256: "22".into(), weights_sha256: None, tolerance: 1e-3 },
        ),
    ] {
        assert_eq!(serde_json::from_value::<Property>(text).unwrap(), property);
    }
}

#[test]
fn a_radius_is_a_number_or_a_quotient() {
    for (eps, text) in [(json!(8), "8"), (json!(0.03), "0.03"), (json!("2/255"), "2/255")] {
        let mut value = claim();
        value["threat"]["eps"] = eps;
        assert_eq!(serde_json::from_value::<Claim>(value).unwrap().threat.unwrap().threat.eps.text(), text);
    }
    let mut value = claim();
    value["threat"]["eps"] = json!(true);
    assert!(serde_json::from_value::<Claim>(value).unwrap_err().to_string().contains("8/255"));
}

#[test]
fn a_key_that_nobody_knows_is_refused_everywhere() {
    for place in ["", "/subject", "/population", "/threat", "/property"] {
        let mut value = claim();
        value.pointer_mut(place).unwrap()["surprise"] = json!(1);
        let error = serde_json::from_value::<Claim>(value).unwrap_err().to_string();
        assert!(error.contains("surprise"), "{place}: {error}");
    }
}

#[test]
fn a_verdict_reads_and_writes_the_contract() {
    let text = include_str!("verdict.json");
    let before: Value = serde_json::from_str(text).unwrap();
    let verdict: Verdict = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(verdict.schema, brinell_record::VERDICT_SCHEMA);
    assert_eq!(serde_json::to_value(&verdict).unwrap(), before);
}
