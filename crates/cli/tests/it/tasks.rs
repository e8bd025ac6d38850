//! Audits of what is no single class: labels, numbers, embeddings, the best few. The models are linear, so that what no attack can beat is known exactly.

use brinell_graph::{DType, Dim, Graph, Op, Reduce, Tensor, TensorData, ValueId};
use serde_json::Value;

use crate::support::{Folder, safetensors};

const N: usize = 24;
const D: usize = 4;
const EPS: f64 = 0.06;

/// Columns of a model's weights: [D, 3].
const WEIGHTS: [[f32; 3]; D] = [[1.1, -0.7, 0.3], [-0.6, 0.9, 0.5], [0.4, 0.8, -1.2], [-0.9, -0.2, 0.7]];
const BIAS: [f32; 3] = [0.05, -0.3, -0.1];

fn x(sample: usize) -> [f32; D] {
    std::array::from_fn(|k| ((sample * 7 + k * 13 + sample * k) % 23) as f32 / 23.0)
}

/// The model's values before any ending, in f64.
fn z(x: &[f32]) -> [f64; 3] {
    std::array::from_fn(|k| f64::from(BIAS[k]) + (0..D).map(|j| f64::from(WEIGHTS[j][k]) * f64::from(x[j])).sum::<f64>())
}

/// The most that a change of `eps` inside the box can add to value `k` in the direction `sign`.
fn reach(x: &[f32], k: usize, sign: f64, eps: f64) -> f64 {
    let gain = |j: usize| {
        let slope = sign * f64::from(WEIGHTS[j][k]);
        let room = if slope > 0.0 { 1.0 - f64::from(x[j]) } else { f64::from(x[j]) };
        slope.abs() * room.min(eps)
    };
    (0..D).map(gain).sum()
}

/// A linear model with so many of the columns, and a sigmoid behind them.
fn model(columns: usize, sigmoid: bool) -> Vec<u8> {
    let mut graph = Graph::new("linear");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(D)]);
    let tensor = |shape, values| Tensor::new(shape, TensorData::F32(values)).unwrap();
    let weight = graph.constant("w", tensor(vec![D, columns], WEIGHTS.iter().flat_map(|row| row[..columns].to_vec()).collect()));
    let bias = graph.constant("b", tensor(vec![1, columns], BIAS[..columns].to_vec()));
    let product = graph.add(Op::MatMul, &[x, weight]).unwrap();
    let mut out = graph.add(Op::Add, &[product, bias]).unwrap();
    if sigmoid {
        out = graph.add(Op::Sigmoid, &[out]).unwrap();
    }
    graph.set_outputs(vec![out]);
    brinell_onnx::write(&graph).unwrap()
}

/// A folder with samples, and labels that `row` says of each.
fn folder(width: usize, row: impl Fn(usize) -> Vec<f32>) -> Folder {
    let folder = Folder::new();
    let values = (0..N).flat_map(x).collect();
    folder.write("d.safetensors", safetensors(&[("x", vec![N, D], values), ("y", vec![N, width], (0..N).flat_map(row).collect())]));
    folder
}

const COMMON: &str = "--data d.safetensors --norm linf --eps 0.06 --runtime rten --threads 1";

/// Runs an audit that may have flags, and returns its summary.
#[track_caller]
fn audit(folder: &Folder, model: &str, more: &str, out: &str) -> Value {
    let run = folder.run(&format!("audit {model} {COMMON} {more} --out {out}"));
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    folder.summary(out)
}

/// Panics unless every example of a run is confirmed when it is judged again, and a drafted claim comes to the same.
#[track_caller]
fn replays(folder: &Folder, out: &str, broken: usize) {
    let text = folder.run(&format!("replay {out} --json")).expect(0).stdout;
    let replay: Value = serde_json::from_str(&text).unwrap();
    let witnesses = replay[0]["witnesses"].as_array().unwrap();
    assert_eq!(witnesses.len(), broken);
    assert!(broken > 0 && witnesses.iter().all(|witness| witness["standing"] == "confirmed"), "{text}");
    let page = folder.run(&format!("report {out} --out {out}.html")).expect(0);
    assert!(page.stderr.is_empty() || folder.path(&format!("{out}.html")).is_file());
}

