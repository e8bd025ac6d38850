//! Adversarial training of a shipped ONNX file: the same file comes out, with other numbers, and the gain is shown on samples that training never saw.
//!
//! [`harden()`] is the whole of it. The attack of training and its step are graphs of standard operators ([`brinell_autodiff::training_graph`]) on the runtime that
//! runs the model; what moves the weights is a loop over them.
//!
//! # Shapes
//! B batch, d values of one sample, K classes; samples are in the scale that the artefact declares.
//!
//! # Guarantees
//! Weights are a function of model, samples, settings, runtime and machine: not of threads, and not of how often a run was killed and gone on with.

mod ask;
#[cfg(test)]
mod bench;
mod curve;
mod elsewhere;
mod error;
mod folder;
mod inner;
mod judge;
mod net;
mod optimiser;
mod parts;
mod plan;
mod samples;
mod state;
mod step;
mod training;
mod write;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use brinell_autodiff::TrainingLoss;
use brinell_engine::{Artefact, Meaning, QueryGraph, Running};
use brinell_record::{FileError, HARDEN_SCHEMA, HardenIdentity, HardenSummary, Method, Norm, Recipe, StepLine, hash};
use brinell_subject::{Case, Referee, Subject};

pub use ask::{Ask, Job};
pub use curve::{CURVE, Traced, curve};
pub use error::HardenError;
pub use training::{Progress, Watcher};

use crate::folder::Folder;
use crate::net::Net;
use crate::parts::Parts;
use crate::plan::Plan;
use crate::samples::Image;
use crate::state::State;
use crate::step::Course;
use crate::training::{JUDGED, Training, steps_of};

/// A finished run.
#[derive(Debug, Clone)]
pub struct Hardened {
    /// What it leaves.
    pub summary: HardenSummary,
    /// Every step.
    pub steps: Vec<StepLine>,
    /// True where a flag of an audit blocks, or where more clean accuracy was lost than is allowed.
    pub unreliable: bool,
}

