//! Models behind an address give the verdicts of the file, and what a server does wrong is reported.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

mod http;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use brinell::claims::{ReplayOptions, replay};
use brinell::record::{SampleRecord, Standing};
use brinell::runs::Completed;
use brinell::{
    Artefact, AuditError, Effort, Job, Knowledge, Norm, Population, Question, Running, RuntimeChoice, SanityLevel, Scale, Silent,
    SubjectError, Threat, audit,
};
use brinell_engine::{Session, View};
use serde_json::{Value, json};

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo").join(name)
}

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    /// With probabilities, in nested lists.
    Softmax,
    /// Two of three times too busy.
    Busy,
    /// With a refusal in its own words.
    Refusing,
    /// With an answer that lacks the output.
    Empty,
    /// As it is; it says no sizes of the input.
    Free,
    /// With the rows of several samples in reverse.
    Reversed,
    /// With each sample's numbers moved by how many others there are.
    Mixing,
    /// With another list of versions each time.
    Restless,
    /// Honestly at first, and with the rows of several samples in reverse from its twentieth answer on.
    Turning,
}

/// Serves the demo's model at the returned address for as long as the test runs.
fn serve(manner: Manner) -> String {
    let runtime = brinell_engine::open(&Running::on(RuntimeChoice::Rten)).unwrap();
    let session = Mutex::new(runtime.compile_file(&demo("ordinary.onnx")).unwrap());
    let asked = AtomicUsize::new(0);
    format!("{}/v2/models/ordinary", http::serve(move |first, body| reply(first, body, manner, &session, &asked)))
}

fn reply(first: &str, body: &[u8], manner: Manner, session: &Mutex<Box<dyn Session>>, asked: &AtomicUsize) -> (u16, Value) {
    if first.starts_with("GET /v2/models/ordinary ") {
        let tensor = |name: &str, shape: &[i64]| json!({"name": name, "datatype": "FP32", "shape": shape});
        let sizes = if manner == Manner::Free { [-1; 4] } else { [-1, 1, 28, 28] };
        let (inputs, outputs) = ([tensor("input", &sizes)], [tensor("logits", &[-1, 10])]);
        let versions = if manner == Manner::Restless { asked.load(Ordering::Relaxed) } else { 1 };
        return (
            200,
            json!({"name": "ordinary", "versions": [versions.to_string()], "platform": "test", "inputs": inputs, "outputs": outputs}),
        );
    }
    if !first.starts_with("POST /v2/models/ordinary/infer ") {
        return (404, json!({"error": "no such model here"}));
    }
    let number = asked.fetch_add(1, Ordering::Relaxed);
    match manner {
        Manner::Busy if number % 3 != 2 => return (503, json!({"error": "too busy"})),
        Manner::Refusing => return (400, json!({"error": "no thanks"})),
        Manner::Empty => return (200, json!({"outputs": []})),
        _ => {}
    }
    let question: Value = serde_json::from_slice(body).unwrap();
    let input = &question["inputs"][0];
    let x: Vec<f32> = input["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    let shape: Vec<usize> = serde_json::from_value(input["shape"].clone()).unwrap();
    let mut session = session.lock().unwrap();
    let name = session.inputs()[0].name.clone();
    let mut rows: Vec<Vec<f64>> = Vec::new();
    // One row at a time, as the referee asks a file.
    for row in x.chunks_exact(784) {
        let shape: Vec<usize> = std::iter::once(1).chain(shape[1..].iter().copied()).collect();
        session
            .run(&[(&name, View::f32(&shape, row))], &mut |_, view| {
                rows.push(view.data.as_f32().unwrap().iter().map(|&z| f64::from(z)).collect());
            })
            .unwrap();
    }
    if manner == Manner::Softmax {
        for row in &mut rows {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|z| (z - top).exp()).sum();
            row.iter_mut().for_each(|z| *z = (*z - top).exp() / sum);
        }
    }
    match manner {
        Manner::Reversed => rows.reverse(),
        Manner::Turning if number >= 20 => rows.reverse(),
        Manner::Mixing => {
            let others = rows.len() as f64 - 1.0;
            rows.iter_mut().for_each(|row| row[0] += 100.0 * others);
        }
        _ => {}
    }
    let data = if manner == Manner::Softmax { json!(rows) } else { json!(rows.concat()) };
    (200, json!({"model_name": "ordinary", "outputs": [{"name": "logits", "datatype": "FP32", "shape": [rows.len(), 10], "data": data}]}))
}

/// Numbers of a model of three classes: how much each of four values counts for each.
const WEIGHTS: [[f32; 3]; 4] = [[0.5, -0.25, 0.0], [-0.5, 0.25, 0.125], [0.25, 0.5, -0.5], [0.0, -0.5, 0.25]];

