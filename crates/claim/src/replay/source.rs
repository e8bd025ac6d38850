//! Where the counterexamples come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_audit::AuditError;
use brinell_data::npz::held_name;
use brinell_data::{self as data, DataError, Dataset, LoadOptions, Scale, TruthKind};
use brinell_engine::Preprocess;
use brinell_ledger::{LedgerError, evidence};
use brinell_proof::recheck_audit;
use brinell_record::{
    Artefact, Claim, FileError, FileHash, Label, Outcome, Population, Property, Quantity, Question, Rechecked, Running, SampleRecord,
    Standing, Summary, TaskKind, Verdict, Witness, hash,
};
use brinell_subject::{
    Charge, Opened, Panel, Subject, all_inputs, digests, features, input_box, known, label_of, read_model, truth_kind, truth_of,
};
use brinell_task::{Demand, Truth, Wanted};
use brinell_threat::{Ball, InputBox};

use super::{ReplayOptions, consistent};
use crate::error::Role;
use crate::{ClaimError, INPUTS, plan};

/// Files of a run.
const ADVERSARIAL: &str = "adversarial.npz";
const SUMMARY: &str = "summary.json";

/// Counterexamples, and what they are about.
pub(super) struct Source {
    pub(super) witnesses: Vec<Witness>,
    ball: Ball,
    model: Pinned,
    other: Option<(Pinned, f64)>,
    claim: Option<Claim>,
    clean: Clean,
    adversarial: Option<Stored>,
    /// The run whose certificates prove something, and its question.
    proved: Option<(PathBuf, Box<Question>)>,
}

/// A source whose model and samples are read.
pub(super) struct OpenSource {
    source: Source,
    pub(super) subject: Subject,
    clean: Stored,
}

/// A model that a record names by its digests.
struct Pinned {
    artefact: Artefact,
    role: Role,
}

/// Where the unchanged samples stand.
enum Clean {
    /// Where a check stored them, and the names of the classes.
    Evidence(PathBuf, Vec<String>),
    /// In the data of a run, of which these samples were audited.
    Run(Population, Vec<usize>),
}

/// Stored samples and where each of them stands.
struct Stored {
    data: Dataset,
    scale: Scale,
    rows: HashMap<usize, usize>,
    /// Inputs of the references of pairs, one after the other.
    references: Vec<f32>,
}

