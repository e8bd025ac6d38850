//! Tables whose columns are inputs of their own: attacked together, matched by name, text as it is.

use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};
use brinell_testkit::{Need, skip};

use crate::support::Folder;

/// What age, pay and zone count for class 1, and what they have to exceed.
const WEIGHTS: [f64; 3] = [0.05, -0.8, 0.5];
const LEAST: f64 = 1.2;

/// A model of the whole number `age`, the number `pay` and, where there is `text`, the zone that its text writes.
fn model(text: bool) -> Vec<u8> {
    let mut graph = Graph::new("columns");
    let column = || vec![Dim::Batch(1), Dim::Fixed(1)];
    let age = graph.input("age", DType::I64, column());
    let zone = text.then(|| graph.input("zone", DType::String, column()));
    let pay = graph.input("pay", DType::F32, column());
    let mut parts = vec![graph.add(Op::Cast { to: DType::F32 }, &[age]).unwrap(), pay];
    parts.extend(zone.map(|zone| graph.add(Op::Cast { to: DType::F32 }, &[zone]).unwrap()));
    let all = graph.add(Op::Concat { axis: 1 }, &parts).unwrap();
    let n = parts.len();
    let weights = WEIGHTS.iter().take(n).flat_map(|w| [0.0, *w as f32]).collect();
    let weights = graph.constant("w", Tensor::new(vec![n, 2], TensorData::F32(weights)).unwrap());
    let offset = graph.constant("b", Tensor::new(vec![1, 2], TensorData::F32(vec![0.0, -LEAST as f32])).unwrap());
    let product = graph.add(Op::MatMul, &[all, weights]).unwrap();
    let logits = graph.add(Op::Add, &[product, offset]).unwrap();
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

/// Age, pay and zone of sixty people.
fn people() -> Vec<[f64; 3]> {
    let part = |i: u32, step: u32, of: u32| f64::from(i * step % of);
    (0..60).map(|i| [18.0 + part(i, 17, 60), part(i, 29, 61) / 16.0, part(i, 7, 3) + 1.0]).collect()
}

fn score(person: &[f64], text: bool) -> f64 {
    person.iter().zip(&WEIGHTS).take(if text { 3 } else { 2 }).map(|(v, w)| v * w).sum::<f64>() - LEAST
}

/// A table in another order than the inputs, with a column that nobody takes; zones are written with a zero in front.
fn table(text: bool) -> String {
    let line = |person: [f64; 3]| {
        let [age, pay, zone] = person;
        format!("{pay},0{zone},note,{age},{}\n", u8::from(score(&person, text) > 0.0))
    };
    "pay,zone,remark,age,label\n".to_owned() + &people().into_iter().map(line).collect::<String>()
}

/// People whose class no change of age, by whole years, and pay within a share of their ranges can turn.
fn standing(eps: f64, text: bool) -> usize {
    let all = people();
    let range = |k: usize| all.iter().map(|p| p[k]).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let stands = |person: &&[f64; 3]| {
        let own = score(*person, text);
        let worst: f64 = (0..2)
            .map(|k| {
                let ((lo, hi), x) = (range(k), person[k]);
                let (mut least, mut most) = (lo.max(x - eps * (hi - lo)), hi.min(x + eps * (hi - lo)));
                if k == 0 {
                    (least, most) = (least.ceil(), most.floor());
                }
                let turn = |v: f64| (v - x) * WEIGHTS[k];
                if own > 0.0 { turn(least).min(turn(most)) } else { turn(least).max(turn(most)) }
            })
            .sum();
        (own + worst > 0.0) == (own > 0.0)
    };
    all.iter().filter(stands).count()
}

#[test]
fn inputs_take_the_columns_of_their_names_and_are_attacked_together() {
    let folder = Folder::new();
    folder.write("model.onnx", model(false));
    folder.write("table.csv", table(false));
    let audit = "audit model.onnx --data table.csv --norm linf --eps 0.1 --runtime rten --attack pgd:steps=30,restarts=2 --sanity off";
    let run = folder.run(&format!("{audit} --out run"));
    let summary = folder.summary("run");
    assert_eq!(summary["clean_correct"], 60, "{}", run.stderr);
    let expected = standing(0.1, false);
    assert!((20..55).contains(&expected), "{expected}");
    assert_eq!(summary["survived"].as_u64(), Some(expected as u64));
    assert_eq!(summary["model"]["interface"]["input"]["name"], "age,pay");
    assert_eq!(summary["model"]["interface"]["parts"][0]["dtype"], "i64");
    assert!(folder.run("replay run").expect(0).stdout.contains("confirmed"));
    // An archive of the run has no columns, and the record says which inputs its values are of.
    let names: Vec<&str> =
        summary["allowed"]["features"]["columns"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, ["age", "pay"]);
    folder.write("short.csv", table(false).replace("pay,", "wage,"));
    let refused = folder.run(&audit.replace("table.csv", "short.csv")).expect(4);
    assert!(
        refused.stderr.contains("columns are missing for these inputs of the model: pay; the columns are wage, zone, remark, age"),
        "{}",
        refused.stderr
    );
    let mean = folder.run(&format!("{audit} --mean 0.5 --out mean")).expect(4);
    assert!(mean.stderr.contains("mean cannot be used here: the model's inputs age,pay take the columns"), "{}", mean.stderr);
}

#[test]
fn text_stays_as_it_is_unless_a_rule_lets_it_be_exchanged() {
    let folder = Folder::new();
    folder.write("model.onnx", model(true));
    folder.write("table.csv", table(true));
    let audit = "audit model.onnx --data table.csv --norm linf --eps 0.1 --sanity off --max-queries 2000 --attack square";
    let refused = folder.run(&format!("{audit} --runtime rten --out rten")).expect(4);
    assert!(refused.stderr.contains("does not support the type"), "{}", refused.stderr);
    let run = folder.run(&format!("{audit} --runtime onnxruntime --out run"));
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "text needs it");
        return;
    }
    let run = run.expect(0);
    let summary = folder.summary("run");
    assert_eq!(summary["clean_correct"], 60, "{}", run.stderr);
    assert_eq!(summary["survived"].as_u64(), Some(standing(0.1, true) as u64));
    folder.run("replay run").expect(0);
    // In L0 a rule lets a zone become another one of the data.
    folder.write(
        "rules.toml",
        "[[feature]]\ncolumns = [\"age\", \"pay\"]\nchange = \"none\"\n[[feature]]\ncolumns = [\"zone\"]\nchange = \"any\"\n",
    );
    let exchange =
        "audit model.onnx --data table.csv --config rules.toml --sanity off --runtime onnxruntime --attack sparse-rs:queries=200";
    folder.run(&format!("{exchange} --norm l0 --eps 1 --out zones")).expect(0);
    let stands = |person: &[f64; 3]| {
        let other = |zone: f64| score(&[person[0], person[1], zone], true) > 0.0;
        [1.0, 2.0, 3.0].into_iter().all(|zone| other(zone) == (score(person, true) > 0.0))
    };
    let expected = people().iter().filter(|person| stands(person)).count();
    assert!(expected < 60);
    assert_eq!(folder.summary("zones")["survived"].as_u64(), Some(expected as u64));
    let amounts = folder.run(&format!("{audit} --runtime onnxruntime --config rules.toml --out amounts")).expect(4);
    assert!(amounts.stderr.contains("only the norm l0 can measure a change of names"), "{}", amounts.stderr);
}

