//! APGD in L1 and FAB take the same paths as the reference implementations (tests/golden/attacks.py says which and how).

use std::path::Path;

use crate::model::{Case, Mlp, Model, run};
use brinell_attack::{Apgd, ApgdConfig, ApgdLoss, Fab, FabConfig, FabPlanes, Recipe, Start};
use brinell_threat::{Ball, InputBox};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
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

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn network() -> Mlp {
    let setup = read("apgd/model.json");
    Mlp { w1: rows(&setup["w1"]), b1: row(&setup["b1"]), w2: rows(&setup["w2"]), b2: row(&setup["b2"]) }
}

/// Largest difference of any element of any point.
fn largest_difference(ours: &[Vec<f32>], theirs: &[Vec<f64>]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
    pairs.fold(0.0, |worst, (a, b)| f64::max(worst, (f64::from(*a) - b).abs()))
}

#[test]
fn apgd_in_l1_takes_the_path_of_the_reference() {
    let model = network();
    for (name, loss) in [("ce", ApgdLoss::CrossEntropy), ("dlr", ApgdLoss::Dlr), ("dlr_targeted", ApgdLoss::Dlr)] {
        let golden = read(&format!("attacks/l1_{name}.json"));
        let steps = u32::try_from(number(&golden["steps"])).unwrap();
        let apgd = Apgd::new(ApgdConfig { steps, ..ApgdConfig::new(loss) }).unwrap();
        let ball = Ball {
            norm: golden["norm"].as_str().unwrap().parse().unwrap(),
            eps: golden["eps"].as_f64().unwrap(),
            bounds: InputBox::UNIT,
            features: None,
        };
        for (sample, x) in rows(&golden["x"]).iter().enumerate() {
            let (x, label) = (narrow(x), number(&golden["labels"][sample]));
            let target = name.ends_with("targeted").then(|| number(&golden["targets"][sample]));
            let case = Case::new(model.b2.len(), label, target);
            let start = Start { rivals: case.rivals(&[]), ..Start::new(&x, &ball) };
            let attack = apgd.start_at(&start, &narrow(&row(&golden["start"][sample])));
            let trace = run(attack, &model, apgd.objective(), &case, x.len());
            let worst = largest_difference(&trace.points, &rows(&golden["points"][sample]));
            println!("l1 {name} {sample}: {worst:.1e}");
            assert!(worst < 1e-4, "{name} {sample}: {worst:e}");
        }
    }
}

#[test]
fn fab_takes_the_path_of_the_reference() {
    let model = network();
    for norm in ["linf", "l2", "l1"] {
        let golden = read(&format!("attacks/fab_{norm}.json"));
        let steps = u32::try_from(number(&golden["steps"])).unwrap();
        let fab = Fab::new(FabConfig { steps, ..FabConfig::new(FabPlanes::EachClass) }).unwrap();
        let ball = Ball::unlimited(norm.parse().unwrap(), InputBox::UNIT);
        for sample in golden["samples"].as_array().unwrap() {
            let (x, label, target) = (narrow(&row(&sample["x"])), number(&sample["label"]), number(&sample["target"]));
            let case = Case::new(model.b2.len(), label, None);
            let start = Start { rivals: case.rivals(&[]), ..Start::new(&x, &ball) };
            let trace = run(fab.start_at(&start, target, &x), &model, fab.objective(), &case, x.len());
            let mut points = trace.points;
            points.dedup();
            let worst = largest_difference(&points, &rows(&sample["points"]));
            println!("fab {norm}: {worst:.1e}");
            assert!(worst < 1e-4, "{norm}: {worst:e}");
            // The reference asks twice about every point that it does not pull back.
            assert!(trace.backwards <= points.len());
            assert!(model.logits(&x).len() > target);
        }
    }
}
