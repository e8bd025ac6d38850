//! APGD takes the same path as the reference implementation (tests/golden/apgd.py says which and how).

use std::path::Path;

use crate::model::{Case, Mlp, run};
use brinell_attack::{Apgd, ApgdConfig, ApgdLoss, Recipe, Start};
use brinell_threat::{Ball, InputBox};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/apgd").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn row(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(row).collect()
}

fn narrow(v: &[f64]) -> Vec<f32> {
    v.iter().map(|v| *v as f32).collect()
}

/// Largest difference of any element at any step, over all samples of a file.
fn largest_difference(name: &str, quirk: bool) -> f64 {
    let (golden, setup) = (read(name), read("model.json"));
    let model = Mlp { w1: rows(&setup["w1"]), b1: row(&setup["b1"]), w2: rows(&setup["w2"]), b2: row(&setup["b2"]) };
    let (words, targeted) = (golden["loss"].as_str().unwrap(), golden["loss"].as_str().unwrap().ends_with("targeted"));
    let loss = if words.starts_with("ce") { ApgdLoss::CrossEntropy } else { ApgdLoss::Dlr };
    let steps = u32::try_from(golden["steps"].as_u64().unwrap()).unwrap();
    let apgd = Apgd::new(ApgdConfig { steps, reference_quirk: quirk, ..ApgdConfig::new(loss) }).unwrap();
    let norm = golden["norm"].as_str().unwrap().parse().unwrap();
    let ball = Ball { norm, eps: golden["eps"].as_f64().unwrap(), bounds: InputBox::UNIT, features: None };
    let class = |key: &str, k: usize| usize::try_from(setup[key][k].as_u64().unwrap()).unwrap();

    let mut worst = 0.0f64;
    for (sample, x) in rows(&setup["x"]).iter().enumerate() {
        let x = narrow(x);
        let (label, target) = (class("labels", sample), targeted.then(|| class("targets", sample)));
        let case = Case::new(setup["b2"].as_array().unwrap().len(), label, target);
        let start = Start { rivals: case.rivals(&[]), ..Start::new(&x, &ball) };
        let attack = apgd.start_at(&start, &narrow(&row(&golden["start"][sample])));
        let trace = run(attack, &model, apgd.objective(), &case, x.len());
        let expected = rows(&golden["points"][sample]);
        assert_eq!(trace.points.len(), expected.len());
        for (ours, theirs) in trace.points.iter().zip(&expected) {
            worst = ours.iter().zip(theirs).fold(worst, |worst, (a, b)| worst.max((f64::from(*a) - b).abs()));
        }
    }
    worst
}

#[test]
fn iterates_equal_those_of_the_reference() {
    for norm in ["linf", "l2"] {
        for loss in ["ce", "dlr", "ce_targeted", "dlr_targeted"] {
            let name = format!("{norm}_{loss}.json");
            let worst = largest_difference(&name, true);
            println!("{name}: {worst:.1e}");
            assert!(worst < 1e-5, "{name}: {worst:e}");
        }
    }
}
