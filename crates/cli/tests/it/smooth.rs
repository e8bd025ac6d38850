//! Smoothed classifiers: radii against closed forms, and runs that resume.

use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};
use serde_json::Value;

use crate::support::Folder;

/// Values of a sample.
const D: usize = 4;

/// Two classes on both sides of the plane on which all values sum to 2, and 8 samples at growing distances from it.
fn folder() -> Folder {
    let mut graph = Graph::new("plane");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(D)]);
    let weights: Vec<f32> = (0..D).flat_map(|_| [-1.0, 1.0]).collect();
    let weights = graph.constant("weights", Tensor::new(vec![D, 2], TensorData::F32(weights)).unwrap());
    let bias = graph.constant("bias", Tensor::new(vec![2], TensorData::F32(vec![2.0, -2.0])).unwrap());
    let product = graph.add(Op::MatMul, &[x, weights]).unwrap();
    let logits = graph.add(Op::Add, &[product, bias]).unwrap();
    graph.output(logits);
    let folder = Folder::new();
    folder.write("plane.onnx", brinell_onnx::write(&graph).unwrap());
    let mut npy = b"\x93NUMPY\x01\0".to_vec();
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 4), }");
    npy.extend_from_slice(&118u16.to_le_bytes());
    npy.extend_from_slice(header.as_bytes());
    for sample in 0..8 {
        npy.extend((0..D).flat_map(|_| value(sample).to_le_bytes()));
    }
    folder.write("x.npy", npy);
    folder.write("y.txt", "1\n".repeat(8));
    folder
}

/// Every value of a sample.
fn value(sample: usize) -> f32 {
    0.5 + 0.05 * sample as f32
}

fn run(folder: &Folder, more: &str) -> (Value, Vec<Value>) {
    let smooth = "smooth plane.onnx --data x.npy --labels y.txt --scale 0..1 --runtime rten --sigma 0.25 --out run";
    folder.run(&format!("{smooth} {more}")).expect(0);
    let lines = std::fs::read_to_string(folder.path("run/smooth.jsonl")).unwrap();
    (folder.summary("run"), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn radii_stay_below_the_distance_to_the_plane_and_come_near_to_it() {
    // Of a plane the radius of the smoothed classifier is the distance itself (Cohen et al., section 3), in L2 |sum - 2| / √d; a linf ball of the same radius / √d lies in it.
    for (norm, noise, distance) in [("l2", "gaussian", 2.0), ("linf", "gaussian", 1.0)] {
        let folder = folder();
        let (summary, lines) = run(&folder, &format!("--norm {norm} --eps 0.01 --noise {noise} --votes 4000 --largest"));
        for line in &lines {
            let far = distance * f64::from(value(line["sample"].as_u64().unwrap() as usize) - 0.5);
            let radius = line["radius"].as_f64().unwrap();
            assert!(radius <= far, "{norm}: {radius} is beyond {far}");
            assert!(radius > far - 0.06 * distance / 2.0 || far > 0.35 * distance, "{norm}: {radius} of {far}");
        }
        assert_eq!(summary["votes"], 8 * 4000);
        assert!(summary["curve"].as_array().unwrap().len() > 10 && summary["median_radius"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_radius_is_decided_with_few_votes_and_the_run_resumes_to_the_same_lines() {
    let folder = folder();
    let (summary, lines) = run(&folder, "--norm l2 --eps 0.25 --votes 10000");
    // Distances are 0, 0.1, .. 0.7.
    for line in &lines {
        let far = 2.0 * f64::from(value(line["sample"].as_u64().unwrap() as usize) - 0.5);
        assert_eq!(line["standing"] == "certified", far > 0.29, "{line}");
    }
    assert!(summary["votes"].as_u64().unwrap() < 8 * 10000 * 3 / 5, "{}", summary["votes"]);
    assert!((summary["alpha_all"].as_f64().unwrap() - 0.008).abs() < 1e-9);
    let text = std::fs::read_to_string(folder.path("run/smooth.jsonl")).unwrap();
    std::fs::write(folder.path("run/smooth.jsonl"), &text[..text.len() / 2]).unwrap();
    run(&folder, "--norm l2 --eps 0.25 --votes 10000 --resume");
    assert_eq!(std::fs::read_to_string(folder.path("run/smooth.jsonl")).unwrap(), text);
}

#[test]
fn what_no_votes_can_show_is_said_before_any_is_taken() {
    let folder = folder();
    let smooth = |more: &str| {
        let command = format!("smooth plane.onnx --data x.npy --labels y.txt --scale 0..1 --runtime rten --out run {more}");
        folder.run(&command).expect(4).stderr
    };
    // 100 votes reach 1.50 sigma at alpha .001, 1000 reach 2.46 (Cohen et al., section 3.2.2).
    let far = smooth("--norm l2 --eps 0.5 --sigma 0.25 --votes 100");
    assert!(far.contains("0.3751") && far.contains("--votes"), "{far}");
    assert!(smooth("--norm l0 --eps 1 --sigma 0.25").contains("certifies nothing in this norm"));
    assert!(smooth("--norm l1 --eps 0.1 --sigma 0.25 --noise gaussian").contains("certifies nothing in this norm"));
    assert!(smooth("--norm l2 --eps 0.1 --sigma 0").contains("must be above 0"));
    assert!(smooth("--norm l2 --eps 0.1 --sigma 0.25 --votes 5").contains("at least 100 votes"));
    assert!(!folder.path("run").exists());
}