#[test]
fn settings_for_a_table_are_written_and_run() {
    let folder = Folder::new();
    folder.write("model.onnx", model(false));
    folder.write("table.csv", table(false));
    folder.run("init model.onnx").expect(0);
    let text = std::fs::read_to_string(folder.path("brinell.toml")).unwrap();
    assert!(text.contains("with the columns age, pay") && text.contains("scale = \"data\""), "{text}");
    folder.write("brinell.toml", text.replace("data = \"\"", "data = \"table.csv\"\nruntime = \"rten\""));
    folder.run("audit --attack pgd:steps=3 --sanity off --out run").expect(0);
    assert_eq!(folder.summary("run")["clean_correct"], 60);
}

#[test]
fn columns_stand_in_the_order_of_the_features_that_the_metadata_list() {
    let mut graph = Graph::new("named");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
    let weights = WEIGHTS.iter().take(2).flat_map(|w| [0.0, *w as f32]).collect();
    let weights = graph.constant("w", Tensor::new(vec![2, 2], TensorData::F32(weights)).unwrap());
    let offset = graph.constant("b", Tensor::new(vec![1, 2], TensorData::F32(vec![0.0, -LEAST as f32])).unwrap());
    let product = graph.add(Op::MatMul, &[x, weights]).unwrap();
    let logits = graph.add(Op::Add, &[product, offset]).unwrap();
    graph.output(logits);
    let mut bytes = brinell_onnx::write(&graph).unwrap();
    // Field 14 of a model is a list of keys (field 1) and values (field 2).
    let text = |field: u8, text: &str| [&[field << 3 | 2, text.len() as u8][..], text.as_bytes()].concat();
    let entry = [text(1, "feature_names"), text(2, "[\"age\", \"pay\"]")].concat();
    bytes.extend([&[14 << 3 | 2, entry.len() as u8][..], &entry].concat());
    let folder = Folder::new();
    folder.write("model.onnx", bytes);
    folder.write("table.csv", table(false));
    folder
        .run("audit model.onnx --data table.csv --norm linf --eps 0.1 --runtime rten --attack pgd:steps=5 --sanity off --out run")
        .expect(0);
    let summary = folder.summary("run");
    assert_eq!(summary["clean_correct"], 60);
    let notes = summary["flags"].as_array().unwrap().iter().find(|flag| flag["id"] == "data-notes").unwrap();
    assert!(notes["message"].as_str().unwrap().contains("were put in the order of the model's features"), "{notes}");
}