/// Trains a model against attacks, writes the file with new numbers, and audits both on test samples.
///
/// # Errors
/// [`HardenError`] says what cannot be used; nothing is written before model, data and settings are checked. After [`HardenError::Interrupted`] the run can be gone
/// on with.
pub fn harden(ask: &Ask, job: &Job, stop: &AtomicBool, watcher: &mut dyn Watcher) -> Result<Hardened, HardenError> {
    let question = &ask.question;
    let model = question.artefact.model.as_path();
    check_threat(ask)?;
    let opened = Subject::open(&question.artefact, &question.population)?;
    opened.subject.check_answers("hardening")?;
    let original = std::fs::read(model).map_err(FileError::on("read", model))?;
    // What is read here is what was hashed there.
    opened.subject.check_unchanged()?;
    let mut case = Case::new(opened, question)?;
    refuse_kinds(model, &case)?;
    // Nothing is trained that the file would not compute.
    let (_, why_not) = case.oracle(&question.running)?;
    if let Some(reason) = why_not {
        return Err(HardenError::Unsupported {
            model: model.to_path_buf(),
            what: format!("runs only with the batch size in the file ({reason})"),
        });
    }
    let query = query(&case)?;
    let stored =
        brinell_onnx::stored(&original).map_err(|source| HardenError::Import { path: model.to_path_buf(), source: Box::new(source) })?;
    let plan = Plan::new(model, &query, stored, &ask.only, &ask.freeze)?;
    let image = Image::of(&case.data.shape).filter(|_| case.ball.features.is_none());
    let mut recipe = ask.recipe(&query, plan.parameters(), image)?;
    let locations = case.subject.model.external.clone();
    let finished = job.resume && job.output.exists();
    if !finished {
        write::check_output(model, &job.output, &locations)?;
    }
    let mut parts = Parts::new(ask, &case)?;
    let judged = parts.validation.first(JUDGED);
    let mut folder = Folder::open(&job.folder, job.resume)?;

    let running = Running { threads: Some(NonZeroUsize::MIN), ..question.running.clone() };
    let runtime = case.subject.runtime(&running)?;
    let threads = question.running.thread_count().get();
    let loss = training_loss(&recipe);
    let mut net = Net::new(runtime.as_ref(), &query, &plan.trained, loss, &case.data.shape, threads, recipe.lane)?;
    let weights: Vec<Vec<f32>> = plan.trained.iter().map(|tensor| tensor.values.clone()).collect();
    let matrices: Vec<bool> = plan.trained.iter().map(|tensor| tensor.stored.shape.len() > 1).collect();
    let per_epoch = steps_of(parts.train.len(), recipe.batch);
    let parent = case.subject.sha256.clone();

    let facts = facts(&case, ask, &parts, runtime.as_ref());
    let mut epoch_seconds = None;
    let identity = if job.resume {
        let identity = folder.identity()?;
        check_same(&job.folder, &identity, ask, &facts, &recipe)?;
        recipe = identity.recipe.clone();
        identity
    } else {
        let course = Course { recipe: &recipe, ball: &case.ball, samples: &parts.train, image, total: per_epoch, matrices: &matrices };
        epoch_seconds = Some(time_epoch(&course, &mut net, &weights, per_epoch, judged.len())?);
        ask.decide(&mut recipe, per_epoch, epoch_seconds)?;
        HardenIdentity {
            schema: HARDEN_SCHEMA.to_owned(),
            question: question.clone(),
            recipe: recipe.clone(),
            facts,
            tensors: plan.tensors.clone(),
        }
    };
    let total = per_epoch * recipe.epochs;
    let course = Course { recipe: &recipe, ball: &case.ball, samples: &parts.train, image, total, matrices: &matrices };
    let fresh = State::new(recipe.optimizer, weights, recipe.steps, recipe.ema > 0.0);
    let mut state = fresh.clone();
    if job.resume && folder.last().is_file() {
        state = fresh.load(&folder.last(), &parent)?;
        folder.cut(state.count.step)?;
    } else if job.resume {
        folder.cut(0)?;
    }
    let samples = [parts.train.len(), parts.validation.len(), parts.test.as_ref().map_or(0, |test| test.len())];
    watcher.progress(Progress::Begins {
        folder: &job.folder,
        trained: (plan.trained.len(), plan.parameters()),
        samples,
        steps: (total, state.count.step),
        epoch_seconds,
    });
    let mut training =
        Training { course, validation: &judged, folder: &mut folder, parent: &parent, seed: recipe.seed, budget: ask.budget, stop };
    if state.count.step == 0 {
        training.reset()?;
        let first = training.start(&mut net, &state)?;
        watcher.progress(Progress::Epoch(&first));
        // From here on there is something to go on with.
        training.begin(&identity)?;
    }
    let (state, epochs) = training.run(&mut net, state, watcher)?;

    let before = epochs.first().copied().ok_or_else(|| internal("no epoch was checked"))?;
    let best = state.count.best.filter(|&(_, robust, _)| robust > before.robust);
    let (chosen, _, clean_after) = best.ok_or(HardenError::NoGain { robust: before.robust, n: before.n })?;
    let kept = fresh.load(&folder.best(), &parent)?;
    let clean_loss = 100.0 * (before.clean as f64 - clean_after as f64) / before.n.max(1) as f64;
    let metadata = provenance(&parent, &identity, &case, chosen);
    let ranges = write::write(model, &original, &job.output, &locations, &plan.trained, kept.judged(), metadata)?;
    compare_written(&case, &job.output, &judged, &mut net, kept.judged())?;

    let (test, tested) = parts.test(ask, &case, &job.folder)?;
    let starting: Vec<Vec<f32>> = plan.trained.iter().map(|tensor| tensor.values.clone()).collect();
    let elsewhere = elsewhere::measure(&mut net, [&starting, kept.judged()], &tested, &case.ball, recipe.seed)?;
    let mut judging = question.clone();
    judging.population = test;
    judging.effort.suite = Some(ask.suite.clone());
    let judged = judge::judge(&judging, job, stop, watcher)?;
    let summary = HardenSummary {
        schema: HARDEN_SCHEMA.to_owned(),
        headline: judged.headline,
        identity,
        output: job.output.display().to_string(),
        output_sha256: hash::sha256_file(&job.output).map_err(FileError::on("read", &job.output))?,
        ranges,
        epochs,
        chosen,
        incidents: state.count.incidents.clone(),
        notes: parts.notes,
        clean_loss,
        max_clean_loss: ask.max_clean_loss,
        seconds: state.count.seconds,
        comparison: judged.comparison,
        accuracy: judged.accuracy,
        elsewhere,
    };
    folder.json("summary.json", &summary)?;
    let unreliable = judged.unreliable || clean_loss > ask.max_clean_loss;
    Ok(Hardened { steps: folder.steps()?, summary, unreliable })
}

