//! Transforms against numpy, scipy and PIL, on every runtime that is here.

use std::path::Path;
use std::sync::Arc;

use brinell_engine::{Running, Runtime, RuntimeChoice, View, open};
use brinell_graph::{DType, Dim, Graph};
use brinell_testkit::{Need, skip};
use serde_json::Value;

use super::{Chain, Picture, Transform};

fn runtimes() -> Vec<Arc<dyn Runtime>> {
    let of = |runtime| open(&Running { runtime, ..Running::default() });
    let mut found = vec![of(RuntimeChoice::Rten).unwrap()];
    match of(RuntimeChoice::OnnxRuntime) {
        Ok(runtime) => found.push(runtime),
        Err(error) => skip(Need::OnnxRuntime, &error.to_string()),
    }
    found
}

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/defend/transforms.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

/// Runs a transform on two copies of a picture, and returns what comes out of the second.
fn run(runtime: &dyn Runtime, transform: Transform, x: &[f32], picture: &Picture) -> Vec<f32> {
    let mut graph = Graph::new("transform");
    let Picture { channels, height, width } = *picture;
    let input = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]);
    let output = transform.append(&mut graph, input, picture).unwrap();
    graph.output(output);
    let mut session = runtime.compile(&brinell_onnx::write(&graph.clone()).unwrap().into()).unwrap();
    let twice = [x.iter().map(|v| 1.0 - v).collect::<Vec<f32>>(), x.to_vec()].concat();
    let mut found = Vec::new();
    session
        .run(&[("x", View::f32(&[2, channels, height, width], &twice))], &mut |_, view| {
            found.extend_from_slice(&view.data.as_f32().unwrap()[x.len()..]);
        })
        .unwrap();
    found
}

/// Pictures of the golden file: sizes, values in 0..1, and the rest.
fn pictures() -> Vec<(Picture, Vec<f32>, Value)> {
    let read = |value: &Value| {
        let shape: Vec<usize> = value["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let x = numbers(&value["bytes"]).iter().map(|v| v / 255.0).collect();
        (Picture { channels: shape[0], height: shape[1], width: shape[2] }, x, value.clone())
    };
    golden()["pictures"].as_array().unwrap().iter().map(read).collect()
}

#[test]
fn bit_depth_is_numpys_to_the_last_bit() {
    let golden = golden();
    let values = numbers(&golden["values"]);
    let picture = Picture { channels: 1, height: 1, width: values.len() };
    for runtime in runtimes() {
        for (bits, expected) in golden["bits"].as_object().unwrap() {
            let found = run(runtime.as_ref(), Transform::Bits(bits.parse().unwrap()), &values, &picture);
            let same = found.iter().zip(numbers(expected)).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{bits} bits on {}", runtime.name());
        }
    }
}

#[test]
fn medians_are_scipys_to_the_last_bit() {
    for runtime in runtimes() {
        for (picture, x, golden) in pictures() {
            for (k, expected) in golden["median"].as_object().unwrap() {
                let found = run(runtime.as_ref(), Transform::Median(k.parse().unwrap()), &x, &picture);
                let expected: Vec<f32> = numbers(expected).iter().map(|v| v / 255.0).collect();
                assert!(found == expected, "window of {k} on {} for {picture:?}", runtime.name());
            }
        }
    }
}

#[test]
fn jpeg_is_near_to_libjpegs() {
    for runtime in runtimes() {
        for (picture, x, golden) in pictures() {
            for (quality, expected) in golden["jpeg"].as_object().unwrap() {
                let found = run(runtime.as_ref(), Transform::Jpeg(quality.parse().unwrap()), &x, &picture);
                let expected = numbers(expected);
                let far: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| (255.0 * a - b).abs()).collect();
                let mean = far.iter().sum::<f32>() / far.len() as f32;
                let within = far.iter().filter(|v| **v < 1.01).count() as f32 / far.len() as f32;
                let most = far.iter().fold(0.0f32, |most, v| most.max(*v));
                let said = format!(
                    "quality {quality} on {} for {picture:?}: mean {mean:.3}, within one {within:.3}, at most {most}",
                    runtime.name()
                );
                // Grey has no rounding of chroma. Of colours, 0.57 is the most that was found, at quality 95, where a step is not much more than a rounding.
                if picture.channels == 1 {
                    assert!(most < 3.01, "{said}");
                } else {
                    assert!(mean < 0.6 && within > 0.85, "{said}");
                }
            }
        }
    }
}

#[test]
fn transforms_are_read_as_they_are_written() {
    let chain: Chain = "bits:3,median:2,jpeg:75".parse().unwrap();
    assert_eq!(chain.0, [Transform::Bits(3), Transform::Median(2), Transform::Jpeg(75)]);
    assert_eq!(chain.to_string(), "bits:3,median:2,jpeg:75");
    for text in ["", "bits", "bits:0", "bits:9", "median:1", "jpeg:101", "jpeg:x", "blur:3", "bits:3,,"] {
        assert!(text.parse::<Chain>().is_err(), "{text}");
    }
}
