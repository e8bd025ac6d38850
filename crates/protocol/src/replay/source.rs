//! Where the counterexamples come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use brinell_engine::{Interface, PreprocessOptions};
use brinell_onnx::Model;
use brinell_record::{Claim, FileHash, Outcome, Property, Quantity, SUMMARY_SCHEMA, SampleRecord, Standing, Summary, Verdict, Witness};
use brinell_threat::{Ball, Goal, InputBox};

use super::ReplayOptions;
use super::error::ReplayError;
use super::panel::Charge;
use crate::claim::{INPUTS, evidence, plan};
use crate::data::{self, Dataset, LoadOptions, Scale};
use crate::npz::held_name;
use crate::plan::input_box;
use crate::subject::{DataFiles, digests, known, read_model};
use crate::{ProtocolError, Subject, hash};

/// Files of a run.
const ADVERSARIAL: &str = "adversarial.npz";
const SUMMARY: &str = "summary.json";
const RECORD: &str = "record.jsonl";

/// Counterexamples, with all that judging them needs.
pub(super) struct Source {
    pub(super) witnesses: Vec<Witness>,
    pub(super) ball: Ball,
    pub(super) preprocess: PreprocessOptions,
    pub(super) other: Option<Artefact>,
    model: Artefact,
    claim: Option<Claim>,
    interface: Interface,
    held: HeldAt,
    clean: Option<Samples>,
    adversarial: Option<Samples>,
}

/// A model file that a record names by its digest.
pub(super) struct Artefact {
    path: PathBuf,
    sha256: String,
    weights_sha256: Option<String>,
    flag: &'static str,
    /// Largest difference allowed to the model; only of the other artefact of an `equal` claim.
    pub(super) tolerance: f64,
}

/// Where it stands what the inputs that are not attacked are held at.
enum HeldAt {
    /// Beside the samples that a check stored.
    Stored(PathBuf),
    /// In the data of a run.
    Data { path: PathBuf, labels: Option<String>, classes: Option<String>, limit: Option<usize> },
}

/// Stored samples and where each of them stands.
struct Samples {
    data: Dataset,
    scale: Scale,
    rows: HashMap<usize, usize>,
}