/// Serves `scores = gain * (image * WEIGHTS + bias)` behind a first output that is no score, where `image` is of a type as the protocol calls it. What does
/// not fit the types that were declared is refused.
fn serve_several(datatype: &'static str) -> String {
    let tensor = |name: &str, datatype: &str, shape: &[i64]| json!({"name": name, "datatype": datatype, "shape": shape});
    let metadata = json!({
        "name": "several",
        "platform": "test",
        "inputs": [tensor("bias", "FP32", &[-1, 3]), tensor("image", datatype, &[-1, 4]), tensor("gain", "INT64", &[1]), tensor("on", "BOOL", &[1])],
        "outputs": [tensor("words", "BYTES", &[-1, 1]), tensor("scores", "FP64", &[-1, 3])],
    });
    let reply = move |first: &str, body: &[u8]| {
        if first.starts_with("GET ") {
            return (200, metadata.clone());
        }
        let question: Value = serde_json::from_slice(body).unwrap();
        if question["outputs"] != json!([{"name": "scores"}]) {
            return (400, json!({"error": "asked for something else than scores"}));
        }
        let input = |name: &str| question["inputs"].as_array().unwrap().iter().find(|input| input["name"] == name).unwrap().clone();
        let data = |name: &str| input(name)["data"].as_array().unwrap().clone();
        let (image, bias, gain, on) = (data("image"), data("bias"), data("gain"), data("on"));
        let whole = datatype.contains("INT");
        let fits = |value: &Value| match datatype {
            "FP16" => half::f16::from_f64(value.as_f64().unwrap()).to_f64() == value.as_f64().unwrap(),
            _ => value.is_i64() == whole || value.is_u64() == whole,
        };
        if input("image")["datatype"] != datatype || !image.iter().all(fits) || !gain[0].is_i64() || on != [json!(true)] {
            return (400, json!({"error": "numbers of another type"}));
        }
        let number = |value: &Value| value.as_f64().unwrap();
        let mut scores = Vec::new();
        for (x, bias) in image.chunks(4).zip(bias.chunks(3)) {
            for (class, bias) in bias.iter().enumerate() {
                let sum: f64 = x.iter().zip(&WEIGHTS).map(|(x, weights)| number(x) * f64::from(weights[class])).sum();
                scores.push(number(&gain[0]) * (sum + number(bias)));
            }
        }
        let words = json!({"name": "words", "datatype": "BYTES", "shape": [image.len() / 4, 1], "data": ["a", "b"]});
        (200, json!({"outputs": [words, {"name": "scores", "datatype": "FP64", "shape": [image.len() / 4, 3], "data": scores}]}))
    };
    format!("{}/v2/models/several", http::serve(reply))
}

fn ask(model: impl Into<PathBuf>) -> Question {
    Question {
        artefact: Artefact::of(model),
        population: Population { data: demo("images.idx3-ubyte"), n: Some(12), ..Population::default() },
        threat: Threat { norm: Norm::Linf, eps: "0.1".parse().unwrap(), ..Threat::default() },
        effort: Effort { max_queries: Some(60), sanity: SanityLevel::Off, ..Effort::default() },
        running: Running::on(RuntimeChoice::Rten),
    }
}

fn run(question: &Question, out: &Path) -> Result<Completed, AuditError> {
    let job = Job { out: out.to_path_buf(), ..Job::default() };
    audit(question, &job, &AtomicBool::new(false), &mut Silent)
}

/// Everything of an error and its causes.
fn words(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(|error| format!("{error}; ")).collect()
}

#[test]
fn an_address_gives_the_verdicts_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut question = ask(demo("ordinary.onnx"));
    question.threat.knowledge = Some(Knowledge::Score);
    let file = run(&question, &folder.path().join("file")).unwrap();
    let behind = run(&ask(serve(Manner::Honest)), &folder.path().join("behind")).unwrap();
    assert!(behind.summary.broken > 0);
    assert_eq!(behind.summary.suite, "score");
    let ids: Vec<&str> = behind.summary.flags.iter().map(|flag| flag.id.as_str()).collect();
    assert!(ids.contains(&"no-gradient") && ids.contains(&"endpoint"), "{ids:?}");
    for (one, other) in file.samples.iter().zip(&behind.samples) {
        let facts =
            |line: &SampleRecord| (line.prediction.clone(), line.outcome, line.attack.clone(), line.forwards, line.norm.map(f64::to_bits));
        assert_eq!(facts(one), facts(other), "sample {}", one.sample);
    }
}

