//! Where the counterexamples come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use brinell_engine::{Interface, PreprocessOptions};
use brinell_record::{Claim, Outcome, Property, Quantity, SUMMARY_SCHEMA, SampleRecord, Standing, Summary, Verdict, Witness};
use brinell_threat::{Ball, Goal, InputBox};

use super::ReplayOptions;
use super::error::ReplayError;
use super::panel::Charge;
use crate::claim::{INPUTS, evidence, plan};
use crate::data::{self, Dataset, LoadOptions, Scale};
use crate::npz::held_name;
use crate::plan::input_box;
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
        let witnesses = Self::lines(folder, &summary)?;
        let clean = match witnesses.is_empty() {
            true => None,
            false => Some(Samples::of_run(&model.load(options.model.as_deref(), &interface)?, &summary, options.data.as_deref(), scale)?),
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
        self.model.load(named, &self.interface)
    }

    /// Reads the other artefact of an `equal` claim.
    ///
    /// # Errors
    /// As [`Source::model`].
    pub(super) fn other(&self, artefact: &Artefact, named: Option<&Path>) -> Result<Subject, ProtocolError> {
        artefact.load(named, &self.interface)
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
        // Evidence stores them under names of its own, which are known only now that the model has been read.
        let names: Vec<String> = subject.signature.held.iter().map(|port| port.name.clone()).collect();
        let options = LoadOptions { arrays: names.iter().map(|name| held_name(name)).collect(), ..LoadOptions::default() };
        let mut data = data::load(&clean.data.path, &options)?;
        data.arrays.iter_mut().zip(names).for_each(|(array, name)| array.name = name);
        subject.hold(&data)
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

impl Artefact {
    /// Reads the file, which must have the digest of the record.
    ///
    /// # Errors
    /// [`ReplayError::Other`], [`ReplayError::Missing`].
    fn load(&self, named: Option<&Path>, interface: &Interface) -> Result<Subject, ProtocolError> {
        let path = named.unwrap_or(&self.path);
        let address = crate::is_address(path);
        if !address && !path.exists() {
            return Err(ReplayError::Missing { path: path.to_path_buf(), flag: self.flag }.into());
        }
        let other = |found: String, expected: &str| ReplayError::Other {
            path: path.to_path_buf(),
            found,
            expected: expected.to_owned(),
            flag: self.flag,
        };
        if !address {
            let found = hash::sha256_file(path).map_err(ProtocolError::io("read", path))?;
            if found != self.sha256 {
                return Err(other(found, &self.sha256).into());
            }
        }
        let subject = Subject::load(path, interface)?;
        if subject.sha256 != self.sha256 {
            return Err(other(subject.sha256.clone(), &self.sha256).into());
        }
        match (&self.weights_sha256, &subject.weights_sha256) {
            (Some(expected), found) if found.as_ref() != Some(expected) => Err(other(found.clone().unwrap_or_default(), expected).into()),
            _ => Ok(subject),
        }
    }
}

impl Samples {
    /// Reads samples that a run or a check wrote.
    fn stored(path: &Path) -> Result<Self, ProtocolError> {
        let data = data::load(path, &LoadOptions::default())?;
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