/// Returns the folders that a path means: itself, or the evidence of every claim in it.
///
/// # Errors
/// [`ReplayError::Nothing`], [`ProtocolError::Io`].
pub(super) fn folders(path: &Path) -> Result<Vec<PathBuf>, ProtocolError> {
    if evidence::is_evidence(path) || path.join(SUMMARY).exists() {
        return Ok(vec![path.to_path_buf()]);
    }
    let nothing = || ProtocolError::from(ReplayError::Nothing { path: path.to_path_buf() });
    if !path.is_dir() {
        return Err(nothing());
    }
    let entries = std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut found = entries.map_err(ProtocolError::io("read", path))?;
    found.retain(|folder| evidence::is_evidence(folder));
    found.sort();
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

impl Source {
    /// Reads and checks a folder.
    ///
    /// # Errors
    /// [`ReplayError`], [`ProtocolError::Data`], [`ProtocolError::Io`].
    pub(super) fn open(folder: &Path, options: &ReplayOptions) -> Result<Self, ProtocolError> {
        if evidence::is_evidence(folder) { Self::evidence(folder) } else { Self::run(folder, options) }
    }

    fn evidence(folder: &Path) -> Result<Self, ProtocolError> {
        let tampered = |problem: String| ReplayError::Tampered { path: folder.to_path_buf(), problem };
        if let Err(reasons) = evidence::intact(folder)? {
            return Err(tampered(reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>().join("; ")).into());
        }
        let verdict: Verdict = json(&folder.join(evidence::VERDICT), tampered)?;
        let claim = verdict.claim;
        // The evidence lies in NAME.evidence/ID beside the claim file, from which paths start.
        let whole = folder.canonicalize().map_err(ProtocolError::io("read", folder))?;
        let beside = whole.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("")).to_path_buf();
        let model = Artefact {
            path: beside.join(&claim.subject.model),
            sha256: claim.subject.sha256.clone(),
            weights_sha256: claim.subject.weights_sha256.clone(),
            flag: "--model",
            tolerance: 0.0,
        };
        let other = match &claim.property {
            Property::Equal { other, sha256, weights_sha256, tolerance } => Some(Artefact {
                path: beside.join(other),
                sha256: sha256.clone(),
                weights_sha256: weights_sha256.clone(),
                flag: "--other",
                tolerance: *tolerance,
            }),
            _ => None,
        };
        let wants = |inputs: bool| verdict.witnesses.iter().any(|witness| inputs || witness.file != INPUTS);
        let scale = plan::scale(&claim.subject.scale);
        let mut ball = Ball::new(plan::norm(&claim), &plan::eps(&claim)?, input_box(scale));
        // What the rules came to on the data stands in the sealed run, so that the data need not be there. Comparing two artefacts takes no run.
        let summary = folder.join("run").join(SUMMARY);
        if other.is_none() && wants(true) {
            let summary: Summary = json(&summary, |problem| ProtocolError::Damaged { path: summary.clone(), problem })?;
            if let Some(features) = &summary.threat.features {
                crate::features::constrain(&mut ball, crate::features::of_record(features)?)?;
            }
        }
        Ok(Self {
            ball,
            preprocess: plan::preprocess(&claim),
            other,
            model,
            clean: wants(true).then(|| Samples::stored(&folder.join(INPUTS))).transpose()?,
            adversarial: wants(false).then(|| Samples::stored(&folder.join("run").join(ADVERSARIAL))).transpose()?,
            witnesses: verdict.witnesses,
            interface: plan::interface(&claim),
            held: HeldAt::Stored(folder.join(INPUTS)),
            claim: Some(claim),
        })
    }

    fn run(folder: &Path, options: &ReplayOptions) -> Result<Self, ProtocolError> {
        let damaged = |problem: String| ProtocolError::Damaged { path: folder.join(SUMMARY), problem };
        let summary: Summary = json(&folder.join(SUMMARY), damaged)?;
        if summary.schema != SUMMARY_SCHEMA {
            return Err(damaged(format!("its schema is {}, this version reads {SUMMARY_SCHEMA}", summary.schema)));
        }
        let model = Artefact {
            path: PathBuf::from(&summary.model.path),
            sha256: summary.model.sha256.clone(),
            weights_sha256: summary.model.weights_sha256.clone(),
            flag: "--model",
            tolerance: 0.0,
        };
        let scale = plan::scale(&summary.preprocessing.scale);
        let [lo, hi] = summary.threat.input_box;
        let interface = plan::interface_of(&summary.model);
        let held = HeldAt::Data {
            path: options.data.clone().unwrap_or_else(|| PathBuf::from(&summary.data.path)),
            labels: summary.data.labels.clone(),
            classes: summary.data.classes.clone(),
            limit: summary.data.limit,
        };
        let witnesses = Self::lines(folder, &summary)?;
        let clean = match witnesses.is_empty() {
            true => None,
            false => {
                let subject = model.load(options.model.as_deref(), &interface, &held)?;
                Some(Samples::of_run(&subject, &summary, options.data.as_deref(), scale)?)
            }
        };
        let bounds = InputBox::new(lo as f32, hi as f32)?;
        let mut ball = Ball { norm: plan::norm_of(summary.threat.norm), eps: summary.threat.eps, bounds, features: None };
        if let Some(features) = &summary.threat.features {
            crate::features::constrain(&mut ball, crate::features::of_record(features)?)?;
        }
        Ok(Self {
            ball,
            preprocess: plan::preprocess_of(&summary.preprocessing.mean, &summary.preprocessing.std, &summary.preprocessing.layout),
            other: None,
            model,
            claim: None,
            interface,
            held,
            clean,
            adversarial: (!witnesses.is_empty()).then(|| Samples::stored(&folder.join(ADVERSARIAL))).transpose()?,
            witnesses,
        })
    }

    /// Reads the broken samples of a run.
    fn lines(folder: &Path, summary: &Summary) -> Result<Vec<Witness>, ProtocolError> {
        let path = folder.join(RECORD);
        let text = std::fs::read_to_string(&path).map_err(ProtocolError::io("read", &path))?;
        let records = text.lines().map(serde_json::from_str::<SampleRecord>).collect::<Result<Vec<_>, _>>();
        let mut records = records.map_err(|error| ProtocolError::Damaged { path, problem: error.to_string() })?;
        records.retain(|record| record.outcome == Outcome::Broken);
        records.sort_by_key(|record| record.sample);
        let witness = |(row, record): (usize, SampleRecord)| Witness {
            file: ADVERSARIAL.to_owned(),
            row,
            sample: record.sample,
            label: record.label,
            target: summary.threat.target,
            prediction: record.adv_prediction,
            norm: record.norm.unwrap_or(f64::NAN),
            margin: -record.margin,
            attack: record.attack,
            standing: Standing::Rejected,
            violation: None,
            opinions: Vec::new(),
        };
        Ok(records.into_iter().enumerate().map(witness).collect())
    }

    /// Reads the model, which must be the one that the record is about.
    ///
    /// # Errors
    /// [`ReplayError::Other`], [`ReplayError::Missing`].
    pub(super) fn model(&self, named: Option<&Path>) -> Result<Subject, ProtocolError> {
        self.model.load(named, &self.interface, &self.held)
    }

    /// Returns path and digest of the model, which must be the one that the record is about.
    ///
    /// # Errors
    /// As [`Source::model`].
    pub(super) fn model_file(&self, named: Option<&Path>) -> Result<FileHash, ProtocolError> {
        self.model.file(named, &self.interface)
    }

    /// Reads the other artefact of an `equal` claim.
    ///
    /// # Errors
    /// As [`Source::model`].
    pub(super) fn other(&self, artefact: &Artefact, named: Option<&Path>) -> Result<Subject, ProtocolError> {
        artefact.load(named, &self.interface, &self.held)
    }

    /// Holds the inputs that are not attacked at what the stored samples have beside them.
    ///
    /// # Errors
    /// [`ProtocolError::Data`].
    pub(super) fn hold(&self, subject: &mut Subject) -> Result<(), ProtocolError> {
        let Some(clean) = &self.clean else { return Ok(()) };
        if subject.signature.held.is_empty() || !clean.data.arrays.is_empty() {
            return subject.hold(&clean.data);
        }
        // Their names are known only now that the model has been read.
        let names = subject.signature.held.iter().map(|port| port.name.clone()).collect();
        subject.hold(&stored(&clean.data.path, names)?)
    }

    /// Returns the row of the stored samples that a sample stands in.
    pub(super) fn row(&self, sample: usize) -> usize {
        self.clean.as_ref().and_then(|samples| samples.rows.get(&sample)).copied().unwrap_or(usize::MAX)
    }

    /// Returns the id of the claim that the counterexamples belong to.
    pub(super) fn claim_id(&self) -> Option<String> {
        self.claim.as_ref().map(|claim| claim.id.clone())
    }

    /// Returns the shape of one stored sample.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.clean.as_ref().map_or_else(Vec::new, |samples| samples.data.shape.clone())
    }

    /// Reads the unchanged sample and the counterexample.
    ///
    /// # Errors
    /// [`ReplayError::Nothing`] where a file lacks them.
    pub(super) fn points(&self, witness: &Witness) -> Result<(Vec<f32>, Vec<f32>), ProtocolError> {
        let missing = || ProtocolError::from(ReplayError::Nothing { path: PathBuf::from(&witness.file) });
        let x = self.clean.as_ref().and_then(|samples| samples.read(witness.sample)).ok_or_else(missing)?;
        if witness.file == INPUTS {
            return Ok((x.clone(), x));
        }
        let x_adv = self.adversarial.as_ref().and_then(|samples| samples.read(witness.sample)).ok_or_else(missing)?;
        Ok((x, x_adv))
    }

    /// Returns what a counterexample has to show.
    pub(super) fn charge(&self, witness: &Witness) -> Charge {
        let label = witness.label;
        let non_finite = |claim: &Claim| matches!(claim.property, Property::Bound { quantity: Quantity::NonFiniteRate, .. });
        match (witness.target, &witness.attack) {
            _ if self.claim.as_ref().is_some_and(non_finite) => Charge::NonFinite,
            (Some(target), _) => Charge::Goal(Goal::Targeted { target }),
            (None, Some(_)) => Charge::Goal(Goal::Untargeted { label }),
            (None, None) => Charge::Wrong { label },
        }
    }
}