/// Returns the folders that a path means: itself, or the evidence of every claim in it.
///
/// # Errors
/// [`ClaimError::Nothing`], [`ClaimError::File`].
pub(super) fn folders(path: &Path) -> Result<Vec<PathBuf>, ClaimError> {
    if evidence::is_evidence(path) || path.join(SUMMARY).exists() {
        return Ok(vec![path.to_path_buf()]);
    }
    let nothing = || ClaimError::Nothing { path: path.to_path_buf() };
    if !path.is_dir() {
        return Err(nothing());
    }
    let entries = std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut found = entries.map_err(FileError::on("read", path))?;
    found.retain(|folder| evidence::is_evidence(folder));
    found.sort();
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

impl Source {
    /// Reads and checks a folder.
    ///
    /// # Errors
    /// [`ClaimError::Ledger`] where it is not as it was written, [`ClaimError::Audit`], [`ClaimError::File`].
    pub(super) fn open(folder: &Path, options: &ReplayOptions) -> Result<Self, ClaimError> {
        if evidence::is_evidence(folder) { Self::evidence(folder) } else { Self::run(folder, options) }
    }

    fn evidence(folder: &Path) -> Result<Self, ClaimError> {
        let tampered = |problem: String| LedgerError::Tampered { path: folder.to_path_buf(), problem };
        if let Err(reasons) = evidence::intact(folder)? {
            return Err(tampered(reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>().join("; ")).into());
        }
        let verdict: Verdict = json(&folder.join(evidence::VERDICT), tampered)?;
        let run = consistent::check(folder, &verdict)?;
        let claim = verdict.claim;
        // The evidence lies in NAME.evidence/ID beside the claim file, from which paths start.
        let whole = folder.canonicalize().map_err(FileError::on("read", folder))?;
        let beside = whole.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("")).to_path_buf();
        let model = Pinned { artefact: plan::artefact(&claim, &beside), role: Role::Model };
        let other = match &claim.property {
            Property::Equal { other, sha256, weights_sha256, tolerance } => {
                let artefact = Artefact {
                    model: beside.join(other),
                    sha256: Some(sha256.clone()),
                    weights_sha256: weights_sha256.clone(),
                    ..model.artefact.clone()
                };
                Some((Pinned { artefact, role: Role::OtherModel }, *tolerance))
            }
            _ => None,
        };
        let threat = plan::threat(&claim);
        let mut ball = threat.eps.ball(threat.norm, input_box(claim.subject.scale())?);
        // What the rules came to on the data stands in the sealed run, so that the data need not be there. Comparing two artefacts takes no run.
        if let Some(summary) = &run {
            constrain(&mut ball, summary)?;
        }
        let mut model = model;
        if let Some(interface) =
            run.as_ref().and_then(|summary| summary.model.interface.as_ref()).filter(|interface| !interface.parts.is_empty())
        {
            model.artefact.input = Some(interface.input.name.clone());
        }
        let proves = run.as_ref().is_some_and(|run| run.certified.is_some());
        let attacked = verdict.witnesses.iter().any(|witness| witness.file != INPUTS);
        Ok(Self {
            ball,
            other,
            adversarial: attacked.then(|| Stored::read(&folder.join("run").join(ADVERSARIAL), model.artefact.task())).transpose()?,
            clean: Clean::Evidence(folder.join(INPUTS), run.map(|run| run.classes).unwrap_or_default()),
            model,
            witnesses: verdict.witnesses,
            proved: proves.then(|| (folder.join("run"), Box::new(plan::question(&claim, &beside, &Running::default())))),
            claim: Some(claim),
        })
    }

    fn run(folder: &Path, options: &ReplayOptions) -> Result<Self, ClaimError> {
        let run = brinell_ledger::read(folder)?;
        let summary = run.summary;
        let interface = summary.model.interface.as_ref();
        let asked = &summary.question;
        let artefact = Artefact {
            sha256: Some(summary.model.sha256.clone()),
            weights_sha256: summary.model.weights_sha256.clone(),
            input: interface.map(|interface| interface.input.name.clone()),
            output: interface.map(|interface| interface.output.name.clone()),
            threshold: interface.and_then(|interface| interface.threshold).or(asked.artefact.threshold),
            shape: interface.and_then(|interface| interface.shape.clone()),
            ..asked.artefact.clone()
        };
        let population = Population {
            data: options.data.clone().unwrap_or_else(|| asked.population.data.clone()),
            sha256: Some(summary.data.sha256.clone()),
            ..asked.population.clone()
        };
        let [lo, hi] = summary.allowed.input_box;
        let bounds = InputBox::new(lo as f32, hi as f32).map_err(brinell_subject::SubjectError::from)?;
        let mut ball = Ball { norm: asked.threat.norm, eps: summary.allowed.eps, bounds, features: None };
        constrain(&mut ball, &summary)?;
        let taken = run.samples.iter().map(|record| record.sample).collect();
        let broken = run.samples.into_iter().filter(|record| record.outcome == Outcome::Broken);
        let witness = |(row, record): (usize, SampleRecord)| Witness {
            file: ADVERSARIAL.to_owned(),
            row,
            sample: record.sample,
            label: record.label,
            target: summary.allowed.target,
            prediction: record.adv_prediction,
            norm: record.norm.unwrap_or(f64::NAN),
            margin: -record.margin,
            attack: record.attack,
            standing: Standing::Rejected,
            violation: None,
            opinions: Vec::new(),
        };
        let witnesses: Vec<Witness> = broken.enumerate().map(witness).collect();
        Ok(Self {
            ball,
            other: None,
            adversarial: (!witnesses.is_empty()).then(|| Stored::read(&folder.join(ADVERSARIAL), artefact.task())).transpose()?,
            model: Pinned { artefact, role: Role::Model },
            claim: None,
            clean: Clean::Run(population, taken),
            witnesses,
            proved: summary.certified.is_some().then(|| (folder.to_path_buf(), Box::new(summary.question))),
        })
    }

    /// Returns path and digest of the model, which must be the one that the record is about.
    ///
    /// # Errors
    /// [`ClaimError::Other`], [`ClaimError::Missing`].
    pub(super) fn model_file(&self, options: &ReplayOptions) -> Result<FileHash, ClaimError> {
        self.model.file(options.model.as_deref())
    }

    /// Checks the certificates again, where there are some.
    ///
    /// # Errors
    /// [`ClaimError::Audit`] where model or data are others or not there.
    pub(super) fn certificates(&self, options: &ReplayOptions, stop: &AtomicBool) -> Result<Vec<Rechecked>, ClaimError> {
        let Some((run, question)) = &self.proved else { return Ok(Vec::new()) };
        let mut question = question.clone();
        question.artefact.model = self.model.found(options.model.as_deref())?.to_path_buf();
        if let Some(data) = &options.data {
            question.population.data.clone_from(data);
        }
        question.running = options.running.clone();
        recheck_audit(run, &question, stop).map_err(|error| AuditError::from(error).into())
    }

    /// Returns the id of the claim that the counterexamples belong to.
    pub(super) fn claim_id(&self) -> Option<String> {
        self.claim.as_ref().map(|claim| claim.id.clone())
    }

    /// Reads the model, which must be the one that the record is about, and the unchanged samples.
    ///
    /// # Errors
    /// [`ClaimError::Other`], [`ClaimError::Missing`], [`ClaimError::Audit`].
    pub(super) fn open_model(self, options: &ReplayOptions) -> Result<OpenSource, ClaimError> {
        let Opened { subject, data } = self.model.open(options.model.as_deref(), &self.clean)?;
        let clean = match &self.clean {
            Clean::Evidence(path, _) => Stored::of(path, data)?,
            Clean::Run(population, _) => {
                if let Some(expected) = population.sha256.as_ref().filter(|expected| **expected != data.sha256) {
                    let (path, expected) = (population.data.clone(), expected.clone());
                    return Err(ClaimError::Other { path, found: data.sha256, expected, role: Role::Data });
                }
                let rows = data.samples().map(|sample| (sample, sample)).collect();
                Stored { scale: self.model.artefact.scale(), data, rows, references: Vec::new() }
            }
        };
        Ok(OpenSource { source: self, subject, clean })
    }
}

