//! Models with inputs and outputs of other types, with several of them, and with one score.

use brinell::data::{self, LoadOptions, Pixels};
use brinell_graph::{DType, Dim, Graph, Op, PadMode, Tensor, TensorData, ValueId};
use brinell_testkit::{Need, skip};

use crate::support::{Finished, Folder, safetensors, verdicts};

/// Six samples of four bytes, as IDX.
const X: [u8; 24] = [9, 80, 9, 9, 200, 9, 9, 9, 90, 30, 9, 9, 9, 9, 255, 9, 120, 40, 200, 0, 20, 21, 22, 23];

fn idx() -> Vec<u8> {
    [&[0, 0, 8, 2, 0, 0, 0, 6, 0, 0, 0, 4][..], &X].concat()
}

fn constant(graph: &mut Graph, shape: Vec<usize>, values: Vec<f32>) -> ValueId {
    graph.constant("c", Tensor::new(shape, TensorData::F32(values)).unwrap())
}

/// A value of shape [B, 4] over 255, times a matrix [4, columns].
fn linear(graph: &mut Graph, x: ValueId, columns: usize) -> ValueId {
    let scale = graph.scalar(1.0 / 255.0);
    let x = graph.add(Op::Mul, &[x, scale]).unwrap();
    let weights = [1.0, -1.0, 0.5, 0.7, -0.3, 0.2, 0.1, 0.1];
    let columns_of = (0..4).flat_map(|row| weights[2 * row..2 * row + columns].to_vec()).collect();
    let weight = constant(graph, vec![4, columns], columns_of);
    graph.add(Op::MatMul, &[x, weight]).unwrap()
}

/// A model with an input of that type, of which `build` makes the outputs.
fn model(dtype: DType, shape: &[usize], build: impl FnOnce(&mut Graph, ValueId) -> Vec<ValueId>) -> Vec<u8> {
    let mut graph = Graph::new("small");
    let dims = std::iter::once(Dim::Batch(1)).chain(shape.iter().map(|&n| Dim::Fixed(n))).collect();
    let x = graph.input("pixels", dtype, dims);
    let outputs = build(&mut graph, x);
    graph.set_outputs(outputs);
    brinell_onnx::write(&graph).unwrap()
}

fn cast(graph: &mut Graph, value: ValueId, to: DType) -> ValueId {
    graph.add(Op::Cast { to }, &[value]).unwrap()
}

fn named(graph: &mut Graph, name: &str, value: ValueId) -> ValueId {
    graph.push(name, Op::Identity, vec![Some(value)], &[Some(name)]).unwrap()[0].unwrap()
}

/// Panics unless an audit ran to its end; of so few samples a flag may say that they tell nothing.
#[track_caller]
fn audited(run: Finished) {
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
}

/// Runs an audit on the runtimes that are here and returns the names of the runs.
fn on_runtimes(folder: &Folder, name: &str, arguments: &str) -> Vec<String> {
    let mut runs = Vec::new();
    for runtime in ["rten", "onnxruntime"] {
        let out = format!("{name}-{runtime}");
        let run = folder.run(&format!("audit {name}.onnx {arguments} --runtime {runtime} --out {out}"));
        if run.stderr.contains("no ONNX Runtime found") {
            skip(Need::OnnxRuntime, "the part on ONNX Runtime");
            continue;
        }
        assert!([0, 2].contains(&run.code), "{name} on {runtime}: {}{}", run.stdout, run.stderr);
        runs.push(out);
    }
    runs
}

const BYTES: &str = "--data x.idx --labels 0 --scale 0..255 --norm linf --eps 20 --sanity off --attack pgd:steps=10";

