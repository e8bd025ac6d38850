//! A sample's logits and gradient do not depend on its batch, down to the last bit, from two samples a batch on.
//!
//! A batch of one is another matter: matrix products with one row take other kernels, which add in another order.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use brinell_autodiff::{Loss, gradient_graph};
use brinell_engine::{Session, View};
use brinell_graph::{Dim, Graph};
use brinell_testkit::shared_data;
use common::{noise, runtimes};

const SAMPLES: usize = 24;
const CLASSES: usize = 10;

/// Returns the gradient graph of a classifier in the shared data, its batch made free, and the size of one sample.
fn differentiated(path: &str) -> Option<(Graph, Vec<usize>)> {
    let graph = brinell_graph::rebatch(&brinell_onnx::read_file(&shared_data(path)?).unwrap().graph).unwrap();
    let (x, logits) = (graph.inputs()[0], graph.outputs()[0]);
    let sample = graph.shape(x).unwrap()[1..].iter().map(|dim| dim.fixed().unwrap()).collect();
    assert_eq!(graph.shape(logits).unwrap(), [Dim::Batch(1), Dim::Fixed(CLASSES)]);
    Some((gradient_graph(&graph, logits, x, Loss::CrossEntropy).unwrap(), sample))
}

/// Returns every output of every sample, in batches of this size.
fn outputs(session: &mut dyn Session, sample: &[usize], batch: usize) -> Vec<Vec<u32>> {
    let len: usize = sample.iter().product();
    let (x, labels) = (noise(SAMPLES * len, 11), one_hot());
    let name = session.inputs()[0].name.clone();
    let mut rows = vec![Vec::new(); SAMPLES];
    for start in (0..SAMPLES).step_by(batch) {
        let (shape, hot) = ([&[batch], sample].concat(), [batch, CLASSES]);
        let feeds = [
            (name.as_str(), View::f32(&shape, &x[start * len..(start + batch) * len])),
            ("label_one_hot", View::f32(&hot, &labels[start * CLASSES..(start + batch) * CLASSES])),
        ];
        let mut keep = |_: usize, view: View<'_>| {
            let values = view.data.as_f32().unwrap();
            for (row, part) in rows[start..].iter_mut().zip(values.chunks(values.len() / batch)) {
                row.extend(part.iter().map(|v| v.to_bits()));
            }
        };
        session.run(&feeds, &mut keep).unwrap();
    }
    rows
}

fn one_hot() -> Vec<f32> {
    (0..SAMPLES * CLASSES).map(|i| f32::from(u8::from(i % CLASSES == (i / CLASSES * 7) % CLASSES))).collect()
}

#[test]
fn outputs_are_the_same_bits_in_every_batch_and_on_every_thread_count() {
    for path in ["mnist/mnist-net_256x2.onnx", "cifar10/resnet_2b.onnx"] {
        let Some((graph, sample)) = differentiated(path) else { return };
        let model = brinell_onnx::write(&graph).unwrap();
        for kind in 0..runtimes(1).len() {
            let mut first: Option<Vec<Vec<u32>>> = None;
            for threads in [1, 2] {
                let runtime = &runtimes(threads)[kind];
                let mut session = runtime.compile(&model.clone().into()).unwrap();
                for batch in [2, 3, 8, 24] {
                    let rows = outputs(session.as_mut(), &sample, batch);
                    let expected = first.get_or_insert_with(|| rows.clone());
                    assert!(*expected == rows, "{path} on {}: {threads} threads, batch {batch}", runtime.name());
                }
            }
        }
    }
}
