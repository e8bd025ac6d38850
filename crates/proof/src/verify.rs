//! Properties in VNN-LIB: read, decided, and answered as the standard wants it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use brinell_certify::{Declared, Limits, Network, Query, Reason, Verdict, decide};
use brinell_engine::{Elements, Running, View};
use brinell_record::FileError;
use brinell_subject::{known, read_model};

use crate::ProofError;
use crate::prover::free_memory;

/// The answer to a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It can be violated, by this assignment.
    Sat(Assignment),
    /// It cannot.
    Unsat,
    /// Not known.
    Unknown,
    /// Not known when the time was over.
    TimedOut,
}

/// Inputs that violate a property, and the outputs that the original file gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The inputs, which the file was given as f32.
    pub x: Vec<f64>,
    /// The outputs.
    pub y: Vec<f64>,
}

/// An answer, and the network as the property declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// None in VNN-LIB 1.0.
    pub declared: Option<Declared>,
}

impl Answer {
    /// Returns the verdict in one word, as VNN-COMP has it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sat(_) => "sat",
            Self::Unsat => "unsat",
            Self::Unknown => "unknown",
            Self::TimedOut => "timeout",
        }
    }
}

impl std::fmt::Display for Answered {
    /// The answer in the form of VNN-COMP, or, to a query in version 2.0, in that of the standard: the verdict, then the assignment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.answer, &self.declared) {
            (Answer::TimedOut, Some(_)) => f.write_str("timed-out\n"),
            (Answer::Sat(Assignment { x, y }), Some(Declared { input, output, .. })) => {
                f.write_str("sat\n")?;
                for (tensor, values) in [(input, x), (output, y)] {
                    let element = if tensor.is_f32 { "float32" } else { "Real" };
                    let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
                    writeln!(f, "{} {element} [{}]", tensor.name, shape.join(","))?;
                    // Without an exponent, as numbers of the standard have none; the shortest digits that say the number exactly.
                    values.iter().try_for_each(|value| writeln!(f, "{value}"))?;
                }
                Ok(())
            }
            (Answer::Sat(Assignment { x, y }), None) => {
                let mut lines = String::new();
                for (letter, values) in [("X", x), ("Y", y)] {
                    for (i, value) in values.iter().enumerate() {
                        let open = if lines.is_empty() { "(" } else { "" };
                        // Seventeen digits say a number of f64 exactly.
                        let _ = writeln!(lines, "{open}({letter}_{i} {value:.17e})");
                    }
                }
                write!(f, "sat\n{})\n", lines.trim_end())
            }
            (answer, _) => writeln!(f, "{}", answer.word()),
        }
    }
}