#[test]
fn adversarial_inputs_of_whole_number_models_are_whole_and_inside() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    folder.write("real.onnx", model(DType::F32, &[4], |graph, x| vec![linear(graph, x, 2)]));
    audited(folder.run(&format!("audit real.onnx {BYTES} --runtime rten --out real")));
    let real = folder.summary("real");
    for dtype in [DType::U8, DType::I32, DType::I64] {
        let name = format!("{dtype:?}");
        folder.write(
            &format!("{name}.onnx"),
            model(dtype, &[4], |graph, x| {
                let x = cast(graph, x, DType::F32);
                vec![linear(graph, x, 2)]
            }),
        );
        for out in on_runtimes(&folder, &name, BYTES) {
            let summary = folder.summary(&out);
            for key in ["clean_correct", "broken"] {
                assert_eq!(summary[key], real[key], "{out}: {key}");
            }
            assert!(summary["broken"].as_u64().unwrap() > 0);
            assert!(summary["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "integer-input"), "{summary}");
            assert_eq!(summary["model"]["interface"]["input"]["dtype"], format!("{dtype:?}").to_lowercase());
            let found = data::load(&folder.path(&out).join("adversarial.npz"), &LoadOptions::default()).unwrap();
            let samples = data::numbers(&folder.path(&out).join("adversarial.npz"), "sample").unwrap();
            let Pixels::F32(values) = found.pixels else { panic!("{:?}", found.pixels) };
            for (sample, row) in samples.iter().zip(values.chunks_exact(4)) {
                for (x, x_adv) in X[4 * sample..].iter().zip(row) {
                    assert!(x_adv.fract() == 0.0 && (f32::from(*x) - x_adv).abs() <= 20.0, "{x} became {x_adv}");
                }
            }
            let replay = folder.run(&format!("replay {out} --json")).expect(0);
            assert!(replay.stdout.contains("confirmed") && !replay.stdout.contains("rejected"), "{}", replay.stdout);
        }
    }
}

#[test]
fn whole_numbers_are_asked_for_in_their_own_scale() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    let bytes = |dtype| {
        model(dtype, &[4], |graph, x| {
            let x = cast(graph, x, DType::F32);
            vec![linear(graph, x, 2)]
        })
    };
    folder.write("u8.onnx", bytes(DType::U8));
    folder.write("i8.onnx", bytes(DType::I8));
    let audit =
        |rest: &str| folder.run(&format!("audit {rest} --data x.idx --labels 0 --norm linf --runtime rten --attack fgsm --out run"));
    let small = audit("u8.onnx --eps 8/255").expect(4);
    assert!(small.stderr.contains("whole numbers") && small.stderr.contains("--scale 0..255"), "{}", small.stderr);
    let wide = audit("i8.onnx --eps 8 --scale 0..255").expect(4);
    assert!(wide.stderr.contains("I8") && wide.stderr.contains("255"), "{}", wide.stderr);
    audited(audit("i8.onnx --eps 8 --scale 0..255 --mean 128"));
}

#[test]
fn other_floating_point_types_change_no_verdict() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    folder.write("f32.onnx", model(DType::F32, &[4], |graph, x| vec![linear(graph, x, 2)]));
    audited(folder.run(&format!("audit f32.onnx {BYTES} --runtime rten --out f32")));
    let expected = verdicts(&folder.record("f32"));
    for (input, output) in [(DType::F16, DType::F32), (DType::F64, DType::F64), (DType::F16, DType::F16), (DType::F32, DType::F64)] {
        let name = format!("{input:?}-{output:?}");
        folder.write(
            &format!("{name}.onnx"),
            model(input, &[4], |graph, x| {
                let x = cast(graph, x, DType::F32);
                let logits = linear(graph, x, 2);
                vec![cast(graph, logits, output)]
            }),
        );
        for out in on_runtimes(&folder, &name, BYTES) {
            assert_eq!(verdicts(&folder.record(&out)), expected, "{out}");
        }
    }
}

/// A score, and the logits 0 and score less a threshold that it stands for.
fn score(graph: &mut Graph, x: ValueId, logits: Option<f32>) -> ValueId {
    let score = linear(graph, x, 1);
    let Some(threshold) = logits else { return score };
    let threshold = constant(graph, vec![1, 1], vec![threshold]);
    let z = graph.add(Op::Sub, &[score, threshold]).unwrap();
    graph.add(Op::Pad { mode: PadMode::Constant, pads: vec![0, 1, 0, 0] }, &[z]).unwrap()
}