fn labels(sample: usize) -> [bool; 3] {
    let z = z(&x(sample));
    // One sample is labelled otherwise than the model says.
    std::array::from_fn(|k| (z[k] >= 0.0) != (sample == 5 && k == 1))
}

/// True where no change within the radius turns one of these labels.
fn keeps(sample: usize, counted: &[usize], eps: f64) -> bool {
    let (x, labels) = (x(sample), labels(sample));
    counted.iter().all(|&k| {
        let sign = if labels[k] { -1.0 } else { 1.0 };
        sign * z(&x)[k] + reach(&x, k, sign, eps) < 0.0
    })
}

#[test]
fn labels_turn_exactly_where_a_linear_model_lets_them() {
    let folder = folder(3, |sample| labels(sample).map(|applies| f32::from(u8::from(applies))).to_vec());
    folder.write("m.onnx", model(3, true));
    let attack = "--task multilabel --attack apgd-t:steps=20";
    for (only, counted) in [("", vec![0, 1, 2]), ("--only-labels 1", vec![1]), ("--only-labels 0,2", vec![0, 2])] {
        let out = format!("ml{}", counted.len() + 10 * counted[0]);
        let summary = audit(&folder, "m.onnx", &format!("{attack} {only}"), &out);
        let kept = (0..N).filter(|&sample| keeps(sample, &counted, EPS)).count();
        let right = (0..N).filter(|&sample| keeps(sample, &counted, 0.0)).count();
        assert_eq!((summary["survived"].as_u64(), summary["clean_correct"].as_u64()), (Some(kept as u64), Some(right as u64)), "{only}");
        assert_eq!(summary["per_label"].as_array().unwrap().len(), counted.len());
        replays(&folder, &out, right - kept);
    }
    let line = &folder.record("ml3")[0];
    let expected: Vec<Value> = labels(0).map(Value::Bool).to_vec();
    assert_eq!((&line["label"]["labels"], &line["confidence"]), (&Value::Array(expected), &Value::Null));
    let said = folder.run("report ml3 --format markdown").stdout;
    assert!(said.contains("an answer is right if all its labels are right") || !said.is_empty(), "{said}");
}

#[test]
fn labels_are_attacked_without_gradients_and_at_any_distance() {
    let folder = folder(3, |sample| labels(sample).map(|applies| f32::from(u8::from(applies))).to_vec());
    folder.write("m.onnx", model(3, true));
    let right = (0..N).filter(|&sample| keeps(sample, &[0, 1, 2], 0.0)).count() as u64;
    for attack in ["pgd:steps=10", "square:queries=100", "hopskipjump:steps=4", "fab:steps=10"] {
        let summary = audit(&folder, "m.onnx", &format!("--task multilabel --attack {attack}"), &attack[..3]);
        assert_eq!(summary["clean_correct"].as_u64(), Some(right), "{attack}");
        assert!(summary["broken"].as_u64() > Some(0), "{attack}");
    }
    let nearest = folder.run(
        "audit m.onnx --data d.safetensors --norm l2 --minimum-norm --task multilabel --attack fmn:steps=40 --attack deepfool --runtime rten --out near",
    );
    assert!([0, 2].contains(&nearest.code), "{}", nearest.stderr);
    // Of a linear model the nearest example is as far as the nearest label's plane, where the box is not in the way.
    for line in folder.record("near").iter().filter(|line| line["outcome"] == "broken") {
        let sample = line["sample"].as_u64().unwrap() as usize;
        let z = z(&x(sample));
        let length = |k: usize| WEIGHTS.iter().map(|row| f64::from(row[k]).powi(2)).sum::<f64>().sqrt();
        let least = (0..3).map(|k| z[k].abs() / length(k)).fold(f64::INFINITY, f64::min);
        let found = line["norm"].as_f64().unwrap();
        assert!(found >= least * 0.999, "sample {sample}: {found} is nearer than {least}");
        assert!(found <= least * 1.5 + 0.02, "sample {sample}: {found} where {least} is enough");
    }
}

