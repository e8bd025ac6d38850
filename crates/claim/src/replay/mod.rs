//! Judging counterexamples again: on the original file, with every available runtime.
//!
//! Certificates of samples are checked again; that needs the data.
//!
//! Evidence of a claim brings its inputs along, so that it needs the model and nothing else; a run of `brinell audit` needs
//! the data, too.

mod consistent;
mod source;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_engine::Preprocess;
use brinell_record::{REPLAY_SCHEMA, Replay, Running, Standing, Witness};
use brinell_subject::{Charge, Panel, standing};

use crate::ClaimError;
use crate::equal::Pair;
use source::Source;

/// Where the files lie that a replay needs.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    /// The model; by default where the record says.
    pub model: Option<PathBuf>,
    /// Where the second model of an `equal` claim is now, if it was moved.
    pub other: Option<PathBuf>,
    /// The data of a run.
    pub data: Option<PathBuf>,
    /// Threads and library of ONNX Runtime.
    pub running: Running,
}

/// Judges every counterexample of a claim's evidence, of all evidence beside a claim file, or of a run.
///
/// # Guarantees
/// Evidence is judged only where every byte of it is what was written, and on the very model that it is about.
///
/// # Errors
/// [`ClaimError::Nothing`], [`ClaimError::Other`], [`ClaimError::Missing`], [`ClaimError::INTERRUPTED`], and those of reading model and data.
pub fn replay(path: &Path, options: &ReplayOptions, stop: &AtomicBool) -> Result<Vec<Replay>, ClaimError> {
    source::folders(path)?.iter().map(|folder| one(folder, options, stop)).collect()
}

fn one(folder: &Path, options: &ReplayOptions, stop: &AtomicBool) -> Result<Replay, ClaimError> {
    let source = Source::open(folder, options)?;
    let mut replay = Replay {
        schema: REPLAY_SCHEMA.to_owned(),
        source: folder.display().to_string(),
        claim: source.claim_id(),
        model: source.model_file(options)?,
        judges: Vec::new(),
        refused: Vec::new(),
        witnesses: Vec::new(),
        certificates: source.certificates(options, stop)?,
    };
    if source.witnesses.is_empty() {
        return Ok(replay);
    }
    let source = source.open_model(options)?;
    let shape = source.shape();
    let preprocess = source.subject.preprocess(&source.subject.artefact, shape)?;
    let panel = Panel::open(&source.subject, &options.running)?;
    replay.refused = panel.refused().to_vec();
    let mut bench = match source.open_other(options)? {
        Some((two, tolerance)) => {
            let pair = Pair {
                preprocess: [preprocess, two.preprocess(&two.artefact, shape)?],
                panels: [panel, Panel::open(&two, &options.running)?],
                tolerance,
            };
            replay.judges = pair.judges();
            Bench::Two(Box::new(pair))
        }
        None => {
            replay.judges = panel.judges();
            Bench::One(panel, preprocess)
        }
    };
    for witness in source.witnesses() {
        if stop.load(Ordering::Relaxed) {
            return Err(ClaimError::INTERRUPTED);
        }
        replay.witnesses.push(bench.judge(&source, witness)?);
    }
    Ok(replay)
}

/// Who judges: a panel on one model, or one on two models.
enum Bench {
    One(Panel, Preprocess),
    Two(Box<Pair>),
}

impl Bench {
    fn judge(&mut self, source: &source::OpenSource, witness: &Witness) -> Result<Witness, ClaimError> {
        let (x, x_adv) = source.points(witness)?;
        Ok(match self {
            Self::Two(pair) => {
                let opinions = pair.opinions(source.row(witness.sample), &x)?;
                Witness { standing: standing(&opinions), opinions, ..witness.clone() }
            }
            Self::One(panel, preprocess) => {
                let row = source.row(witness.sample);
                let charge = source.charge(witness, panel, preprocess)?;
                let mut finding = panel.judge(preprocess, source.ball(), &charge, row, &x, &x_adv)?;
                let reason = match source.other_label(witness) {
                    Some(reason) => Some(reason),
                    None if x != x_adv => already(panel, preprocess, &charge, row, &x)?,
                    None => None,
                };
                if let Some(reason) = reason {
                    (finding.standing, finding.violation) = (Standing::Rejected, finding.violation.or(Some(reason)));
                }
                Witness {
                    prediction: finding.opinions.first().and_then(|opinion| opinion.prediction.clone()),
                    norm: finding.norm,
                    margin: finding.margin(),
                    standing: finding.standing,
                    violation: finding.violation,
                    opinions: finding.opinions,
                    ..witness.clone()
                }
            }
        })
    }
}

/// Returns why a change shows nothing: every judge says of the unchanged sample already what the change should make it say.
fn already(panel: &mut Panel, preprocess: &Preprocess, charge: &Charge, row: usize, x: &[f32]) -> Result<Option<String>, ClaimError> {
    let Charge::Goal(demand) = charge else { return Ok(None) };
    let reached = panel.all_reach(preprocess, demand, row, x)?;
    Ok(reached.then(|| "the unchanged sample already has the wanted answer".to_owned()))
}