#[test]
fn sizes_that_a_server_leaves_free_are_those_of_the_data_or_said() {
    let folder = tempfile::tempdir().unwrap();
    let honest = run(&ask(serve(Manner::Honest)), &folder.path().join("honest")).unwrap();
    let address = serve(Manner::Free);
    let sized = |shape: Option<Vec<usize>>| Question { artefact: Artefact { shape, ..Artefact::of(&address) }, ..ask(&address) };
    let outcomes = |completed: &Completed| completed.samples.iter().map(|line| (line.outcome, line.forwards)).collect::<Vec<_>>();
    for (shape, out) in [(None, "by the data"), (Some(vec![1, 28, 28]), "said")] {
        let out = folder.path().join(out);
        let completed = run(&sized(shape), &out).unwrap();
        assert_eq!(outcomes(&completed), outcomes(&honest), "{}", out.display());
        let interface = completed.summary.model.interface.unwrap();
        assert_eq!(interface.shape.as_deref(), Some(&[1, 28, 28][..]));
        let replay = replay(&out, &ReplayOptions::default(), &AtomicBool::new(false)).unwrap();
        assert!(!replay[0].witnesses.is_empty());
    }
    assert!(
        words(&run(&sized(Some(vec![28, 28])), &folder.path().join("wrong")).err().unwrap())
            .contains("does not fit samples of shape [28, 28]")
    );
}

#[test]
fn answers_in_probabilities_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let behind = run(&ask(serve(Manner::Softmax)), &folder.path().join("run")).unwrap();
    let ids: Vec<&str> = behind.summary.flags.iter().map(|flag| flag.id.as_str()).collect();
    assert!(ids.contains(&"softmax-output") && !ids.contains(&"hidden-softmax"), "{ids:?}");
    assert!(behind.summary.broken > 0);
}

#[test]
fn rows_that_are_not_the_samples_are_not_taken_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let error = words(&run(&ask(serve(Manner::Reversed)), &folder.path().join("reversed")).err().unwrap());
    assert!(error.contains("2 samples in one request") && error.contains("in another order"), "{error}");
    let few = |manner: Manner, out: &str| {
        let mut question = ask(serve(manner));
        (question.population.n, question.effort.max_queries) = (Some(2), Some(4));
        run(&question, &folder.path().join(out)).unwrap()
    };
    let (mixing, honest) = (few(Manner::Mixing, "mixing"), few(Manner::Honest, "honest"));
    assert!(mixing.summary.flags.iter().any(|flag| flag.id == "fixed-batch"), "they are sent one by one");
    assert_eq!(mixing.samples, honest.samples);
}

#[test]
fn a_server_that_mixes_up_its_answers_later_on_blocks_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let mut question = ask(serve(Manner::Turning));
    question.effort.max_queries = Some(30);
    let completed = run(&question, &folder.path().join("run")).unwrap();
    let flag = completed.summary.flags.iter().find(|flag| flag.id == "answers-differ").unwrap();
    assert_eq!(flag.severity, brinell::record::Severity::Blocking);
    let mut question = ask(serve(Manner::Honest));
    question.effort.max_queries = Some(30);
    let honest = run(&question, &folder.path().join("honest")).unwrap();
    assert!(honest.summary.flags.iter().all(|flag| flag.id != "answers-differ"));
}

#[test]
fn a_server_that_says_something_else_of_its_model_at_the_end_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&ask(serve(Manner::Restless)), &folder.path().join("run")).err().unwrap();
    assert!(matches!(error, AuditError::Subject(SubjectError::Changed { .. })), "{error}");
}

#[test]
fn no_password_in_an_address_is_taken_or_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(Manner::Honest);
    for prefix in ["http://ann:hunter2@", "ftp://ann:hunter2@"] {
        let out = folder.path().join("run");
        let address = address.replace("http://", prefix);
        let audited = words(&run(&ask(&address), &out).err().unwrap());
        let inspected = words(&brinell::inspect(&Artefact::of(&address)).err().unwrap());
        assert!(!audited.contains("hunter2") && !inspected.contains("hunter2"), "{audited} {inspected}");
        assert!(audited.contains("address") && inspected.contains("address") && !out.exists());
    }
}

#[test]
fn an_address_is_inspected_like_a_file() {
    let inspection = brinell::inspect(&Artefact::of(serve(Manner::Honest))).unwrap();
    assert_eq!((inspection.classes, inspection.differentiable), (Some(10), false));
    assert_eq!(inspection.inputs[0].name, "input");
}