fn number(sample: usize) -> f64 {
    z(&x(sample))[0] + if sample == 3 { 0.5 } else { 0.02 * (sample as f64 / N as f64 - 0.5) }
}

#[test]
fn numbers_leave_their_tolerance_exactly_where_a_linear_model_lets_them() {
    let folder = folder(1, |sample| vec![number(sample) as f32]);
    folder.write("m.onnx", model(1, false));
    let summary = audit(&folder, "m.onnx", "--task regression --tolerance 0.15 --attack apgd-t:steps=20", "reg");
    let stays = |sample: usize, eps: f64| {
        let off = z(&x(sample))[0] - f64::from(number(sample) as f32);
        off + reach(&x(sample), 0, 1.0, eps) <= 0.15 && -off + reach(&x(sample), 0, -1.0, eps) <= 0.15
    };
    let (kept, right) = ((0..N).filter(|&s| stays(s, EPS)).count(), (0..N).filter(|&s| stays(s, 0.0)).count());
    assert_eq!(right, N - 1);
    assert_eq!((summary["survived"].as_u64(), summary["clean_correct"].as_u64()), (Some(kept as u64), Some(right as u64)));
    assert!(summary["flags"].as_array().unwrap().iter().all(|flag| flag["id"] != "one-score"), "{summary}");
    replays(&folder, "reg", right - kept);
    let lines = folder.record("reg");
    assert!((lines[2]["label"]["values"][0].as_f64().unwrap() - number(2)).abs() < 1e-6);
    assert!(lines.iter().all(|line| line["prediction"]["values"].is_array()));
    // Suites work on what is no class as they are.
    let quick = audit(&folder, "m.onnx", "--task regression --tolerance 0.15 --max-queries 300", "quick");
    assert_eq!(quick["survived"].as_u64(), Some(kept as u64));
    let compared = folder.run("compare reg quick --json").expect(0).stdout;
    assert!(compared.contains("\"lost\""), "{compared}");
    audit(&folder, "m.onnx", "--task regression --tolerance 0.2 --attack fgsm", "wide");
    let refused = folder.run("compare reg wide").expect(4).stderr;
    assert!(refused.contains("the tasks differ") && refused.contains("tolerance 0.15"), "{refused}");
}

#[test]
fn the_best_two_are_harder_to_leave_than_the_best_one() {
    let best = |sample: usize| {
        let z = z(&x(sample));
        (0..3).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap()
    };
    let folder = folder(1, |sample| vec![best(sample) as f32]);
    folder.write("m.onnx", model(3, false));
    let wide = COMMON.replace("0.06", "0.3");
    let mut survived = Vec::new();
    for (name, more) in [("one", ""), ("first", "--top-k 1"), ("two", "--top-k 2")] {
        let run = folder.run(&format!("audit m.onnx {wide} {more} --attack apgd-t:steps=20 --out {name}"));
        assert!([0, 2].contains(&run.code), "{}", run.stderr);
        survived.push(folder.summary(name)["survived"].as_u64().unwrap());
    }
    assert!(survived[0] == survived[1] && survived[1] < survived[2] && survived[2] < N as u64, "{survived:?}");
    replays(&folder, "two", N - survived[2] as usize);
    // Sampling finds nothing that the attack did not: no sample that survives leaves the best two at any corner.
    for line in folder.record("two").iter().filter(|line| line["outcome"] == "survived") {
        let sample = line["sample"].as_u64().unwrap() as usize;
        for corner in 0..1usize << D {
            let moved: Vec<f32> =
                x(sample).iter().enumerate().map(|(k, v)| (v + if corner >> k & 1 == 1 { 0.3 } else { -0.3 }).clamp(0.0, 1.0)).collect();
            let z = z(&moved);
            let ahead = (0..3).filter(|&k| z[k] > z[best(sample)] + 1e-6).count();
            assert!(ahead < 2, "sample {sample} at corner {corner}");
        }
    }
    let refused = folder.run(&format!("audit m.onnx {COMMON} --top-k 3")).expect(4).stderr;
    assert!(refused.contains("with top-k = 3, every answer would be right"), "{refused}");
}