impl OpenSource {
    pub(super) fn witnesses(&self) -> &[Witness] {
        &self.source.witnesses
    }

    pub(super) fn ball(&self) -> &Ball {
        &self.source.ball
    }

    /// Returns the shape of one stored sample.
    pub(super) fn shape(&self) -> &[usize] {
        &self.clean.data.shape
    }

    /// Reads the other artefact of an `equal` claim, with the difference that is allowed.
    ///
    /// # Errors
    /// As [`Source::open_model`].
    pub(super) fn open_other(&self, options: &ReplayOptions) -> Result<Option<(Subject, f64)>, ClaimError> {
        let Some((other, tolerance)) = &self.source.other else { return Ok(None) };
        Ok(Some((other.open(options.other.as_deref(), &self.source.clean)?.subject, *tolerance)))
    }

    /// Returns the row of the stored samples that a sample stands in.
    pub(super) fn row(&self, sample: usize) -> usize {
        self.clean.rows.get(&sample).copied().unwrap_or(usize::MAX)
    }

    /// Reads the unchanged sample and the counterexample.
    ///
    /// # Errors
    /// [`ClaimError::Nothing`] where a file lacks them.
    pub(super) fn points(&self, witness: &Witness) -> Result<(Vec<f32>, Vec<f32>), ClaimError> {
        let missing = || ClaimError::Nothing { path: PathBuf::from(&witness.file) };
        let x = self.clean.sample(witness.sample).ok_or_else(missing)?;
        if witness.file == INPUTS {
            return Ok((x.clone(), x));
        }
        let x_adv = self.source.adversarial.as_ref().and_then(|samples| samples.sample(witness.sample)).ok_or_else(missing)?;
        Ok((x, x_adv))
    }

