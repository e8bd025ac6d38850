//! Real models that nobody here trained, on every runtime that is there.

use std::collections::HashMap;

use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp, Tensor, TensorData, ValueId};
use brinell_testkit::{Need, skip};

use crate::support::{Folder, verdicts};

const MNIST: &str = "mnist/mnist_test_subset-images-idx3-ubyte";
const CIFAR: &str = "cifar10/cifar10_test_subset.bin";
const CIFAR_MEAN: &str = "--mean 0.4914,0.4822,0.4465";

/// Model, data, how its input is prepared, and how many samples it gets right before any attack.
fn models() -> Vec<(&'static str, &'static str, String, u64)> {
    let std = |std: &str| format!("{CIFAR_MEAN} --std {std}");
    let kw = || "--mean 0.485,0.456,0.406 --std 0.225".to_owned();
    vec![
        ("mnist/mnist-net_256x2", MNIST, String::new(), 1072),
        ("mnist/mnist-net_256x4", MNIST, String::new(), 1068),
        ("mnist/mnist-point", MNIST, "--layout flat-transposed".to_owned(), 1074),
        ("mnist/mnist-trades", MNIST, "--layout flat-transposed".to_owned(), 1081),
        ("mnist/mnist_0.1", MNIST, String::new(), 1071),
        ("mnist/onnxzoo_mnist8", MNIST, "--scale 0..255".to_owned(), 1081),
        ("mnist/ccexam_mnist", MNIST, "--mean 0.1307 --std 0.3081".to_owned(), 1082),
        ("cifar10/resnet_2b", CIFAR, std("0.2471,0.2435,0.2616"), 715),
        ("cifar10/resnet_4b", CIFAR, std("0.2471,0.2435,0.2616"), 766),
        ("cifar10/cifar_base_kw", CIFAR, kw(), 624),
        ("cifar10/cifar_wide_kw", CIFAR, kw(), 653),
        ("cifar10/cifar_deep_kw", CIFAR, kw(), 572),
        ("cifar10/resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1", CIFAR, std("0.2023,0.1994,0.2010"), 773),
        ("cifar10/ibp_3_3_8", CIFAR, std("0.2023,0.1994,0.2010"), 697),
        ("cifar10/mlperf_tiny_resnet8", CIFAR, "--scale 0..255 --mean 128 --std 128".to_owned(), 756),
    ]
}

#[test]
fn clean_correct_counts_are_those_of_other_software() {
    let Some(shared) = brinell_testkit::shared_data("") else { return };
    let folder = Folder::new();
    for (number, (model, data, preprocessing, correct)) in models().into_iter().enumerate() {
        for runtime in ["rten", "auto"] {
            let out = format!("{runtime}{number}");
            // eps 0 ends every attack at once; the clean pass is what counts here.
            let run = format!(
                "audit {}.onnx --data {} {preprocessing} --norm linf --eps 0 --attack fgsm --runtime {runtime} --out {out}",
                shared.join(model).display(),
                shared.join(data).display()
            );
            folder.run(&run).expect(0);
            let summary = folder.summary(&out);
            assert_eq!(summary["clean_correct"], correct, "{model} on {}", summary["runtime"]["name"]);
            assert_eq!(summary["survived"], correct, "{model} on {}", summary["runtime"]["name"]);
        }
    }
}

/// Honest networks: nothing in them hinders an attack, and their radius is one that they were made or trained for.
#[test]
fn no_flag_is_raised_on_honest_networks_at_the_full_level() {
    let Some(shared) = brinell_testkit::shared_data("") else { return };
    let folder = Folder::new();
    let honest = [
        ("cifar10/resnet_2b", "2/255", 40),
        ("cifar10/cifar_base_kw", "2/255", 40),
        ("cifar10/resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1", "4/255", 40),
        // Where every change is allowed, attacks on it end where all units are dead and the answer is 8: of few images, drawn evenly over classes, too many.
        ("mnist/mnist-net_256x2", "0.03", 100),
        ("mnist/mnist_0.1", "0.1", 40),
    ];
    for (number, (name, eps, limit)) in honest.into_iter().enumerate() {
        let (model, data, preprocessing, _) = models().into_iter().find(|(model, ..)| *model == name).unwrap();
        let run = format!(
            "audit {}.onnx --data {} {preprocessing} --norm linf --eps {eps} --limit {limit} --sanity full --out {number}",
            shared.join(model).display(),
            shared.join(data).display()
        );
        folder.run(&run).expect(0);
        let summary = folder.summary(&number.to_string());
        let loud: Vec<_> = summary["flags"].as_array().unwrap().iter().filter(|flag| flag["severity"] != "note").collect();
        assert!(loud.is_empty(), "{name}: {loud:?}");
        assert!(summary["indicators"].as_array().unwrap().iter().any(|indicator| indicator["id"] == "unbounded-attack-fails"), "{name}");
    }
}

