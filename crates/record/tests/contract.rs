//! The JSON that other programs read.

use brinell_record::{Gallery, GalleryItem, Outcome, SampleRecord, Summary};
use serde_json::{Value, json};

fn broken() -> SampleRecord {
    SampleRecord {
        sample: 7,
        label: 3.into(),
        prediction: Some(3.into()),
        outcome: Outcome::Broken,
        attack: Some("apgd-ce".into()),
        restart: Some(0),
        norm: Some(0.031),
        margin: -0.5,
        forwards: 12,
        backwards: 11,
        adv_prediction: Some(5.into()),
        target: None,
        confidence: None,
        adv_confidence: None,
        none_within: None,
        certified: false,
    }
}

#[test]
fn a_line_of_the_record_has_the_names_of_the_contract() {
    let value = serde_json::to_value(broken()).unwrap();
    assert_eq!(
        value,
        json!({
            "sample": 7, "label": 3, "prediction": 3, "outcome": "broken", "attack": "apgd-ce",
            "restart": 0, "norm": 0.031, "margin": -0.5, "forwards": 12, "backwards": 11,
            "adv_prediction": 5
        })
    );
}

#[test]
fn fields_that_do_not_apply_are_null_and_read_back() {
    let record = SampleRecord { outcome: Outcome::Survived, attack: None, restart: None, norm: None, adv_prediction: None, ..broken() };
    let text = serde_json::to_string(&record).unwrap();
    assert!(text.contains(r#""attack":null,"restart":null,"norm":null"#), "{text}");
    assert_eq!(serde_json::from_str::<SampleRecord>(&text).unwrap(), record);
}

#[test]
fn numbers_that_are_not_finite_keep_their_name() {
    for (margin, name) in [(f64::NAN, "nan"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let record = SampleRecord { margin, norm: Some(margin), ..broken() };
        let value = serde_json::to_value(&record).unwrap();
        assert_eq!(value["margin"], name);
        assert_eq!(value["norm"], name);
        let back: SampleRecord = serde_json::from_value(value).unwrap();
        assert_eq!(back.margin.to_bits(), margin.to_bits());
    }
}

#[test]
fn a_margin_of_null_is_refused() {
    let mut value = serde_json::to_value(broken()).unwrap();
    value["margin"] = Value::Null;
    let error = serde_json::from_value::<SampleRecord>(value).unwrap_err();
    assert!(error.to_string().contains("expected a number"), "{error}");
}

#[test]
fn a_gallery_reads_back_bit_for_bit() {
    let gallery = Gallery {
        items: vec![GalleryItem {
            sample: 1,
            label: 0.into(),
            shape: vec![1, 2, 2],
            x: vec![0.1, 0.2, 1.0 / 3.0, f32::INFINITY],
            x_adv: vec![0.3, -0.0, f32::MIN_POSITIVE, f32::NEG_INFINITY],
            clean_prediction: 0.into(),
            clean_confidence: 0.99,
            adv_prediction: 1.into(),
            adv_confidence: 0.5,
            norm: 0.2,
            attack: "pgd".into(),
        }],
    };
    let text = serde_json::to_string(&gallery).unwrap();
    assert!(text.contains(r#""x":[0.1,0.2,0.33333334,"inf"]"#), "{text}");
    assert_eq!(serde_json::from_str::<Gallery>(&text).unwrap(), gallery);
}

#[test]
fn a_summary_reads_and_writes_the_contract() {
    let text = include_str!("summary.json");
    let before: Value = serde_json::from_str(text).unwrap();
    let summary: Summary = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(summary.schema, brinell_record::SUMMARY_SCHEMA);
    assert_eq!(serde_json::to_value(&summary).unwrap(), before);
}

#[test]
fn a_summary_from_before_indicators_reads() {
    let mut value: Value = serde_json::from_str(include_str!("summary.json")).unwrap();
    let fields = value.as_object_mut().unwrap();
    fields.remove("indicators");
    fields.remove("sanity");
    fields["flags"] = json!([{"id": "runtime", "message": "rten ran", "severity": "note"}]);
    let summary: Summary = serde_json::from_value(value).unwrap();
    assert!(summary.indicators.is_empty() && summary.sanity.is_none() && summary.flags[0].measurement.is_none());
}

#[test]
fn blocking_flags_are_those_that_forbid_a_verdict() {
    let summary: Summary = serde_json::from_str(include_str!("summary.json")).unwrap();
    let ids: Vec<_> = summary.blocking().map(|flag| flag.id.as_str()).collect();
    assert_eq!(ids, ["near-chance-accuracy"]);
}

#[test]
fn a_reader_ignores_fields_that_a_later_version_added() {
    let mut value: Value = serde_json::from_str(include_str!("summary.json")).unwrap();
    value["added_later"] = json!(1);
    assert!(serde_json::from_value::<Summary>(value).is_ok());
}