#[test]
fn a_score_is_judged_as_the_two_logits_that_it_stands_for() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    let labels = |name: &str, threshold: f32| {
        // What the model says of the unchanged samples, so that all are right.
        let weights = [1.0f32, 0.5, -0.3, 0.1];
        let class = |x: &[u8]| u8::from(x.iter().zip(weights).map(|(&x, w)| f32::from(x) / 255.0 * w).sum::<f32>() >= threshold);
        folder.write(name, [&[0, 0, 8, 1, 0, 0, 0, 6][..], &X.chunks_exact(4).map(class).collect::<Vec<u8>>()].concat());
    };
    labels("zero.idx", 0.0);
    labels("quarter.idx", 0.25);
    let arguments =
        |labels: &str| format!("--data x.idx --labels {labels}.idx --scale 0..255 --norm linf --eps 20 --sanity off --attack apgd-ce");
    let reference = |name: &str, threshold: f32, labels: &str| {
        folder.write(&format!("{name}.onnx"), model(DType::F32, &[4], |graph, x| vec![score(graph, x, Some(threshold))]));
        audited(folder.run(&format!("audit {name}.onnx {} --runtime rten --out {name}", arguments(labels))));
        verdicts(&folder.record(name))
    };
    let (zero, quarter) = (reference("logits0", 0.0, "zero"), reference("logits25", 0.25, "quarter"));
    assert_ne!(zero, quarter);
    type Ending = fn(&mut Graph, ValueId) -> ValueId;
    let endings: [(&str, Ending, &str); 3] = [
        ("column", |_, z| z, "0.25"),
        ("flat", |graph, z| graph.add(Op::Squeeze { axes: vec![1] }, &[z]).unwrap(), "0.25"),
        // sigmoid(0.25) = 0.5621765.
        (
            "sigmoid",
            |graph, z| {
                let p = graph.add(Op::Sigmoid, &[z]).unwrap();
                graph.add(Op::Squeeze { axes: vec![1] }, &[p]).unwrap()
            },
            "0.5621765",
        ),
    ];
    // One number may be a regression's, unless a sigmoid or a declared threshold says what it is.
    let doubted = |out: &str| folder.summary(out)["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "one-score");
    for (name, ending, threshold) in endings {
        folder.write(
            &format!("{name}.onnx"),
            model(DType::F32, &[4], |graph, x| {
                let z = score(graph, x, None);
                vec![ending(graph, z)]
            }),
        );
        for out in on_runtimes(&folder, name, &arguments("zero")) {
            assert_eq!(verdicts(&folder.record(&out)), zero, "{out}");
            assert_eq!(doubted(&out), name != "sigmoid", "{out}");
            std::fs::remove_dir_all(folder.path(&out)).unwrap();
        }
        for out in on_runtimes(&folder, name, &format!("{} --threshold {threshold}", arguments("quarter"))) {
            assert_eq!(verdicts(&folder.record(&out)), quarter, "{out}");
            assert!(!doubted(&out), "{out}");
            let interface = folder.summary(&out)["model"]["interface"].clone();
            assert_eq!(interface["threshold"], threshold.parse::<f64>().unwrap(), "{interface}");
            folder.run(&format!("replay {out}")).expect(0);
        }
        let inspected = folder.run(&format!("inspect {name}.onnx")).expect(0).stdout;
        assert!(inspected.contains("class 1 if it is at least") && inspected.contains("differentiable  yes"), "{inspected}");
    }
    let refused = folder.run(&format!("audit sigmoid.onnx {} --threshold 1.5", arguments("zero"))).expect(4);
    assert!(refused.stderr.contains("between 0 and 1"), "{}", refused.stderr);
    let refused = folder.run(&format!("audit logits0.onnx {} --threshold 1.5", arguments("zero"))).expect(4);
    assert!(refused.stderr.contains("models with one score"), "{}", refused.stderr);
}