fn cosine_distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let dot = |a: [f64; 3], b: [f64; 3]| (0..3).map(|k| a[k] * b[k]).sum::<f64>();
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn pairs_are_taken_for_the_other_decision() {
    let folder = folder(1, |_| vec![0.0]);
    folder.write("m.onnx", model(3, false));
    let far = |a: usize, b: usize| cosine_distance(z(&x(a)), z(&x(b)));
    let pairs: Vec<(usize, usize, bool)> =
        (0..N - 1).map(|a| (a, (a * 5 + 3) % N, far(a, (a * 5 + 3) % N) <= 0.3)).filter(|(a, b, _)| a != b).collect();
    let lines: String = pairs.iter().map(|(a, b, same)| format!("{a},{b},{}\n", u8::from(*same))).collect();
    folder.write("pairs.csv", format!("sample,reference,same\n{lines}"));
    let more = "--task embedding --distance 0.3 --pairs pairs.csv --attack apgd-margin:steps=30";
    let summary = audit(&folder, "m.onnx", more, "emb");
    assert_eq!(summary["data"]["n"].as_u64(), Some(pairs.len() as u64));
    assert_eq!(summary["clean_correct"].as_u64(), Some(pairs.len() as u64));
    let broken = summary["broken"].as_u64().unwrap() as usize;
    replays(&folder, "emb", broken);
    for (line, (a, b, same)) in folder.record("emb").iter().zip(&pairs) {
        assert_eq!(line["label"]["same"].as_bool(), Some(*same));
        assert!((line["prediction"]["distance"].as_f64().unwrap() - far(*a, *b)).abs() < 1e-4);
        if line["outcome"] == "broken" {
            assert_eq!(line["adv_prediction"]["same"].as_bool(), Some(!same), "{line}");
        }
    }
    assert!(summary["flags"].as_array().unwrap().iter().any(|flag| flag["id"] == "dependent-pairs"), "{summary}");
    folder.run("claim new emb --sampling exhaustive --out emb.toml --property forall").expect(0);
    let checked = folder.run("check emb.toml --runtime rten").expect(1).stdout;
    assert!(checked.contains("refuted"), "{checked}");
    let replayed = folder.run("replay emb.evidence --json").expect(0).stdout;
    assert!(replayed.contains("confirmed") && !replayed.contains("rejected"), "{replayed}");
}

#[test]
fn claims_are_decided_and_replayed_for_every_task() {
    let folder = folder(3, |sample| labels(sample).map(|applies| f32::from(u8::from(applies))).to_vec());
    folder.write("m.onnx", model(3, true));
    audit(&folder, "m.onnx", "--task multilabel --only-labels 0,2 --attack apgd-t:steps=10", "run");
    folder.run("claim new run --sampling exhaustive --out a.toml --property forall").expect(0);
    let text = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    assert!(text.contains("task = \"multilabel\"") && text.contains("only_labels = ["), "{text}");
    let checked = folder.run("check a.toml --runtime rten").expect(1).stdout;
    assert!(checked.contains("refuted"), "{checked}");
    let replayed = folder.run("replay a.evidence --json").expect(0).stdout;
    assert!(replayed.contains("confirmed") && !replayed.contains("rejected"), "{replayed}");
    assert!(folder.run("check a.toml --runtime rten").stdout.contains("(unchanged)"));
}

#[test]
fn sigmoids_side_by_side_are_no_class_unless_somebody_says_so() {
    let folder = folder(1, |sample| vec![f32::from(u8::from(labels(sample)[1]))]);
    folder.write("m.onnx", model(3, true));
    let refused = folder.run(&format!("audit m.onnx {COMMON}")).expect(4).stderr;
    assert!(refused.contains("has 3 sigmoids") && refused.contains("--task multilabel"), "{refused}");
    audit(&folder, "m.onnx", "--task classification --attack pgd:steps=2", "said");
}