#[test]
fn a_busy_server_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let few = |manner: Manner, out: &str| {
        let mut question = ask(serve(manner));
        (question.population.n, question.effort.max_queries) = (Some(2), Some(4));
        run(&question, &folder.path().join(out)).unwrap()
    };
    let (busy, calm) = (few(Manner::Busy, "busy"), few(Manner::Honest, "calm"));
    assert_eq!(busy.samples, calm.samples);
}

#[test]
fn what_a_server_does_wrong_is_said_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    for (address, expected) in [
        (serve(Manner::Refusing), "status 400: no thanks"),
        (serve(Manner::Empty), "does not contain the output `logits`"),
        (serve(Manner::Honest).replace("ordinary", "other"), "status 404: no such model here"),
        (serve(Manner::Honest).replace("/v2/models/ordinary", ""), "http://HOST/v2/models/NAME"),
        ("http://127.0.0.1:1/v2/models/m".to_owned(), "127.0.0.1:1"),
    ] {
        let out = folder.path().join("run");
        let error = words(&run(&ask(&address), &out).err().unwrap());
        assert!(error.contains(expected), "{address}: {error}");
        assert!(!out.exists(), "nothing is written before the model has answered");
    }
}

/// Ten samples of the model with several inputs in an archive.
fn several(folder: &Path) -> PathBuf {
    let npy = |descr: &str, shape: &str, values: &[u8]| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), values].concat()
    };
    let image: Vec<u8> = (0..40u32).map(|i| (i * 37 % 23) as u8).collect();
    let bias: Vec<f32> = (0..30).map(|i| (i % 7) as f32 / 4.0).collect();
    let labels: Vec<u8> = image
        .chunks(4)
        .zip(bias.chunks(3))
        .map(|(x, bias)| {
            let score = |class: usize| x.iter().zip(&WEIGHTS).map(|(&x, weights)| f32::from(x) * weights[class]).sum::<f32>() + bias[class];
            (0..3u8).max_by(|&a, &b| score(a.into()).total_cmp(&score(b.into()))).unwrap()
        })
        .collect();
    let bias: Vec<u8> = bias.iter().flat_map(|v| v.to_le_bytes()).collect();
    let entries = [
        ("image", npy("|u1", "(10, 4)", &image)),
        ("bias", npy("<f4", "(10, 3)", &bias)),
        ("gain", npy("<i8", "(1,)", &2i64.to_le_bytes())),
        ("on", npy("|b1", "(1,)", &[1])),
        ("y", npy("|u1", "(10,)", &labels)),
    ];
    let path = folder.join("several.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in entries {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    archive.finish().unwrap();
    path
}

#[test]
fn several_inputs_of_any_type_and_an_output_by_name_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = several(folder.path());
    let mut found = Vec::new();
    for datatype in ["FP32", "FP64", "FP16", "UINT8", "INT32", "INT64"] {
        let address = serve_several(datatype);
        let mut question = ask(&address);
        let ports = Artefact { input: Some("image".to_owned()), output: Some("scores".to_owned()), ..Artefact::of(&address) };
        question.artefact = Artefact { scale: Some(Scale::Byte), ..ports };
        question.population = Population { data: data.clone(), ..Population::default() };
        question.threat.eps = "3".parse().unwrap();
        let out = folder.path().join(datatype);
        let completed = run(&question, &out).unwrap();
        assert_eq!((completed.summary.clean_correct, completed.summary.data.n), (10, 10), "{datatype}");
        assert!(completed.summary.broken > 3, "{datatype}: {}", completed.summary.broken);
        let replay = replay(&out, &ReplayOptions::default(), &AtomicBool::new(false));
        let witnesses = &replay.unwrap()[0].witnesses;
        assert!(witnesses.iter().all(|witness| witness.standing == Standing::Confirmed), "{datatype}");
        found.push(completed.samples);
    }
    let outcomes = |samples: &[SampleRecord]| samples.iter().map(|line| line.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(&found[0]), outcomes(&found[1]));
    assert_eq!(outcomes(&found[4]), outcomes(&found[5]));
}

#[test]
fn what_cannot_be_asked_behind_an_address_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = several(folder.path());
    let named = |input: Option<&str>, output: Option<&str>| {
        let mut question = ask(serve_several("FP32"));
        (question.artefact.input, question.artefact.output) = (input.map(str::to_owned), output.map(str::to_owned));
        question.population.data.clone_from(&data);
        words(&run(&question, &folder.path().join("run")).err().unwrap())
    };
    assert!(named(None, None).contains("the model has 4 inputs"));
    // Without a name the first output with scores decides.
    let text = named(Some("image"), Some("words"));
    assert!(text.contains("`words` contains String"), "{text}");
    assert!(named(Some("picture"), None).contains("no input `picture`"));
}