#[test]
fn a_softmax_is_undone_behind_what_only_changes_its_form() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    folder.write("logits.onnx", model(DType::F32, &[4], |graph, x| vec![linear(graph, x, 2)]));
    audited(folder.run(&format!("audit logits.onnx {BYTES} --runtime rten --out logits")));
    let expected = verdicts(&folder.record("logits"));
    folder.write(
        "soft.onnx",
        model(DType::F32, &[4], |graph, x| {
            let z = linear(graph, x, 2);
            let z = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(1)] }, &[z]).unwrap();
            let p = graph.add(Op::Softmax { axis: 1 }, &[z]).unwrap();
            let p = graph.add(Op::Reduce { kind: brinell_graph::Reduce::Mean, axes: vec![2], keepdims: false }, &[p]).unwrap();
            let p = cast(graph, p, DType::F64);
            vec![named(graph, "probabilities", p)]
        }),
    );
    // A softmax over an axis of one element says nothing about the classes.
    folder.write(
        "odd.onnx",
        model(DType::F32, &[4], |graph, x| {
            let z = linear(graph, x, 2);
            let z = graph.add(Op::Unsqueeze { axes: vec![2] }, &[z]).unwrap();
            vec![graph.add(Op::Softmax { axis: 2 }, &[z]).unwrap()]
        }),
    );
    for out in on_runtimes(&folder, "soft", BYTES) {
        assert_eq!(verdicts(&folder.record(&out)), expected, "{out}");
        let summary = folder.summary(&out);
        assert_eq!(summary["model"]["interface"]["ending"], "softmax");
        assert!(summary["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "softmax-output"), "{summary}");
    }
    let inspect = |name: &str| folder.run(&format!("inspect {name}.onnx")).expect(0).stdout;
    assert!(inspect("soft").contains("softmax, and attacks use the values before it"), "{}", inspect("soft"));
    assert!(inspect("odd").contains("logits\ndifferentiable"), "{}", inspect("odd"));
}

#[test]
fn channels_last_models_take_images_of_either_order() {
    let folder = Folder::new();
    // Two images of 5 x 6 pixels in 3 channels, channels first and last.
    let image: Vec<u8> = (0..180u8).map(|i| i.wrapping_mul(7)).collect();
    let pixels = |image: &[u8]| (0..30).flat_map(|p| [image[p], image[30 + p], image[60 + p]]).collect::<Vec<u8>>();
    let last: Vec<u8> = image.chunks_exact(90).flat_map(pixels).collect();
    folder.write("first.idx", [&[0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 6][..], &image].concat());
    folder.write("last.idx", [&[0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 3][..], &last].concat());
    let classify = |graph: &mut Graph, image: ValueId| {
        let flat = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(90)] }, &[image]).unwrap();
        let weights = (0..180u8).map(|i| f32::from(i % 5) - 2.0).collect();
        let weight = constant(graph, vec![90, 2], weights);
        graph.add(Op::MatMul, &[flat, weight]).unwrap()
    };
    folder.write("nchw.onnx", model(DType::F32, &[3, 5, 6], |graph, x| vec![classify(graph, x)]));
    let transposed = model(DType::F32, &[5, 6, 3], |graph, x| {
        let x = graph.add(Op::Transpose { perm: vec![0, 3, 1, 2] }, &[x]).unwrap();
        vec![classify(graph, x)]
    });
    folder.write("nhwc.onnx", transposed);
    let arguments = |data: &str| {
        format!("--data {data}.idx --labels 1 --norm linf --eps 0.2 --sanity off --attack pgd:steps=5 --mean 0.1,0.2,0.3 --std 0.5,0.4,0.3")
    };
    audited(folder.run(&format!("audit nchw.onnx {} --runtime rten --out nchw", arguments("first"))));
    let expected = verdicts(&folder.record("nchw"));
    for data in ["first", "last"] {
        for out in on_runtimes(&folder, "nhwc", &arguments(data)) {
            let found = verdicts(&folder.record(&out));
            // A random start draws its numbers in the order of the data.
            if data == "first" {
                assert_eq!(found, expected, "{out}");
            }
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!((&found[2], &found[3]), (&expected[2], &expected[3]), "{data} on {out}");
            }
            std::fs::remove_dir_all(folder.path(&out)).unwrap();
        }
    }
}

