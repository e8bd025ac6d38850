//! What this machine offers for running models, and what would make it faster.

mod processor;

use std::path::{Path, PathBuf};

pub use processor::Processor;

use crate::discover::{self, Candidate};
use crate::{EngineError, LibraryProblem, Origin, ort, rten};

/// The first minor version of ONNX Runtime that is not worth replacing for speed alone.
const RECENT: u32 = 20;

/// What was found on this machine.
#[derive(Clone, Debug)]
pub struct Doctor {
    /// Every place where an ONNX Runtime was seen or expected, in the order in which they are tried.
    pub candidates: Vec<Finding>,
    /// The ONNX Runtime that is used where none is named.
    pub chosen: Option<PathBuf>,
    /// The execution providers of the chosen ONNX Runtime.
    pub providers: Vec<String>,
    /// The version of rten, which is always there.
    pub rten: &'static str,
    /// The processor and its memory.
    pub processor: Processor,
    /// What would make models run faster here.
    pub advice: Vec<Advice>,
}

/// What would make models run faster on a machine, or what slows them down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// There is no ONNX Runtime, on which models run about twice as fast as on rten.
    InstallOnnxRuntime,
    /// The ONNX Runtime is an old one.
    RenewOnnxRuntime,
    /// There is an NVIDIA card, and the ONNX Runtime can use it.
    UseCuda,
    /// There is an NVIDIA card, and the ONNX Runtime cannot use it.
    InstallCuda,
    /// The ONNX Runtime can use Core ML, which computes in half precision on some hardware.
    TryCoreMl,
    /// The processor lacks AVX2.
    NoAvx2,
    /// This process has one core only.
    OneCore,
}

/// One file that was tried as ONNX Runtime.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What led to it.
    pub origin: Origin,
    /// Its version, or why it cannot be used.
    pub version: Result<String, LibraryProblem>,
}

/// Looks at this machine.
#[must_use]
pub fn doctor() -> Doctor {
    let (candidates, mut chosen) = match discover::search(None) {
        Ok(search) => try_all(search.candidates),
        Err(error) => {
            let path = discover::named_by_environment().unwrap_or_default();
            let problem = match error {
                EngineError::Library { problem, .. } => problem,
                other => LibraryProblem::Unusable(other.to_string()),
            };
            (vec![Finding { path, origin: Origin::Variable, version: Err(problem) }], None)
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
    let inspect = |Candidate { path, origin }| Finding { version: ort::inspect(&path).map_err(|refusal| refusal.problem), path, origin };
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

fn advise(minor: Option<u32>, providers: &[String], processor: &Processor, nvidia: bool) -> Vec<Advice> {
    let has = |name: &str| providers.iter().any(|provider| provider == name);
    let cuda = has("CUDAExecutionProvider");
    let known = [
        (Advice::InstallOnnxRuntime, minor.is_none()),
        (Advice::RenewOnnxRuntime, minor.is_some_and(|minor| minor < RECENT)),
        (Advice::UseCuda, cuda),
        (Advice::InstallCuda, nvidia && !cuda),
        (Advice::TryCoreMl, has("CoreMLExecutionProvider")),
        (Advice::NoAvx2, cfg!(target_arch = "x86_64") && !processor.features.contains(&"avx2")),
        (Advice::OneCore, processor.cores == 1),
    ];
    known.into_iter().filter(|(_, applies)| *applies).map(|(advice, _)| advice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_what_is_missing() {
        let advice = |minor, providers: &[&str], nvidia| {
            let providers: Vec<String> = providers.iter().map(ToString::to_string).collect();
            let processor = Processor { features: vec!["avx2"], cores: 8, ..Processor::look() };
            advise(minor, &providers, &processor, nvidia)
        };
        assert_eq!(advice(None, &[], false), [Advice::InstallOnnxRuntime]);
        assert_eq!(advice(Some(23), &["CPUExecutionProvider"], true), [Advice::InstallCuda]);
        assert_eq!(advice(Some(23), &["CUDAExecutionProvider"], true), [Advice::UseCuda]);
        assert_eq!(advice(Some(17), &["CPUExecutionProvider"], false), [Advice::RenewOnnxRuntime]);
        assert_eq!(advice(Some(23), &["CPUExecutionProvider"], false), []);
    }

    #[test]
    fn a_broken_library_that_the_user_names_is_not_passed_over() {
        let candidate = |origin| Candidate { path: "/nowhere/libonnxruntime.so".into(), origin };
        let (findings, chosen) = try_all(vec![candidate(Origin::Variable), candidate(Origin::System)]);
        assert_eq!((findings.len(), chosen), (2, None));
    }
}
