//! From a question to a run that can start: everything is read and checked before anything is written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_attack::{Knowledge, Suite, SuiteStage};
use brinell_engine::{Meaning, Oracle};
use brinell_ledger::run::{Identity, RunFolder, StageLine};
use brinell_proof::Prover;
use brinell_record::{FileError, Label, Question, Sanity, hash};
use brinell_subject::{Case, Opened};
use brinell_task::Objective;

use crate::book::Book;
use crate::events::{Event, Observer};
use crate::flags::{BATCH_ONE, DEVICE, ENDPOINT, Flags, HOST, NO_GRADIENT, RUNTIME};
use crate::knowledge::{Asked, Settled};
use crate::shard::Scope;
use crate::slope::Agreement;
use crate::state::{States, Tally};
use crate::trees::trees_of;
use crate::{AuditError, Job};

/// An audit under way.
pub(super) struct Run<'a> {
    pub(super) question: &'a Question,
    pub(super) job: &'a Job,
    pub(super) stop: &'a AtomicBool,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) started: std::time::Instant,
    pub(super) case: Case,
    pub(super) book: Book,
    /// Samples taken that have values outside the box.
    pub(super) outside: usize,
    /// Clean samples about which the model said something else in a batch than alone.
    pub(super) astray: usize,
    /// Samples taken whose logits are probabilities.
    pub(super) probabilities: usize,
    pub(super) flags: Flags,
    /// What the attacks may see: less than was asked for where the model has no gradient.
    pub(super) knowledge: Knowledge,
    /// The suite that the stages are of, `custom` where they were named one by one.
    pub(super) suite: String,
    pub(super) sanity: Sanity,
    /// What the gradient of each objective was found to be like: see [`Run::check_slope`].
    pub(super) slopes: Vec<(Objective, Agreement)>,
    /// Names of the steps of a defence that gradients go straight through.
    pub(super) bridged: Vec<String>,
    /// The model in a form that can be bounded, where proofs are looked for.
    pub(super) prover: Option<Prover>,
    /// Whether it is a whole run, a shard, or shards that are merged.
    pub(super) scope: Scope<'a>,
    /// Adversarial examples of shards that are not confirmed where these are merged.
    pub(super) refused: usize,
}

impl<'a> Run<'a> {
    pub(super) fn open(
        question: &'a Question,
        job: &'a Job,
        asked: Asked<'_>,
        opened: Opened,
        scope: Scope<'a>,
        stop: &'a AtomicBool,
        observer: &'a mut dyn Observer,
    ) -> Result<(Self, Oracle), AuditError> {
        let started = std::time::Instant::now();
        let mut flags = Flags::default();
        let mut case = Case::new(opened, question)?;
        if let Some(note) = case.runtime.note() {
            flags.raise(&RUNTIME, note);
        }
        let (mut oracle, why_not) = case.oracle(&question.running)?;
        if let Some(reason) = &why_not {
            let ignored = if question.running.batch.is_some() { " (the requested batch size has no effect)" } else { "" };
            let message = format!("the model runs only with the batch size in the file, which is slower{ignored}: {reason}");
            flags.raise(&BATCH_ONE, message);
        }
        let prover = question.effort.certify.map(|_| Prover::new(&case.subject, &case.preprocess)).transpose()?;
        // Nothing is written before it is known that every attack can see what it needs.
        let wanted = case.wanted();
        let Settled { chosen, knowledge, trees, instead } = asked.settle(&mut oracle, &wanted, &mut || trees_of(&mut case))?;
        case.trees = trees;
        if let Some(message) = instead {
            flags.raise(&NO_GRADIENT, message);
        }
        let stages: Arc<[SuiteStage]> = chosen.stages.into();
        if case.subject.endpoint.is_some() {
            flags.raise(&ENDPOINT, format!("the model is on the server {}, so its weights are unknown and may have changed during the audit; the digest is that of the server's description of the model", question.artefact.model.display()));
        }
        if case.subject.host.is_some() {
            flags.raise(&HOST, format!("the model is {}, an object of a running program: no file is judged, its digest is that of what is known about it, and the examples can only be replayed where the object is", question.artefact.model.display()));
        }
        let identity = Identity { shard: scope.share(), ..identity(question, &case, &stages, knowledge) };
        let (folder, past) = RunFolder::open(&job.out, &identity, case.data.sample_len(), job.resume)?;
        let runtime = format!("{} {}", case.runtime.name(), case.runtime.version());
        observer.event(Event::Opened { out: folder.path(), runtime: &runtime, n: case.data.n, batch: case.batch });
        let machine = |line: &StageLine| if let StageLine::Machine { machine } = line { Some(machine.clone()) } else { None };
        let book = Book {
            machines: past.stages.iter().filter_map(machine).collect(),
            folder,
            states: States::default(),
            tallies: vec![Tally::default(); stages.len()],
            stages,
            standing: 0,
            past_stages: past.stages,
            past_seconds: 0.0,
            proof_seconds: 0.0,
            recorded: past.records.iter().map(|record| record.sample).collect(),
            nearest: question.threat.eps.is_nearest(),
            norm: question.threat.norm,
            target: case.target,
            task: case.task(),
            of_classes: case.is_of_classes(),
            of_one_class: case.subject.signature.meaning == Meaning::Class,
        };
        let mut run = Self {
            question,
            job,
            stop,
            observer,
            started,
            case,
            book,
            outside: 0,
            astray: 0,
            probabilities: 0,
            flags,
            knowledge,
            suite: chosen.suite,
            sanity: Sanity { level: question.effort.sanity, samples: 0, forwards: 0, backwards: 0, seconds: 0.0 },
            slopes: Vec::new(),
            bridged: Vec::new(),
            prover,
            scope,
            refused: 0,
        };
        run.flag_structure();
        run.flag_defence(&oracle);
        run.note_sessions(&oracle);
        Ok((run, oracle))
    }