/// Decides a property about a network, within a deadline. Both files may be compressed with gzip. Where the query declares a network, `name` must be its name,
/// if it is given.
///
/// # Guarantees
/// `Unsat` holds for the real-valued network, and for f32 arithmetic where the query declares `float32`. `Sat` was confirmed on the original file by a runtime, with zero tolerance, and its inputs lie in the
/// box of the property.
///
/// # Errors
/// [`ProofError`] names what cannot be read or does not fit.
pub fn verify(
    property: &Path,
    (name, network): (Option<&str>, &Path),
    running: &Running,
    deadline: Option<Instant>,
    stop: &AtomicBool,
) -> Result<Answered, ProofError> {
    let text = text_of(property)?;
    let query = Query::read(&text).map_err(|source| ProofError::Property { path: property.to_path_buf(), source })?;
    if let (Some(declared), Some(found)) = (&query.declared, name)
        && declared.network != found
    {
        let expected = declared.network.clone();
        return Err(ProofError::Undeclared { expected, found: found.to_owned() });
    }
    let deployed = query.declared.as_ref().is_some_and(|declared| declared.input.is_f32 || declared.output.is_f32);
    let unpacked = unpacked(network)?;
    let file = unpacked.as_ref().map_or(network, |folder| folder.path.as_path());
    let model = read_model(file, &known(&brinell_record::Artefact::default()))?;
    let output = model.graph.outputs().first().copied().ok_or(ProofError::Kind { reason: "it has no output" })?;
    let net = Network::new(&model.graph, output).map_err(ProofError::Network)?;
    for (role, expected, found) in [("inputs", net.inputs(), query.inputs), ("outputs", net.outputs(), query.outputs)] {
        if expected != found {
            return Err(ProofError::Size { role, expected, found });
        }
    }
    let input = model.graph.inputs().first().map(|&id| model.graph.value(id).name.clone()).unwrap_or_default();
    let mut session = None;
    let mut failed = None;
    let mut assignment = None;
    let limits = Limits { deadline, memory: free_memory(), stop: Some(stop), deployed, evidence: false };
    let mut open = None;
    for case in &query.cases {
        let mut ask = |x: &[f64]| -> Result<Vec<f64>, ProofError> {
            // A runtime is opened only where there is something to ask it.
            let session = match &mut session {
                Some(session) => session,
                slot => slot.insert(brinell_engine::open(running)?.compile_file(file)?),
            };
            let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let mut y = Vec::new();
            let shape = net.input_shape();
            session.run(&[(input.as_str(), View { shape, data: Elements::F32(&narrow) })], &mut |index, view| {
                if index == 0
                    && let Elements::F32(values) = view.data
                {
                    y.extend(values.iter().map(|&v| f64::from(v)));
                }
            })?;
            Ok(y)
        };
        let (lo, hi) = case.region.hull();
        let mut judge = |x: &[f64]| {
            let inside = x.iter().zip(lo.iter().zip(hi)).all(|(&x, (lo, hi))| (*lo..=*hi).contains(&f64::from(x as f32)));
            match ask(x) {
                Ok(y) if y.len() == query.outputs && inside && case.property.is_violated(&y) => {
                    let x = x.iter().map(|&x| f64::from(x as f32)).collect();
                    assignment = Some(Assignment { x, y });
                    true
                }
                Ok(_) => false,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        };
        let outcome = decide(&net, &case.region, &case.property, limits, &mut judge).map_err(ProofError::Network)?;
        if let Some(assignment) = assignment.take() {
            return Ok(Answered { answer: Answer::Sat(assignment), declared: query.declared });
        }
        if let Some(error) = failed.take() {
            return Err(error);
        }
        match outcome.verdict {
            Verdict::Certified => {}
            Verdict::Unknown { reason: Reason::Time } => open = Some(Answer::TimedOut),
            _ => open = open.or(Some(Answer::Unknown)),
        }
    }
    Ok(Answered { answer: open.unwrap_or(Answer::Unsat), declared: query.declared })
}

fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "gz")
}

/// Bytes of a compressed file at most.
const LARGEST: u64 = 4 << 30;

fn bytes_of(path: &Path) -> Result<Vec<u8>, FileError> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        if is_gzip(path) {
            flate2::read::GzDecoder::new(file).take(LARGEST).read_to_end(&mut bytes)?;
        } else {
            file.take(LARGEST).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    read().map_err(FileError::on("read", path))
}

fn text_of(path: &Path) -> Result<String, FileError> {
    String::from_utf8(bytes_of(path)?).map_err(|error| FileError::on("read", path)(std::io::Error::other(error)))
}

/// A model that was unpacked, which goes when this is dropped.
struct Unpacked {
    path: std::path::PathBuf,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Unpacks a compressed model into the folder for temporary files.
fn unpacked(network: &Path) -> Result<Option<Unpacked>, ProofError> {
    if !is_gzip(network) {
        return Ok(None);
    }
    let bytes = bytes_of(network)?;
    let stem = network.file_stem().map_or_else(|| "model.onnx".into(), |stem| stem.to_string_lossy().into_owned());
    let path = std::env::temp_dir().join(format!("brinell-{}-{stem}", std::process::id()));
    std::fs::write(&path, bytes).map_err(FileError::on("write", &path))?;
    Ok(Some(Unpacked { path }))
}