/// The demo's ordinary model with its batch fixed at `batch`, and a softmax at its end.
fn fixed_batch_with_softmax(batch: usize) -> Vec<u8> {
    let model = brinell_onnx::read_file(&crate::support::demo().join("ordinary.onnx")).unwrap().graph;
    let mut graph = Graph::new("fixed");
    let shape = [batch, 1, 28, 28].map(Dim::Fixed).to_vec();
    let image = graph.input("image", DType::F32, shape);
    let mut values = HashMap::from([(model.inputs()[0], image)]);
    for (id, tensor) in model.constants() {
        values.insert(id, graph.constant(&model.value(id).name, Tensor::clone(tensor)));
    }
    for node in model.nodes() {
        let op = match &node.op {
            Op::Reshape { shape } => Op::Reshape { shape: shape.iter().map(|dim| Dim::Fixed(dim.at_batch(batch).unwrap())).collect() },
            other => other.clone(),
        };
        let inputs: Vec<_> = node.inputs.iter().flatten().map(|id| values[id]).collect();
        values.insert(node.outputs[0].unwrap(), graph.add(op, &inputs).unwrap());
    }
    let probabilities = graph.add(Op::Softmax { axis: 1 }, &[values[&model.outputs()[0]]]).unwrap();
    graph.output(probabilities);
    brinell_onnx::write(&graph).unwrap()
}

#[test]
fn a_fixed_batch_and_a_softmax_change_no_verdict() {
    let folder = Folder::new();
    for batch in [1, 4] {
        folder.write(&format!("fixed{batch}.onnx"), fixed_batch_with_softmax(batch));
        folder.audit(&format!("fixed{batch}"), &format!("--limit 30 --out fixed{batch}")).expect(0);
    }
    folder.audit("ordinary", "--limit 30 --out free").expect(0);
    let free = verdicts(&folder.record("free"));
    for batch in [1, 4] {
        let out = format!("fixed{batch}");
        assert_eq!(verdicts(&folder.record(&out)), free, "batch {batch}");
        let flags = folder.summary(&out)["flags"].clone();
        let raised = |id: &str| flags.as_array().unwrap().iter().any(|flag| flag["id"] == id);
        assert!(raised("softmax-output"));
        assert_eq!(raised("fixed-batch"), batch == 4, "a batch of 1 is freed, one of 4 is not");
        for (fixed, free) in folder.record(&out).iter().zip(folder.record("free")) {
            // Margins of a softmax are taken of log-probabilities, so that they are those of the logits.
            let (a, b) = (fixed["margin"].as_f64().unwrap(), free["margin"].as_f64().unwrap());
            assert!((a - b).abs() < 1e-2 * b.abs().max(1.0), "{fixed} {free}");
        }
    }
}

/// A model whose logits are NaN where the first pixel is above 0.5: log of a negative number.
fn sometimes_nan() -> Vec<u8> {
    let mut graph = Graph::new("nan");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
    let half = graph.scalar(0.5);
    let below = graph.add(Op::Sub, &[half, x]).unwrap();
    let log = graph.add(Op::Log, &[below]).unwrap();
    let weight = Tensor::new(vec![4, 2], TensorData::F32(vec![1.0, -1.0, 0.5, 0.0, 0.0, 0.5, 0.1, 0.1])).unwrap();
    let weight = graph.constant("weight", weight);
    let logits = graph.add(Op::MatMul, &[log, weight]).unwrap();
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

#[test]
fn nan_logits_are_flagged_and_never_count_as_broken() {
    let folder = Folder::new();
    folder.write("nan.onnx", sometimes_nan());
    // Four samples of four bytes: two of them have a value above 0.5.
    folder.write("x.idx", [&[0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 4][..], &[9, 9, 9, 9, 200, 9, 9, 9, 90, 30, 9, 9, 9, 9, 255, 9]].concat());
    folder.run("audit nan.onnx --data x.idx --labels 1 --norm linf --eps 0.3 --runtime rten --attack pgd:steps=5 --out run").expect(2);
    let flags = folder.summary("run")["flags"].clone();
    assert!(flags.as_array().unwrap().iter().any(|flag| flag["id"] == "non-finite-output"), "{flags}");
    let record = folder.record("run");
    for sample in [1, 3] {
        assert!(record[sample]["prediction"].is_null() && record[sample]["outcome"] == "misclassified", "{}", record[sample]);
    }
}

/// Four bytes a sample: what the small models below take.
pub(crate) const BYTES: [u8; 28] = [0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 4, 9, 80, 9, 9, 200, 9, 9, 9, 90, 30, 9, 9, 9, 9, 255, 9];

/// A model of two classes: `before`, a product with a matrix, `after`.
fn two_classes(
    rest: Dim,
    before: impl FnOnce(&mut Graph, ValueId) -> ValueId,
    after: impl FnOnce(&mut Graph, ValueId) -> ValueId,
) -> Vec<u8> {
    let mut graph = Graph::new("small");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), rest]);
    let x = before(&mut graph, x);
    let weight = Tensor::new(vec![4, 2], TensorData::F32(vec![1.0, -1.0, 0.5, 0.0, 0.0, 0.5, 0.1, 0.1])).unwrap();
    let weight = graph.constant("weight", weight);
    let logits = graph.add(Op::MatMul, &[x, weight]).unwrap();
    let logits = after(&mut graph, logits);
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