fn internal(what: &str) -> HardenError {
    HardenError::Internal { what: what.to_owned() }
}

/// Refuses threats that training does not attack.
fn check_threat(ask: &Ask) -> Result<(), HardenError> {
    let threat = &ask.question.threat;
    if ask.question.artefact.is_address() {
        return Err(HardenError::Address { model: ask.question.artefact.model.clone() });
    }
    if !matches!(threat.norm, Norm::Linf | Norm::L2) {
        return Err(HardenError::Norm { norm: threat.norm.name() });
    }
    if let Some(target) = &threat.target {
        return Err(HardenError::Threat { what: format!("the target class {target} was given") });
    }
    match threat.eps.eps() {
        Some(eps) if eps.value() > 0.0 => Ok(()),
        _ => Err(HardenError::Threat { what: format!("{} was given", threat.eps) }),
    }
}

/// Refuses models of kinds that are not trained.
fn refuse_kinds(model: &Path, case: &Case) -> Result<(), HardenError> {
    let refuse = |what: &str| Err(HardenError::Unsupported { model: model.to_path_buf(), what: what.to_owned() });
    let subject = &case.subject;
    if subject.signature.meaning != Meaning::Class {
        return refuse("does not answer with one class");
    }
    if subject.signature.takes_integers() {
        return refuse("takes whole numbers");
    }
    if !subject.held.inputs().is_empty() {
        return refuse("has several inputs");
    }
    if case.data.has_missing() {
        return refuse("gets samples with missing values");
    }
    Ok(())
}

/// Returns the graph from stored samples to logits, with a free batch.
fn query(case: &Case) -> Result<QueryGraph, HardenError> {
    let subject = &case.subject;
    let (graph, _) = subject.with_free_batch();
    let artefact = Artefact { input: Some(subject.signature.input_name.clone()), ..subject.artefact.clone() };
    Ok(QueryGraph::new(&graph, &artefact, subject.signature.columns.as_deref(), &subject.held, &case.preprocess)?)
}

fn training_loss(recipe: &Recipe) -> TrainingLoss {
    match recipe.method {
        // All of it clean: then nothing is attacked, and one copy of the model does.
        Method::Pgd | Method::Fast | Method::FgsmRs => {
            TrainingLoss::Mixed { clean: if recipe.clean_weight >= 1.0 { 0.0 } else { recipe.clean_weight } }
        }
        Method::Trades => TrainingLoss::Trades { beta: recipe.beta },
        Method::Mart => TrainingLoss::Mart { beta: recipe.beta },
    }
}

/// Returns about how many seconds an epoch takes, from two steps whose results are dropped.
fn time_epoch(course: &Course<'_>, net: &mut Net, weights: &[Vec<f32>], per_epoch: usize, judged: usize) -> Result<f64, HardenError> {
    let recipe = course.recipe;
    let mut state = State::new(recipe.optimizer, weights.to_vec(), recipe.steps, recipe.ema > 0.0);
    let places: Vec<usize> = (0..recipe.batch.min(course.samples.len())).collect();
    // The first call of a session is slower than those behind it.
    course.step(net, &mut state, &places, |_| false)?;
    let start = Instant::now();
    for _ in 0..2 {
        course.step(net, &mut state, &places, |_| false)?;
    }
    let step = start.elapsed().as_secs_f64() / 2.0;
    // The check of an epoch asks for at most 42 gradients of each of its samples, a step for some of each of its own.
    let check = 42.0 * judged as f64 / (recipe.batch * (recipe.steps + 2)) as f64;
    Ok(step * (per_epoch as f64 + check))
}

