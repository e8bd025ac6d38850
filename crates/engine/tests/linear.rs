//! The gradient with fed weights on real runtimes, beside losses that are part of the graph.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use brinell_engine::{Answer, Artefact, Loss, Oracle, Preprocess, Running, RuntimeChoice, open};
use brinell_testkit::{Need, conv_net, skip};

const CLASSES: usize = 5;
const SIZE: usize = 8;

/// Compares on one runtime.
fn compare(choice: RuntimeChoice) {
    let runtime = open(&Running::on(choice)).unwrap();
    let graph = conv_net(3, SIZE, CLASSES, 11).unwrap();
    let sample = [3, SIZE, SIZE];
    let preprocess = Preprocess::new(&Artefact::default(), &sample, &sample).unwrap();
    let (labels, targets) = ([0, 3, 2, 4, 1], [1, 4, 0, 2, 3]);
    let x: Vec<f32> = (0..labels.len() * 3 * SIZE * SIZE).map(|k| (0.5 + 0.5 * (k as f64 * 1.7).sin()) as f32).collect();
    for lanes in [1, 2] {
        let mut oracle = Oracle::new(&graph, &preprocess, Arc::clone(&runtime), lanes).unwrap();
        let (mut fused, mut linear, mut plain) = (Answer::default(), Answer::default(), Answer::default());
        oracle.values(&x, &mut plain).unwrap();
        for loss in Loss::ALL {
            oracle.fused(loss, &x, &loss.feed(CLASSES, &labels, &targets), &mut fused).unwrap();
            let mut w = vec![0.0; plain.values.len()];
            for (((z, w), &label), &target) in plain.values.chunks(CLASSES).zip(w.chunks_mut(CLASSES)).zip(&labels).zip(&targets) {
                loss.slope(z, label, target, w);
            }
            oracle.pull(&x, &w, &mut linear).unwrap();
            let name = format!("{} on {} in {lanes} lanes", loss.name(), runtime.name());
            close(&name, &linear.values, &fused.values);
            close(&name, &linear.gradient, &fused.gradient);
            let sums: Vec<f32> =
                plain.values.chunks(CLASSES).zip(w.chunks(CLASSES)).map(|(z, w)| z.iter().zip(w).map(|(z, w)| z * w).sum()).collect();
            close(&name, &linear.loss, &sums);
        }
        // The forward pass is still there.
        oracle.values(&x, &mut linear).unwrap();
        assert_eq!((linear.values, linear.gradient), (plain.values, Vec::new()));
    }
}

#[test]
fn fed_slopes_give_the_gradients_of_the_fused_losses_on_rten() {
    compare(RuntimeChoice::Rten);
}

#[test]
fn fed_slopes_give_the_gradients_of_the_fused_losses_on_onnxruntime() {
    match open(&Running::on(RuntimeChoice::OnnxRuntime)) {
        Ok(_) => compare(RuntimeChoice::OnnxRuntime),
        Err(error) => skip(Need::OnnxRuntime, &error.to_string()),
    }
}

/// Largest difference beside the largest value, or beside a hundredth: the weighted sum of DLR is 0 but for rounding.
fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-2f32, |scale, v| scale.max(v.abs()));
    let worst = found.iter().zip(expected).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= 1e-5 * scale, "{what}: {worst:e} beside {scale}");
}