/// Reads stored samples with what these inputs are held at, for which evidence has names of its own.
fn stored(path: &Path, names: Vec<String>) -> Result<Dataset, ProtocolError> {
    let options = LoadOptions { arrays: names.iter().map(|name| held_name(name)).collect(), missing: true, ..LoadOptions::default() };
    let mut data = data::load(path, &options)?;
    data.arrays.iter_mut().zip(names).for_each(|(array, name)| array.name = name);
    Ok(data)
}

impl HeldAt {
    /// Reads samples with what these inputs of a model are held at.
    fn read(&self, model: &Model, interface: &Interface, names: Vec<String>) -> Result<Dataset, ProtocolError> {
        match self {
            Self::Stored(path) => stored(path, names),
            Self::Data { path, labels, classes, limit } => {
                let files = DataFiles { path, labels: labels.as_deref(), classes: classes.as_deref().map(Path::new) };
                files.read(model, interface, *limit, names)
            }
        }
    }
}

impl Artefact {
    /// Reads the file, which must have the digest of the record.
    ///
    /// # Errors
    /// [`ReplayError::Other`], [`ReplayError::Missing`].
    fn load(&self, named: Option<&Path>, interface: &Interface, held: &HeldAt) -> Result<Subject, ProtocolError> {
        let path = self.found(named)?;
        let subject = Subject::load_beside(path, interface, |model, names| held.read(model, interface, names))?;
        self.compare(path, &subject.sha256, subject.weights_sha256.as_ref())?;
        Ok(subject)
    }