/// Logits `gain * (x W) + bias`, with the gain an input for each sample and the bias one for all; the sum of the pixels stands before them.
fn three_inputs() -> Vec<u8> {
    let mut graph = Graph::new("three");
    let x = graph.input("pixels", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
    let gain = graph.input("gain", DType::F64, vec![Dim::Batch(1), Dim::Fixed(1)]);
    let bias = graph.input("bias", DType::F32, vec![Dim::Fixed(2)]);
    let z = linear(&mut graph, x, 2);
    let gain = cast(&mut graph, gain, DType::F32);
    let z = graph.add(Op::Mul, &[z, gain]).unwrap();
    let z = graph.add(Op::Add, &[z, bias]).unwrap();
    let (pixels, logits) = (named(&mut graph, "copy", x), named(&mut graph, "logits", z));
    graph.set_outputs(vec![pixels, logits]);
    brinell_onnx::write(&graph).unwrap()
}

const GAIN: [f32; 6] = [1.0, -1.0, 0.5, 2.0, -0.25, 3.0];
const BIAS: [f32; 2] = [0.05, 0.0];

fn with_three_inputs() -> Folder {
    let folder = Folder::new();
    folder.write("three.onnx", three_inputs());
    let pixels = ("pixels", vec![6, 4], X.iter().map(|&v| f32::from(v)).collect());
    let labels = ("y", vec![6], vec![0.0; 6]);
    let gain = ("gain", vec![6, 1], GAIN.to_vec());
    folder.write("three.safetensors", safetensors(&[pixels.clone(), labels.clone(), gain.clone(), ("bias", vec![2], BIAS.to_vec())]));
    folder.write("two.safetensors", safetensors(&[pixels.clone(), labels.clone(), gain.clone()]));
    folder.write("wrong.safetensors", safetensors(&[pixels, labels, gain, ("bias", vec![3], vec![0.0; 3])]));
    folder
}

const THREE: &str = "--input pixels --output logits --scale 0..255 --norm linf --eps 20 --sanity off --attack fgsm";

#[test]
fn one_input_is_attacked_and_the_others_are_held_for_each_sample() {
    let folder = with_three_inputs();
    let mut expected = Vec::new();
    for (sample, gain) in GAIN.into_iter().enumerate() {
        folder.write("x.idx", [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 4][..], &X[4 * sample..4 * sample + 4]].concat());
        let name = format!("held{sample}");
        folder.write(
            &format!("{name}.onnx"),
            model(DType::F32, &[4], |graph, x| {
                let z = linear(graph, x, 2);
                let gain = constant(graph, vec![1, 1], vec![gain]);
                let bias = constant(graph, vec![2], BIAS.to_vec());
                let z = graph.add(Op::Mul, &[z, gain]).unwrap();
                vec![graph.add(Op::Add, &[z, bias]).unwrap()]
            }),
        );
        let run = folder.run(&format!("audit {name}.onnx --data x.idx --labels 0 --scale 0..255 --norm linf --eps 20 --sanity off --attack fgsm --runtime rten --out {name}"));
        assert!([0, 2].contains(&run.code), "{}", run.stderr);
        let mut line = verdicts(&folder.record(&name)).remove(0);
        line[0] = sample.into();
        expected.push(line);
    }
    for out in on_runtimes(&folder, "three", &format!("{THREE} --data three.safetensors --batch 4")) {
        assert_eq!(verdicts(&folder.record(&out)), expected, "{out}");
        let interface = folder.summary(&out)["model"]["interface"].clone();
        assert_eq!((interface["input"]["name"].as_str(), interface["output"]["name"].as_str()), (Some("pixels"), Some("logits")));
        assert_eq!(interface["held"].as_array().unwrap().len(), 2, "{interface}");
        let replay = folder.run(&format!("replay {out} --json")).expect(0).stdout;
        assert!(replay.contains("confirmed") && !replay.contains("rejected"), "{replay}");
    }
}

#[test]
fn a_claim_about_a_model_with_several_inputs_is_decided_and_replayed() {
    let folder = with_three_inputs();
    folder.run(&format!("audit three.onnx {THREE} --data three.safetensors --runtime rten --out run"));
    folder.run("claim new run --out claim.toml --property forall --sampling exhaustive").expect(0);
    let text = std::fs::read_to_string(folder.path("claim.toml")).unwrap();
    assert!(text.contains("input = \"pixels\"") && text.contains("output = \"logits\""), "{text}");
    let checked = folder.run("check claim.toml --runtime rten").expect(1);
    assert!(checked.stdout.to_lowercase().contains("refuted"), "{}", checked.stdout);
    let replay = folder.run("replay claim.evidence --json").expect(0).stdout;
    assert!(replay.contains("confirmed") && !replay.contains("rejected"), "{replay}");
}

#[test]
fn what_is_to_be_said_about_several_inputs_and_outputs_is_asked_for() {
    let folder = with_three_inputs();
    folder.write("x.idx", idx());
    let audit = |rest: &str| {
        folder.run(&format!("audit three.onnx --scale 0..255 --norm linf --eps 20 --runtime rten --attack fgsm --out run {rest}"))
    };
    for (rest, named) in [
        ("--data three.safetensors", &["--input", "`gain` f64 [B, 1]", "`bias` f32 [2]"][..]),
        ("--data three.safetensors --input image", &["no input `image`", "`pixels` f32 [B, 4]"]),
        ("--data three.safetensors --input pixels --output z", &["no output `z`", "`logits` f32 [B, 2]"]),
        ("--data x.idx --labels 0 --input pixels --output logits", &["x.idx", "gain, bias", ".safetensors"]),
        ("--data two.safetensors --input pixels --output logits", &["two.safetensors", "bias"]),
        ("--data wrong.safetensors --input pixels --output logits", &["`bias`", "[3]", "[2]"]),
    ] {
        let refused = audit(rest).expect(4);
        for part in named {
            assert!(refused.stderr.contains(part), "{rest}: {part} is not in: {}", refused.stderr);
        }
        assert!(!folder.path("run").exists());
    }
    let first = audit("--data three.safetensors --input pixels");
    assert!(first.stdout.contains("first-output") && first.stdout.contains("logits"), "{}{}", first.stdout, first.stderr);
    let inspected = folder.run("inspect three.onnx --input pixels --output logits").expect(0).stdout;
    assert!(inspected.contains("not attacked: gain, bias"), "{inspected}");
}