    /// Returns an error once the user has asked to stop.
    pub(super) fn check_stop(&self) -> Result<(), AuditError> {
        if self.stop.load(Ordering::Relaxed) { Err(AuditError::INTERRUPTED) } else { Ok(()) }
    }

    /// Runs a check that asks the model by itself, and counts its time.
    pub(super) fn timed<T>(&mut self, check: impl FnOnce(&mut Self) -> Result<T, AuditError>) -> Result<T, AuditError> {
        let start = std::time::Instant::now();
        let result = check(self);
        self.sanity.seconds += start.elapsed().as_secs_f64();
        result
    }

    /// Says where a session does not run as asked, such as partly on the processor instead of the device.
    pub(super) fn note_sessions(&mut self, oracle: &Oracle) {
        if let Some(note) = oracle.note().or_else(|| self.case.referee.note()) {
            let message = note.to_owned();
            self.flags.raise(&DEVICE, message);
        }
    }
}

/// Returns the suite of that name, or reads the file.
///
/// # Errors
/// [`AuditError::File`]; [`AuditError::Attack`] where there is neither, or where the file is no suite.
pub fn load_suite(name: &str) -> Result<Suite, AuditError> {
    let path = Path::new(name);
    if brinell_attack::suites().all(|known| known != name) && (path.is_file() || path.extension().is_some_and(|end| end == "toml")) {
        let text = std::fs::read_to_string(path).map_err(FileError::on("read the suite", path))?;
        return Ok(Suite::parse(name, &text)?);
    }
    Ok(Suite::named(name)?)
}

/// The digest of what is right about the samples, and of the names of classes.
fn labels(case: &Case) -> String {
    if case.is_of_classes() {
        return hash::sha256_json(&(&case.data.labels, &case.class_names));
    }
    let labels: Vec<Label> = case.data.samples().map(|sample| case.label(sample)).collect();
    hash::sha256_json(&(labels, &case.class_names))
}

/// What decides the result, for `run.json`.
fn identity(question: &Question, case: &Case, stages: &[SuiteStage], knowledge: Knowledge) -> Identity {
    let attacks: Vec<String> = stages.iter().map(SuiteStage::describe).collect();
    let (subject, data, runtime) = (&case.subject, &case.data, &case.runtime);
    let mut facts = BTreeMap::from([
        ("attacks".to_owned(), attacks.join(" ")),
        ("brinell version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("data (sha256)".to_owned(), data.sha256.clone()),
        ("knowledge".to_owned(), knowledge.name().to_owned()),
        ("labels and class names (sha256)".to_owned(), labels(case)),
        ("model (sha256)".to_owned(), subject.sha256.clone()),
        (Identity::SAMPLES.to_owned(), data.n.to_string()),
        ("runtime".to_owned(), format!("{} {} on {}", runtime.name(), runtime.version(), runtime.device())),
    ]);
    if !data.rows.is_empty() {
        facts.insert(Identity::DRAWN.to_owned(), hash::sha256_json(&data.rows));
    }
    if let Some(features) = &case.ball.features {
        let record = brinell_subject::features::to_record(features, &data.columns);
        facts.insert("features (sha256)".to_owned(), hash::sha256_json(&record));
    }
    facts.extend(subject.artefact.shape.as_ref().map(|shape| ("shape".to_owned(), format!("{shape:?}"))));
    facts.extend(subject.weights_sha256.clone().map(|digest| ("model weights (sha256)".to_owned(), digest)));
    Identity { schema: Identity::SCHEMA.to_owned(), question: question.clone(), facts, shard: None }
}
