//! Models behind an address give the verdicts of the file, and what a server does wrong is reported.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use brinell_engine::{RuntimeChoice, RuntimeSettings, Session, View};
use brinell_protocol::data::Scale;
use brinell_protocol::{Completed, Knowledge, Plan, PreprocessOptions, ProtocolError, SanityLevel, Silent, audit};
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
}

/// Serves the demo's model at the returned address for as long as the test runs.
fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v2/models/ordinary", listener.local_addr().unwrap());
    let runtime = brinell_engine::open(RuntimeChoice::Rten, &RuntimeSettings::default()).unwrap();
    let session = Arc::new(Mutex::new(runtime.compile_file(&demo("ordinary.onnx")).unwrap()));
    let asked = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (session, asked) = (Arc::clone(&session), Arc::clone(&asked));
            std::thread::spawn(move || while answer(&stream, manner, &session, &asked).is_some() {});
        }
    });
    address
}

/// Answers one request; `None` once the client has gone.
fn answer(stream: &TcpStream, manner: Manner, session: &Mutex<Box<dyn Session>>, asked: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|&n| n > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, value) = reply(&first, &body, manner, session, asked);
    let text = value.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
    (&*stream).write_all((head + &text).as_bytes()).ok()
}

fn reply(first: &str, body: &[u8], manner: Manner, session: &Mutex<Box<dyn Session>>, asked: &AtomicUsize) -> (u16, Value) {
    if first.starts_with("GET /v2/models/ordinary ") {
        let tensor = |name: &str, shape: &[i64]| json!({"name": name, "datatype": "FP32", "shape": shape});
        let (inputs, outputs) = ([tensor("input", &[-1, 1, 28, 28])], [tensor("logits", &[-1, 10])]);
        return (200, json!({"name": "ordinary", "versions": ["1"], "platform": "test", "inputs": inputs, "outputs": outputs}));
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
    let data = if manner == Manner::Softmax { json!(rows) } else { json!(rows.concat()) };
    (200, json!({"model_name": "ordinary", "outputs": [{"name": "logits", "datatype": "FP32", "shape": [rows.len(), 10], "data": data}]}))
}

fn plan(model: impl Into<PathBuf>, out: &Path) -> Plan {
    Plan {
        model: model.into(),
        interface: brinell_engine::Interface::default(),
        data: demo("images.idx3-ubyte"),
        labels: None,
        classes: None,
        scale: Scale::Unit,
        preprocess: PreprocessOptions::default(),
        norm: "linf".parse().unwrap(),
        eps: "0.1".parse().unwrap(),
        target: None,
        suite: "quick".to_owned(),
        attacks: Vec::new(),
        knowledge: None,
        unit: None,
        features: Vec::new(),
        limit: Some(12),
        seed: 0,
        batch: None,
        max_queries: Some(60),
        keep_going: false,
        sanity: SanityLevel::Off,
        runtime: RuntimeChoice::Rten,
        settings: RuntimeSettings::default(),
        out: out.to_path_buf(),
        resume: false,
        command: String::new(),
    }
}

fn run(plan: &Plan) -> Result<Completed, ProtocolError> {
    audit(plan, &AtomicBool::new(false), &mut Silent)
}

/// Everything of an error and its causes.
fn words(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(|error| format!("{error}; ")).collect()
}

#[test]
fn an_address_gives_the_verdicts_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = run(&Plan { knowledge: Some(Knowledge::Score), ..plan(demo("ordinary.onnx"), &folder.path().join("file")) }).unwrap();
    let behind = run(&plan(serve(Manner::Honest), &folder.path().join("behind"))).unwrap();
    assert!(behind.summary.broken > 0);
    assert_eq!(behind.summary.suite, "score");
    let ids: Vec<&str> = behind.summary.flags.iter().map(|flag| flag.id.as_str()).collect();
    assert!(ids.contains(&"no-gradient") && ids.contains(&"endpoint"), "{ids:?}");
    for (one, other) in file.samples.iter().zip(&behind.samples) {
        let facts = |line: &brinell_record::SampleRecord| {
            (line.prediction, line.outcome, line.attack.clone(), line.forwards, line.norm.map(f64::to_bits))
        };
        assert_eq!(facts(one), facts(other), "sample {}", one.sample);
    }
}

#[test]
fn answers_in_probabilities_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let behind = run(&plan(serve(Manner::Softmax), &folder.path().join("run"))).unwrap();
    let ids: Vec<&str> = behind.summary.flags.iter().map(|flag| flag.id.as_str()).collect();
    assert!(ids.contains(&"softmax-output") && !ids.contains(&"hidden-softmax"), "{ids:?}");
    assert!(behind.summary.broken > 0);
}

#[test]
fn a_busy_server_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let busy = run(&Plan { limit: Some(2), max_queries: Some(4), ..plan(serve(Manner::Busy), &folder.path().join("busy")) }).unwrap();
    let calm = run(&Plan { limit: Some(2), max_queries: Some(4), ..plan(serve(Manner::Honest), &folder.path().join("calm")) }).unwrap();
    assert_eq!(busy.samples, calm.samples);
}

#[test]
fn what_a_server_does_wrong_is_said_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    for (address, expected) in [
        (serve(Manner::Refusing), "status 400: no thanks"),
        (serve(Manner::Empty), "lacks the output `logits`"),
        (serve(Manner::Honest).replace("ordinary", "other"), "status 404: no such model here"),
        (serve(Manner::Honest).replace("/v2/models/ordinary", ""), "http://HOST/v2/models/NAME"),
        ("http://127.0.0.1:1/v2/models/m".to_owned(), "127.0.0.1:1"),
    ] {
        let out = folder.path().join("run");
        let error = words(&run(&plan(&address, &out)).err().unwrap());
        assert!(error.contains(expected), "{address}: {error}");
        assert!(!out.exists(), "nothing is written before the model has answered");
    }
}