    /// Returns the file's path and digest, which must be that of the record. Of a file it is not asked whether it can be used.
    ///
    /// # Errors
    /// As [`Artefact::load`].
    fn file(&self, named: Option<&Path>, interface: &Interface) -> Result<FileHash, ProtocolError> {
        let path = self.found(named)?;
        let (sha256, weights) = if crate::is_address(path) {
            (Subject::load(path, interface)?.sha256, None)
        } else {
            digests(path, &read_model(path, &known(interface))?)?
        };
        self.compare(path, &sha256, weights.as_ref())?;
        Ok(FileHash { path: path.display().to_string(), sha256 })
    }

    /// Returns where the artefact is. A file has the digest of the record, whatever else it may be.
    fn found<'a>(&'a self, named: Option<&'a Path>) -> Result<&'a Path, ProtocolError> {
        let path = named.unwrap_or(&self.path);
        if crate::is_address(path) {
            return Ok(path);
        }
        if !path.exists() {
            return Err(ReplayError::Missing { path: path.to_path_buf(), flag: self.flag }.into());
        }
        let found = hash::sha256_file(path).map_err(ProtocolError::io("read", path))?;
        if found == self.sha256 { Ok(path) } else { Err(self.other(path, &found, &self.sha256)) }
    }

    fn compare(&self, path: &Path, sha256: &str, weights: Option<&String>) -> Result<(), ProtocolError> {
        if sha256 != self.sha256 {
            return Err(self.other(path, sha256, &self.sha256));
        }
        match &self.weights_sha256 {
            Some(expected) if weights != Some(expected) => Err(self.other(path, weights.map_or("", String::as_str), expected)),
            _ => Ok(()),
        }
    }

    fn other(&self, path: &Path, found: &str, expected: &str) -> ProtocolError {
        let (path, found, expected) = (path.to_path_buf(), found.to_owned(), expected.to_owned());
        ReplayError::Other { path, found, expected, flag: self.flag }.into()
    }
}

impl Samples {
    /// Reads samples that a run or a check wrote.
    fn stored(path: &Path) -> Result<Self, ProtocolError> {
        let data = data::load(path, &LoadOptions { missing: true, ..LoadOptions::default() })?;
        let rows = data::numbers(path, "sample")?.into_iter().enumerate().map(|(row, sample)| (sample, row)).collect();
        Ok(Self { data, scale: Scale::Unit, rows })
    }

    /// Reads the data of a run.
    fn of_run(subject: &Subject, summary: &Summary, named: Option<&Path>, scale: Scale) -> Result<Self, ProtocolError> {
        let path = named.unwrap_or_else(|| Path::new(&summary.data.path));
        if !path.exists() {
            return Err(ReplayError::Missing { path: path.to_path_buf(), flag: "--data" }.into());
        }
        let classes = summary.data.classes.as_ref().map(Path::new);
        let data = subject.load_data(path, summary.data.labels.clone(), classes, summary.data.limit)?;
        if data.sha256 != summary.data.sha256 {
            let (path, expected) = (path.to_path_buf(), summary.data.sha256.clone());
            return Err(ReplayError::Other { path, found: data.sha256, expected, flag: "--data" }.into());
        }
        let rows = (0..data.n).map(|sample| (sample, sample)).collect();
        Ok(Self { data, scale, rows })
    }

    fn read(&self, sample: usize) -> Option<Vec<f32>> {
        let row = *self.rows.get(&sample).filter(|row| **row < self.data.n)?;
        let mut x = vec![0.0; self.data.sample_len()];
        self.data.sample(row, self.scale, &mut x);
        Some(x)
    }
}

fn json<T: serde::de::DeserializeOwned, E: Into<ProtocolError>>(path: &Path, wrong: impl FnOnce(String) -> E) -> Result<T, ProtocolError> {
    let bytes = std::fs::read(path).map_err(ProtocolError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()).into())
}