fn opaque(op_type: &str, attributes: Vec<Vec<u8>>) -> Op {
    let reason = "unknown operator".to_owned();
    Op::Opaque(OpaqueOp { domain: String::new(), op_type: op_type.to_owned(), opset: 17, attributes, reason, follows: false, captures: 0 })
}

#[test]
fn two_classes_are_too_few_for_dlr_and_another_loss_is_used() {
    let folder = Folder::new();
    folder.write("two.onnx", two_classes(Dim::Fixed(4), |_, x| x, |_, z| z));
    folder.write("x.idx", BYTES);
    let run = folder.run("audit two.onnx --data x.idx --labels 0 --norm linf --eps 1 --runtime rten --attack apgd-dlr --out run");
    assert!(run.stdout.contains("too-few-classes-for-dlr") && run.stdout.contains("margin"), "{}", run.stdout);
    assert!(folder.summary("run")["broken"].as_u64().unwrap() > 0);
}

/// A model with an operator that no runtime has and nobody can differentiate.
pub(crate) fn unknown_operator() -> Vec<u8> {
    let mystery = |graph: &mut Graph, x| {
        let outputs = graph.push("the_mystery", opaque("Mystery", Vec::new()), vec![Some(x)], &[Some("y")]).unwrap();
        graph.declare(outputs[0].unwrap(), Some(DType::F32), Some(vec![Dim::Batch(1), Dim::Fixed(4)]));
        outputs[0].unwrap()
    };
    two_classes(Dim::Fixed(4), mystery, |_, z| z)
}

#[test]
fn an_unknown_operator_is_named_before_anything_is_written() {
    let folder = Folder::new();
    folder.write("mystery.onnx", unknown_operator());
    folder.write("x.idx", BYTES);
    let refused = folder.run("audit mystery.onnx --data x.idx --labels 0 --norm linf --eps 0.1 --runtime rten --out run").expect(4);
    assert!(refused.stderr.contains("Mystery"), "{}", refused.stderr);
    assert!(!folder.path("run").exists());
}

#[test]
fn a_free_dimension_other_than_the_batch_is_named() {
    let folder = Folder::new();
    folder.write("free.onnx", two_classes(Dim::Unknown, |_, x| x, |_, z| z));
    // An audit takes it from the data; a gradient has none.
    let refused = folder.run("grad free.onnx --out gradient.onnx").expect(4);
    assert!(refused.stderr.contains("dimension 1") && refused.stderr.contains("`x`"), "{}", refused.stderr);
}

#[test]
fn a_randomised_model_is_flagged() {
    // shape = [1, 2], as an encoded attribute: name, integers, type.
    let shape = [&[0x0a, 5][..], b"shape", &[0x42, 2, 1, 2, 0xa0, 0x01, 7]].concat();
    let noisy = |graph: &mut Graph, logits| {
        let outputs = graph.push("noise", opaque("RandomNormal", vec![shape]), Vec::new(), &[Some("noise")]).unwrap();
        graph.declare(outputs[0].unwrap(), Some(DType::F32), Some(vec![Dim::Fixed(1), Dim::Fixed(2)]));
        graph.add(Op::Add, &[logits, outputs[0].unwrap()]).unwrap()
    };
    let folder = Folder::new();
    folder.write("noisy.onnx", two_classes(Dim::Fixed(4), |_, x| x, noisy));
    folder.write("x.idx", BYTES);
    let run = folder.run("audit noisy.onnx --data x.idx --labels 0 --norm linf --eps 0.1 --runtime onnxruntime --out run");
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "rten has no random numbers");
        return;
    }
    let run = run.expect(2);
    assert!(run.stdout.contains("non-deterministic"), "{}", run.stdout);
}