#[test]
fn a_table_of_whole_numbers_is_attacked_in_shares_of_its_ranges() {
    let folder = Folder::new();
    let whole = model(DType::I64, &[4], |graph, x| {
        let x = cast(graph, x, DType::F32);
        vec![linear(graph, x, 2)]
    });
    folder.write("whole.onnx", whole);
    let rows: Vec<String> = (0..24).map(|i| format!("{},{},{},{},{}", i * 37 % 101, i * 53 % 97, i % 3, i * 29 % 89, i % 2)).collect();
    folder.write("rows.csv", format!("a,b,c,d,label\n{}\n", rows.join("\n")));
    let audit = "audit whole.onnx --data rows.csv --norm linf --sanity off --attack pgd:steps=10 --runtime rten";
    let run = folder.run(&format!("{audit} --eps 0.2 --out shares"));
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    let summary = folder.summary("shares");
    assert!(summary["broken"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["allowed"]["features"]["columns"][0]["integer"], true);
    assert!(folder.run("replay shares --runtime rten").expect(0).stdout.contains(" 0 rejected"));
    // A hundredth of a range of 100 is the smallest change there is.
    let refused = folder.run(&format!("{audit} --eps 0.005 --out none")).expect(4);
    assert!(refused.stderr.contains("the smallest possible change is 0.01"), "{}", refused.stderr);
    folder.write("real.toml", "[[feature]]\ncolumns = [0]\ninteger = false\n");
    let run = folder.run(&format!("{audit} --eps 0.2 --config real.toml --out real"));
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    assert_eq!(folder.summary("real")["allowed"]["features"]["columns"][0].get("integer"), None);
}

#[test]
fn names_that_pick_rows_of_a_table_are_attacked_without_gradients() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    folder.write(
        "ids.onnx",
        model(DType::I64, &[4], |graph, ids| {
            let table = constant(graph, vec![256, 2], (0..512u16).map(|i| f32::from(i * 37 % 11) - 5.0).collect());
            let rows = graph.add(Op::Gather { axis: 0 }, &[table, ids]).unwrap();
            let kind = brinell_graph::Reduce::Sum;
            vec![graph.add(Op::Reduce { kind, axes: vec![1], keepdims: false }, &[rows]).unwrap()]
        }),
    );
    let base = "audit ids.onnx --data x.idx --labels 1 --scale 0..255 --norm l0 --eps 2 --sanity off --runtime rten";
    let refused = folder.run(&format!("{base} --attack pgd --out white")).expect(4);
    let refused = if refused.stderr.contains("norm") || refused.stderr.contains("l0") {
        folder.run(&base.replace("l0 --eps 2", "linf --eps 3").replace("--runtime", "--attack pgd --out white --runtime")).expect(4)
    } else {
        refused
    };
    assert!(refused.stderr.contains("Gather") && refused.stderr.contains("embedding"), "{}", refused.stderr);
    let inspected = folder.run("inspect ids.onnx").expect(0).stdout;
    assert!(inspected.contains("differentiable  no") && inspected.contains("embedding"), "{inspected}");
    let run = folder.run(&base.replace("l0 --eps 2", "linf --eps 3").replace("--runtime", "--suite score --out scores --runtime"));
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    assert!(folder.summary("scores")["broken"].as_u64().unwrap() > 0, "{}", run.stdout);
    let flags = |out: &str| folder.summary(out)["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "names-as-amounts");
    assert!(flags("scores"));
    // In L0 names are exchanged, by scores as there is no gradient, and what is kept stays.
    folder.write("rules.toml", "[[feature]]\ncolumns = [\"*\"]\nmin = 0\nmax = 255\ninteger = true\nkeep = [0, 1, 2, 3, 255]\n");
    folder.run(&format!("{base} --config rules.toml --max-queries 300 --out names")).expect(0);
    assert!(!flags("names"));
    let summary = folder.summary("names");
    assert_eq!((summary["stages"].as_array().unwrap().len(), &summary["stages"][0]["name"]), (1, &"sparse-rs".into()));
    assert!(summary["broken"].as_u64().unwrap() > 0 && summary["allowed"]["features"]["columns"][3]["keep"][4] == 255.0, "{summary}");
    assert!(folder.run("replay names --runtime rten").expect(0).stdout.contains(" 0 rejected"));
    // What no row stands for is refused with what to write.
    let refused = folder.run("audit ids.onnx --data x.idx --labels 1 --norm l0 --eps 2 --runtime rten --out small").expect(4);
    for part in ["an embedding with 256 rows", "the range 0..1 does not fit", "max = 255", "keep", "--norm l0", "after its embeddings"] {
        assert!(refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn bfloat16_runs_where_the_runtime_has_it_and_is_refused_by_name_where_not() {
    let folder = Folder::new();
    folder.write("x.idx", idx());
    for (name, dtype) in [("f32", DType::F32), ("bf16", DType::Bf16)] {
        let bytes = model(dtype, &[4], |graph, x| {
            let x = cast(graph, x, DType::F32);
            vec![linear(graph, x, 2)]
        });
        folder.write(&format!("{name}.onnx"), bytes);
    }
    let refused = folder.run(&format!("audit bf16.onnx {BYTES} --runtime rten --out refused")).expect(4);
    assert!(refused.stderr.contains("pixels") && refused.stderr.contains("--runtime"), "{}", refused.stderr);
    let run = folder.run(&format!("audit bf16.onnx {BYTES} --runtime onnxruntime --out bf16"));
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "rten has no bfloat16");
        return;
    }
    audited(run);
    audited(folder.run(&format!("audit f32.onnx {BYTES} --runtime onnxruntime --out f32")));
    let outcomes = |out: &str| folder.record(out).iter().map(|line| line["outcome"].clone()).collect::<Vec<_>>();
    assert_eq!(outcomes("bf16"), outcomes("f32"));
}

/// Ten names that people chose, and ten that nobody would.
const DOMAINS: [&str; 20] = [
    "google",
    "facebook",
    "amazon",
    "wikipedia",
    "github",
    "youtube",
    "microsoft",
    "netflix",
    "stackoverflow",
    "debian",
    "xjwqkzvbnm",
    "qzxkvjwpt3f9",
    "a8f3kd9x2mzq",
    "kqxvzjwnbtrlw",
    "zq9x8c7v6b5n4",
    "wvjxkqzpfhtr",
    "mxlqzkvwrtpb",
    "qwkzxjvbphmt",
    "hzkqxwvjtnrd",
    "xkzqvwjpmnlt",
];

#[test]
fn a_recurrent_model_of_characters_answers_as_in_onnxruntime() {
    let Some(shared) = brinell_testkit::shared_data("") else { return };
    let folder = Folder::new();
    let id = |c: char| if c.is_ascii_digit() { c as u32 - '0' as u32 + 1 } else { c as u32 - 'a' as u32 + 11 };
    let tokens = DOMAINS.iter().flat_map(|name| name.chars().map(id).chain(std::iter::repeat(0)).take(120)).map(|id| id as f32).collect();
    let labels = (0..20).map(|i: u8| f32::from(i / 10)).collect();
    folder.write("names.safetensors", safetensors(&[("tokens", vec![20, 120], tokens), ("y", vec![20], labels)]));
    let model = shared.join("other/dgad_lstm.onnx");
    for runtime in ["rten", "auto"] {
        let arguments = format!(
            "--data names.safetensors --scale 0..255 --norm l0 --eps 2 --sanity off --suite none --runtime {runtime} --out {runtime}"
        );
        folder.run(&format!("audit {} {arguments}", model.display())).expect(0);
        // Python's onnxruntime 1.23 on the same names: all 20 logits have the sign of their label.
        assert_eq!(folder.summary(runtime)["clean_correct"], 20, "{runtime}");
    }
    let refused = folder.run(&format!(
        "audit {} --data names.safetensors --scale 0..255 --norm linf --eps 3 --attack pgd --runtime rten --out white",
        model.display()
    ));
    assert!(refused.expect(4).stderr.contains("embedding"));
}
