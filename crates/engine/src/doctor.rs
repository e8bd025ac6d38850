//! What this machine offers for running models, and what would make it faster.

mod processor;
mod show;

use std::path::{Path, PathBuf};

pub use processor::Processor;

use crate::discover::{self, Candidate};
use crate::{Origin, ort, rten};

/// The first minor version of ONNX Runtime that is not worth replacing for speed alone.
const RECENT: u32 = 20;

/// What was found on this machine; `Display` prints it within 80 columns.
#[derive(Clone, Debug)]
pub struct Doctor {
    /// Every place where an ONNX Runtime was seen or expected, in the order in which they are tried.
    pub candidates: Vec<Finding>,
    /// The ONNX Runtime that `--runtime auto` uses.
    pub chosen: Option<PathBuf>,
    /// The execution providers of the chosen ONNX Runtime.
    pub providers: Vec<String>,
    /// The version of rten, which is always there.
    pub rten: &'static str,
    /// The processor and its memory.
    pub processor: Processor,
    /// What to do for more speed, in plain words.
    pub advice: Vec<String>,
}

/// One file that was tried as ONNX Runtime.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What led to it.
    pub origin: Origin,
    /// Its version, or why it cannot be used.
    pub version: Result<String, String>,
}

/// Looks at this machine.
#[must_use]
pub fn doctor() -> Doctor {
    let (candidates, mut chosen) = match discover::search(None) {
        Ok(search) => try_all(search.candidates),
        Err(error) => {
            let path = discover::named_by_environment().unwrap_or_default();
            (vec![Finding { path, origin: Origin::Variable, version: Err(error.to_string()) }], None)
        }
    };
    let loaded = chosen.as_deref().and_then(|path| ort::load(path).ok()).or_else(ort::loaded);
    chosen = loaded.as_ref().map(|loaded| loaded.path.clone());
    let (minor, providers) = loaded.map_or((None, Vec::new()), |loaded| (Some(loaded.minor), loaded.providers));
    let processor = Processor::look();
    let advice = advise(minor, &providers, &processor, nvidia());
    Doctor { candidates, chosen, providers, rten: rten::VERSION, processor, advice }
}

/// Inspects the candidates and returns the first that is usable and that no broken one named by the user precedes.
///
/// The system's libraries come first: once an ONNX Runtime is open, its bare name leads to it wherever it lies.
fn try_all(candidates: Vec<Candidate>) -> (Vec<Finding>, Option<PathBuf>) {
    let inspect = |Candidate { path, origin }| Finding { version: ort::inspect(&path).map_err(|r| r.reason), path, origin };
    let (system, named): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|candidate| candidate.origin == Origin::System);
    let system: Vec<Finding> = system.into_iter().map(inspect).collect();
    let findings: Vec<Finding> = named.into_iter().map(inspect).chain(system).collect();
    let decides = |finding: &&Finding| finding.version.is_ok() || finding.origin.is_named();
    let chosen = findings.iter().find(decides).filter(|finding| finding.version.is_ok()).map(|finding| finding.path.clone());
    (findings, chosen)
}

/// Returns true when the driver of an NVIDIA card is at work.
fn nvidia() -> bool {
    ["/dev/nvidia0", "/proc/driver/nvidia/version", "C:\\Windows\\System32\\nvcuda.dll"].iter().any(|path| Path::new(path).exists())
}

fn advise(minor: Option<u32>, providers: &[String], processor: &Processor, nvidia: bool) -> Vec<String> {
    let mut advice = Vec::new();
    let has = |name: &str| providers.iter().any(|provider| provider == name);
    match minor {
        None => advice.push(
            "install ONNX Runtime with `pip install onnxruntime` (in a virtual environment that is then active, or with the Python \
             on the path): models run about twice as fast on it as on rten"
                .to_owned(),
        ),
        Some(minor) if minor < RECENT => advice.push("renew ONNX Runtime with `pip install --upgrade onnxruntime`".to_owned()),
        Some(_) => {}
    }
    if has("CUDAExecutionProvider") {
        advice.push("use the NVIDIA card with `--device cuda`".to_owned());
    } else if nvidia {
        advice.push("use the NVIDIA card: `pip install onnxruntime-gpu`, then `--device cuda`".to_owned());
    }
    if has("CoreMLExecutionProvider") {
        advice.push("try `--device coreml`; it computes in half precision on some hardware, so the processor stays the default".to_owned());
    }
    if cfg!(target_arch = "x86_64") && !processor.features.contains(&"avx2") {
        advice.push("this processor lacks AVX2; expect a quarter of the usual speed".to_owned());
    }
    if processor.cores == 1 {
        advice.push("only one core is available to this process; more cores help nearly in proportion".to_owned());
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Doctor {
        let path = PathBuf::from(format!("/home/somebody/{}/libonnxruntime.so.1.23.2", "a-rather-long-folder/".repeat(6)));
        let processor = Processor { model: "A processor".into(), features: vec!["avx2", "fma"], cores: 1, memory_bytes: Some(8 << 30) };
        let providers = vec!["CUDAExecutionProvider".to_owned(), "CPUExecutionProvider".to_owned()];
        let advice = advise(None, &providers, &processor, true);
        let candidates = vec![
            Finding { path: path.clone(), origin: Origin::Environment, version: Ok("1.23.2".into()) },
            Finding { path: "libonnxruntime.so".into(), origin: Origin::System, version: Err("no such file ".repeat(12)) },
        ];
        Doctor { candidates, chosen: Some(path), providers, rten: "0.0.0", processor, advice }
    }

    #[test]
    fn the_printed_form_fits_80_columns() {
        let text = machine().to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("1.23.2") && text.contains("8.0 GiB"), "{text}");
    }

    #[test]
    fn advice_names_what_is_missing() {
        let advice = |minor, providers: &[&str], nvidia| {
            let providers: Vec<String> = providers.iter().map(ToString::to_string).collect();
            let processor = Processor { features: vec!["avx2"], cores: 8, ..Processor::look() };
            advise(minor, &providers, &processor, nvidia).join("; ")
        };
        assert!(advice(None, &[], false).contains("pip install onnxruntime`"));
        assert!(advice(Some(23), &["CPUExecutionProvider"], true).contains("onnxruntime-gpu"));
        assert!(advice(Some(17), &["CPUExecutionProvider"], false).contains("--upgrade"));
        assert_eq!(advice(Some(23), &["CPUExecutionProvider"], false), "");
    }

    #[test]
    fn a_broken_library_that_the_user_names_is_not_passed_over() {
        let candidate = |origin| Candidate { path: "/nowhere/libonnxruntime.so".into(), origin };
        let (findings, chosen) = try_all(vec![candidate(Origin::Variable), candidate(Origin::System)]);
        assert_eq!((findings.len(), chosen), (2, None));
    }
}