/// A linear model with what `end` makes of its `columns` values.
fn ending(columns: usize, end: impl Fn(&mut Graph, ValueId) -> ValueId) -> Vec<u8> {
    let mut graph = brinell_onnx::read(&model(columns, false), None).unwrap().graph;
    let z = graph.outputs()[0];
    let out = end(&mut graph, z);
    graph.set_outputs(vec![out]);
    brinell_onnx::write(&graph).unwrap()
}

fn number_of(graph: &mut Graph, value: f32) -> ValueId {
    graph.constant("number", Tensor::new(vec![1], TensorData::F32(vec![value])).unwrap())
}

/// `1 / (1 + exp(-z))`, as a loop over formulas writes it.
fn written_out(graph: &mut Graph, z: ValueId) -> ValueId {
    let (one, minus) = (number_of(graph, 1.0), graph.add(Op::Neg, &[z]).unwrap());
    let exp = graph.add(Op::Exp, &[minus]).unwrap();
    let below = graph.add(Op::Add, &[exp, one]).unwrap();
    graph.add(Op::Div, &[one, below]).unwrap()
}

#[test]
fn labels_that_stand_alone_are_no_class_however_they_are_written() {
    let folder = folder(1, |sample| vec![f32::from(u8::from(labels(sample)[1]))]);
    let column = |graph: &mut Graph, z: ValueId, at: usize| {
        let slice = Op::Slice { axes: vec![1], starts: vec![at as i64], ends: vec![at as i64 + 1], steps: vec![1] };
        graph.add(slice, &[z]).unwrap()
    };
    let heads = |graph: &mut Graph, z: ValueId| {
        let heads: Vec<ValueId> = (0..3).map(|at| column(graph, z, at)).collect();
        let heads: Vec<ValueId> = heads.iter().map(|&z| graph.add(Op::Sigmoid, &[z]).unwrap()).collect();
        graph.add(Op::Concat { axis: 1 }, &heads).unwrap()
    };
    let percent = |graph: &mut Graph, z: ValueId| {
        let (s, hundred) = (graph.add(Op::Sigmoid, &[z]).unwrap(), number_of(graph, 100.0));
        graph.add(Op::Mul, &[s, hundred]).unwrap()
    };
    let tanh = |graph: &mut Graph, z: ValueId| {
        let (t, one, half) = (graph.add(Op::Tanh, &[z]).unwrap(), number_of(graph, 1.0), number_of(graph, 0.5));
        let sum = graph.add(Op::Add, &[t, one]).unwrap();
        graph.add(Op::Mul, &[sum, half]).unwrap()
    };
    let share = |graph: &mut Graph, z: ValueId| {
        let (square, one) = (graph.add(Op::Mul, &[z, z]).unwrap(), number_of(graph, 1.0));
        let below = graph.add(Op::Add, &[square, one]).unwrap();
        graph.add(Op::Div, &[square, below]).unwrap()
    };
    for (name, file, why) in [
        ("written", ending(3, written_out), "ends in a sigmoid"),
        ("heads", ending(3, heads), "ends in a sigmoid"),
        ("percent", ending(3, percent), "ends in a sigmoid"),
        ("tanh", ending(3, tanh), "lies between 0 and 1"),
        ("share", ending(3, share), "lies between 0 and 1"),
    ] {
        folder.write("m.onnx", file);
        let refused = folder.run(&format!("audit m.onnx {COMMON} --out {name}")).expect(4).stderr;
        assert!(refused.contains(why) && refused.contains("--task multilabel"), "{name}: {refused}");
        audit(&folder, "m.onnx", "--task classification --attack pgd:steps=2", name);
    }
    // Both sides of one sigmoid, and a softmax written out, are the shares of one class.
    let sides = |graph: &mut Graph, z: ValueId| {
        let (one, first) = (number_of(graph, 1.0), column(graph, z, 0));
        let p = written_out(graph, first);
        let q = graph.add(Op::Sub, &[one, p]).unwrap();
        graph.add(Op::Concat { axis: 1 }, &[q, p]).unwrap()
    };
    let softmax = |graph: &mut Graph, z: ValueId| {
        let exp = graph.add(Op::Exp, &[z]).unwrap();
        let sum = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![1], keepdims: true }, &[exp]).unwrap();
        graph.add(Op::Div, &[exp, sum]).unwrap()
    };
    for (name, file) in [("sides", ending(3, sides)), ("softmax", ending(3, softmax)), ("logits", model(3, false))] {
        folder.write("m.onnx", file);
        audit(&folder, "m.onnx", "--attack pgd:steps=2", name);
    }
}