/// What decides the result beside the settings.
fn facts(case: &Case, ask: &Ask, parts: &Parts, runtime: &dyn brinell_engine::Runtime) -> BTreeMap<String, String> {
    let digest = |samples: &samples::Samples| hash::sha256_json(&samples.digests());
    let mut facts = BTreeMap::from([
        ("brinell version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("model (sha256)".to_owned(), case.subject.sha256.clone()),
        ("data (sha256)".to_owned(), case.data.sha256.clone()),
        ("training samples (sha256)".to_owned(), digest(&parts.train)),
        ("validation samples (sha256)".to_owned(), digest(&parts.validation)),
        ("labels (sha256)".to_owned(), hash::sha256_json(&(&case.data.labels, &parts.validation.data.labels))),
        ("runtime".to_owned(), format!("{} {} on {}", runtime.name(), runtime.version(), runtime.device())),
        ("tensors chosen".to_owned(), ask.only.join(", ")),
        ("tensors frozen".to_owned(), ask.freeze.join(", ")),
    ]);
    facts.extend(case.subject.weights_sha256.clone().map(|digest| ("model weights (sha256)".to_owned(), digest)));
    facts
}

/// Checks that a run is gone on with as it was begun.
fn check_same(
    folder: &Path,
    identity: &HardenIdentity,
    ask: &Ask,
    facts: &BTreeMap<String, String>,
    recipe: &Recipe,
) -> Result<(), HardenError> {
    let refuse = |what: String| Err(HardenError::Resume { folder: folder.to_path_buf(), what });
    if let Some((name, was)) = identity.facts.iter().find(|(name, was)| facts.get(*name) != Some(*was)) {
        let now = facts.get(name).map_or("nothing", String::as_str);
        return refuse(format!("{name} was {was} and is {now}"));
    }
    if let Some((name, was, now)) = identity.question.essence().differences(&ask.question.essence()).into_iter().next() {
        return refuse(format!("{name} was {was} and is {now}"));
    }
    // What time decided stays decided.
    let decided = Recipe { epochs: identity.recipe.epochs, ema: identity.recipe.ema, ..recipe.clone() };
    let asked = ask.epochs.is_none_or(|epochs| epochs == identity.recipe.epochs) && ask.ema.is_none_or(|ema| ema == identity.recipe.ema);
    if decided != identity.recipe || !asked {
        return refuse("its training settings differ".to_owned());
    }
    Ok(())
}

/// What the hardened file says of where it comes from.
fn provenance(parent: &str, identity: &HardenIdentity, case: &Case, chosen: usize) -> Vec<(String, String)> {
    let recipe = &identity.recipe;
    let threat = &identity.question.threat;
    let said = serde_json::json!({
        "method": recipe.method,
        "clean_weight": recipe.clean_weight,
        "norm": threat.norm.name(),
        "eps": threat.eps.text(),
        "data_sha256": case.data.sha256,
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "chosen_epoch": chosen,
        "brinell": env!("CARGO_PKG_VERSION"),
    });
    vec![("brinell.parent_sha256".to_owned(), parent.to_owned()), ("brinell.harden".to_owned(), said.to_string())]
}

/// Samples on which the written file is compared with what was trained.
const COMPARED: usize = 64;

/// Checks that the written file computes what was trained.
///
/// # Errors
/// [`HardenError::NotEquivalent`].
fn compare_written(case: &Case, output: &Path, samples: &samples::Samples, net: &mut Net, weights: &[Vec<f32>]) -> Result<(), HardenError> {
    let subject = &case.subject;
    let (x, ..) = samples.first(COMPARED).read(0..COMPARED);
    let trained = training::logits(net, weights, &x)?;
    let mut referee = Referee::new(output, case.runtime.as_ref(), &subject.signature, std::sync::Arc::clone(&subject.held))?;
    let mut gap = 0.0f64;
    for (x, logits) in x.chunks(net.sample_len.max(1)).zip(trained.chunks(net.classes.max(1))) {
        let expected = subject.signature.reading.output(logits);
        let found = referee.ask(&case.preprocess, x, 0)?.output;
        let size = expected.iter().fold(1.0f64, |most, value| most.max(value.abs()));
        for (a, &b) in expected.iter().zip(&found) {
            let difference = (a - f64::from(b)).abs() / size;
            gap = if difference.is_nan() { f64::INFINITY } else { gap.max(difference) };
        }
    }
    if gap <= f64::from(subject.rounding()) { Ok(()) } else { Err(HardenError::NotEquivalent { gap }) }
}