    /// Returns what contradicts the record, where the unchanged samples bring labels along: another label than the witness has.
    pub(super) fn other_label(&self, witness: &Witness) -> Option<String> {
        let label = label_of(&self.clean.data, self.row(witness.sample))?;
        (label != witness.label).then(|| format!("the label is {} in the record, but {label} in the data", witness.label))
    }

    /// Returns what a counterexample has to show. The reference of a pair is embedded by the first judge.
    ///
    /// # Errors
    /// [`ClaimError::Nothing`] where the reference of a pair is not there, [`ClaimError::Audit`].
    pub(super) fn charge(&self, witness: &Witness, panel: &mut Panel, preprocess: &Preprocess) -> Result<Charge, ClaimError> {
        let reference = match &witness.label {
            Label::Pair { .. } => {
                let missing = || ClaimError::Nothing { path: PathBuf::from(&witness.file) };
                let row = self.row(witness.sample);
                let x = self.clean.reference(row).ok_or_else(missing)?;
                panel.embed(preprocess, row, &x)?
            }
            _ => None,
        };
        let truth = truth_of(&witness.label, reference.as_deref()).unwrap_or(Truth::Class(usize::MAX));
        let demand = |target: Option<usize>| Demand { truth: truth.clone(), wanted: Wanted::class(target) };
        let non_finite = |claim: &Claim| matches!(claim.property, Property::Bound { quantity: Quantity::NonFiniteRate, .. });
        Ok(match (witness.target, &witness.attack) {
            _ if self.source.claim.as_ref().is_some_and(non_finite) => Charge::NonFinite(demand(None)),
            (target @ Some(_), _) | (target, Some(_)) => Charge::Goal(demand(target)),
            (None, None) => Charge::Wrong(demand(None)),
        })
    }
}

/// Puts the rules of a run's features into a ball.
fn constrain(ball: &mut Ball, summary: &Summary) -> Result<(), ClaimError> {
    if let Some(record) = &summary.allowed.features {
        features::constrain(ball, features::of_record(record)?)?;
    }
    Ok(())
}

/// Reads samples that a check stored, with what these inputs are held at, for which evidence has names of its own.
fn stored(path: &Path, names: &[String], truth: TruthKind, class_names: &[String]) -> Result<Dataset, DataError> {
    let arrays = names.iter().map(|name| held_name(name)).collect();
    let options = LoadOptions { arrays, missing: true, truth, ..LoadOptions::default() };
    let mut data = data::load_alone(path, &options)?;
    data.class_names = (!class_names.is_empty()).then(|| class_names.to_vec());
    data.arrays.iter_mut().zip(names).for_each(|(array, name)| array.name.clone_from(name));
    Ok(data)
}

impl Pinned {
    /// Reads the model, which must have the digests of the record, and the samples.
    ///
    /// # Errors
    /// [`ClaimError::Other`], [`ClaimError::Missing`], [`ClaimError::Audit`].
    fn open(&self, named: Option<&Path>, clean: &Clean) -> Result<Opened, ClaimError> {
        let path = self.found(named)?;
        let artefact = Artefact { model: path.to_path_buf(), ..self.artefact.clone() };
        let opened = match clean {
            Clean::Evidence(inputs, classes) => {
                let population = Population { data: inputs.clone(), ..Population::default() };
                // Of a table all inputs were attacked where none was named, and the samples are no table here.
                let input = artefact.input.clone().map_or_else(|| all_inputs(&artefact), |input| Ok(Some(input)))?;
                let artefact = Artefact { input, ..artefact };
                Subject::open_with(&artefact, &population, &|options| stored(inputs, &options.arrays, options.truth, classes))?
            }
            Clean::Run(population, taken) => {
                if !population.data.exists() {
                    return Err(ClaimError::Missing { path: population.data.clone(), role: Role::Data });
                }
                // Which samples a limit took is what the record says, whatever it would take today.
                let rows = population.n.map(|_| taken.clone());
                let read = |options: &LoadOptions| data::load(&population.data, &LoadOptions { rows: rows.clone(), ..options.clone() });
                Subject::open_with(&artefact, population, &read)?
            }
        };
        self.compare(path, &opened.subject.sha256, opened.subject.weights_sha256.as_ref())?;
        Ok(opened)
    }