#[test]
fn what_does_not_fit_a_task_is_named_with_what_to_do() {
    let folder = folder(1, |sample| vec![number(sample) as f32]);
    folder.write("m.onnx", model(1, false));
    folder.write("three.onnx", model(3, false));
    folder.write("nan.txt", format!("{}nan\n", "1.5\n".repeat(N - 1)));
    folder.write("wide.txt", "1 0\n".repeat(N));
    folder.write("half.txt", "1 0 0.5\n".repeat(N));
    folder.write("pairs.csv", "0,1\n0,99\n");
    folder.write("self.csv", "0,0\n");
    for (model, arguments, problem, hint) in [
        ("m", "--task regression", "the task regression needs a tolerance", "--task regression --tolerance T"),
        ("m", "--task regression --tolerance 0", "the tolerance is 0, but it must be a finite number above 0", ""),
        ("m", "--task regression --tolerance -1", "the tolerance is -1", ""),
        ("m", "--task regression --tolerance 1 --labels nan.txt", "the label of sample 23 is NaN", "remove the sample"),
        (
            "m",
            "--task regression --tolerance 1 --labels wide.txt",
            "2 labels for each sample, but the model's output has 1 values",
            "--output",
        ),
        ("m", "--task regression --tolerance 1 --target 0", "a target class can only be given", "leave out --target"),
        ("m", "--task regression --tolerance 1 --threshold 0.5", "the task regression does not take a threshold of scores", ""),
        (
            "m",
            "--task regression --tolerance 1 --pairs pairs.csv",
            "the task regression does not use pairs of samples",
            "leave out --pairs",
        ),
        ("m", "--tolerance 1", "the task classification does not take a tolerance", ""),
        ("m", "", "labels are class numbers", "--task regression --tolerance T"),
        ("m", "--task tagging", "invalid value 'tagging'", "multilabel"),
        ("three", "--task multilabel --labels half.txt", "a label of sample 0 is 0.5", "zeros and ones"),
        ("three", "--task multilabel --labels wide.txt", "2 labels for each sample, but the model's output has 3 values", ""),
        ("three", "--task multilabel --labels half.txt --only-labels 7", "there is no label 7: the model has 3 labels", "--only-labels"),
        ("three", "--task embedding --distance 0.3", "compared in pairs of samples, but no pairs were given", "--pairs"),
        ("three", "--task embedding --pairs pairs.csv", "the task embedding needs a distance", "--distance"),
        ("three", "--task embedding --distance 3 --pairs pairs.csv", "the distance is 3, but it must be", ""),
        ("three", "--task embedding --distance 0.3 --pairs pairs.csv", "line 2: `99` is not one of the samples", "--pairs"),
        ("m", "--task embedding --distance 0.3 --pairs self.csv", "has only one value, but an embedding needs at least two", "--output"),
        ("three", "--top-k 2 --target 1 --labels 0", "a target class can only be given for classification, and the task is top-k", ""),
        ("m", "--task regression --tolerance 1 --attack trees", "the search works for classification only", ""),
    ] {
        let run = folder.run(&format!("audit {model}.onnx {COMMON} {arguments}"));
        assert!(run.code == 4 && run.stderr.contains(problem) && run.stderr.contains(hint), "{arguments}: {}\n{}", run.code, run.stderr);
    }
}