#[test]
fn a_number_that_single_precision_moves_over_a_threshold_is_an_error() {
    // Class 1 where x <= 0.3, in double precision; the single-precision number next to 0.3 lies above it.
    let mut graph = Graph::new("threshold");
    let x = graph.input("x", DType::F64, vec![Dim::Batch(1), Dim::Fixed(1)]);
    let limit = graph.constant("limit", Tensor::new(vec![1, 1], TensorData::F64(vec![0.3])).unwrap());
    let below = graph.add(Op::Compare(brinell_graph::Compare::LessOrEqual), &[x, limit]).unwrap();
    let below = graph.add(Op::Cast { to: DType::F32 }, &[below]).unwrap();
    let sides = graph.constant("sides", Tensor::new(vec![1, 2], TensorData::F32(vec![-1.0, 1.0])).unwrap());
    let scores = graph.add(Op::MatMul, &[below, sides]).unwrap();
    let offset = graph.constant("offset", Tensor::new(vec![1, 2], TensorData::F32(vec![0.5, -0.5])).unwrap());
    let logits = graph.add(Op::Add, &[scores, offset]).unwrap();
    graph.output(logits);
    let folder = Folder::new();
    folder.write("model.onnx", brinell_onnx::write(&graph).unwrap());
    let audit = "audit model.onnx --norm linf --eps 0.01 --runtime onnxruntime --sanity off --suite score --max-queries 5";
    folder.write("beside.csv", "x,label\n0.125,1\n0.25,1\n0.5,0\n0.7,0\n");
    let run = folder.run(&format!("{audit} --data beside.csv --out beside"));
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "rten computes in single precision");
        return;
    }
    run.expect(0);
    folder.write("on.csv", "x,label\n0.125,1\n0.3,1\n0.5,0\n0.7,0\n");
    let refused = folder.run(&format!("{audit} --data on.csv --out on")).expect(4);
    assert!(
        refused.stderr.contains("when sample 1 is rounded to single precision, the answer changes from class 1 to class 0"),
        "{}",
        refused.stderr
    );
}

#[test]
fn missing_values_stay_where_a_model_replaces_them_before_anything_else() {
    let (w, bias, imputed, eps) = ([1.5f32, -1.0], -0.2f32, [0.4f32, 0.6], 0.08f32);
    let mut graph = Graph::new("imputed");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
    let values = |values: Vec<f32>, shape: Vec<usize>| Tensor::new(shape, TensorData::F32(values)).unwrap();
    let fill = graph.constant("fill", values(imputed.to_vec(), vec![2]));
    let missing = graph.add(Op::IsNaN, &[x]).unwrap();
    let filled = graph.add(Op::Where, &[missing, fill, x]).unwrap();
    let weights = graph.constant("weights", values(vec![0.0, w[0], 0.0, w[1]], vec![2, 2]));
    let product = graph.add(Op::MatMul, &[filled, weights]).unwrap();
    let bias_row = graph.constant("bias", values(vec![0.0, bias], vec![2]));
    let z = graph.add(Op::Add, &[product, bias_row]).unwrap();
    graph.set_outputs(vec![z]);
    let folder = Folder::new();
    folder.write("m.onnx", brinell_onnx::write(&graph).unwrap());
    let row =
        |i: usize| [(!i.is_multiple_of(5)).then_some(((i * 7) % 23) as f32 / 23.0), (i % 10 != 3).then_some(((i * 11) % 19) as f32 / 19.0)];
    // What the most harmful change makes of it: what is missing is not filled.
    let score = |i: usize, by: f32| {
        let part = |k: usize| row(i)[k].map_or(w[k] * imputed[k], |v| w[k] * (v + by * w[k].signum()).clamp(0.0, 1.0));
        part(0) + part(1) + bias
    };
    let class = |i: usize| score(i, 0.0) > 0.0;
    let cell = |value: Option<f32>| value.map_or(String::new(), |value| value.to_string());
    let lines: String = (0..40).map(|i| format!("{},{},{}\n", cell(row(i)[0]), cell(row(i)[1]), u8::from(class(i)))).collect();
    folder.write("t.csv", format!("a,b,label\n{lines}"));
    folder.run("audit m.onnx --data t.csv --scale 0..1 --norm linf --eps 0.08 --runtime rten --attack pgd:steps=40 --out run").expect(0);
    let survive = (0..40).filter(|&i| if class(i) { score(i, -eps) > 0.0 } else { score(i, eps) <= 0.0 }).count();
    let summary = folder.summary("run");
    assert_eq!((&summary["clean_correct"], &summary["survived"]), (&40.into(), &survive.into()));
    assert!(survive < 40 && survive > 10);
}