    /// Returns the file's path and digest, which must be that of the record. Of a file it is not asked whether it can be used.
    ///
    /// # Errors
    /// As [`Pinned::open`].
    fn file(&self, named: Option<&Path>) -> Result<FileHash, ClaimError> {
        let path = self.found(named)?;
        let artefact = Artefact { model: path.to_path_buf(), ..self.artefact.clone() };
        let (sha256, weights) = if artefact.is_address() {
            (Subject::load(&artefact)?.sha256, None)
        } else {
            digests(path, &read_model(path, &known(&artefact))?)?
        };
        self.compare(path, &sha256, weights.as_ref())?;
        Ok(FileHash { path: path.display().to_string(), sha256 })
    }

    /// Returns where the artefact is. A file has the digest of the record, whatever else it may be.
    fn found<'a>(&'a self, named: Option<&'a Path>) -> Result<&'a Path, ClaimError> {
        let path = named.unwrap_or(&self.artefact.model);
        if Artefact::of(path).is_address() {
            return Ok(path);
        }
        if !path.exists() {
            return Err(ClaimError::Missing { path: path.to_path_buf(), role: self.role });
        }
        let found = hash::sha256_file(path).map_err(FileError::on("read", path))?;
        self.compare_one(path, &found, self.artefact.sha256.as_ref()).map(|()| path)
    }

    fn compare(&self, path: &Path, sha256: &str, weights: Option<&String>) -> Result<(), ClaimError> {
        self.compare_one(path, sha256, self.artefact.sha256.as_ref())?;
        self.compare_one(path, weights.map_or("", String::as_str), self.artefact.weights_sha256.as_ref())
    }

    fn compare_one(&self, path: &Path, found: &str, expected: Option<&String>) -> Result<(), ClaimError> {
        match expected {
            Some(expected) if found != expected => {
                let (path, found, expected) = (path.to_path_buf(), found.to_owned(), expected.clone());
                Err(ClaimError::Other { path, found, expected, role: self.role })
            }
            _ => Ok(()),
        }
    }
}

impl Stored {
    /// Reads samples that a run or a check wrote.
    fn read(path: &Path, task: TaskKind) -> Result<Self, ClaimError> {
        Self::of(path, data::load_alone(path, &LoadOptions { missing: true, truth: truth_kind(task), ..LoadOptions::default() })?)
    }

    fn of(path: &Path, data: Dataset) -> Result<Self, ClaimError> {
        let rows = data::numbers(path, "sample")?.into_iter().enumerate().map(|(row, sample)| (sample, row)).collect();
        // The references of pairs stand beside their samples.
        let references = match data::reals(path, "reference") {
            Ok(values) if data.labels.is_empty() => values.into_iter().map(|v| v as f32).collect(),
            _ => Vec::new(),
        };
        Ok(Self { data, scale: Scale::Unit, rows, references })
    }

    /// Returns the reference of the pair in a row.
    fn reference(&self, row: usize) -> Option<Vec<f32>> {
        let len = self.data.sample_len();
        let stored = self.references.get(row * len..(row + 1) * len).map(<[f32]>::to_vec);
        stored.or_else(|| self.data.reference(row, self.scale))
    }

    fn sample(&self, sample: usize) -> Option<Vec<f32>> {
        let row = *self.rows.get(&sample).filter(|row| self.data.place(**row).is_some())?;
        let mut x = vec![0.0; self.data.sample_len()];
        self.data.sample(row, self.scale, &mut x);
        Some(x)
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, wrong: impl FnOnce(String) -> LedgerError) -> Result<T, ClaimError> {
    let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()).into())
}
