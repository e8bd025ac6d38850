//! The same audits of several models on the same samples, and the order that follows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_data::{LoadOptions, load};
use brinell_ledger::run::Completed;
use brinell_ledger::{LedgerError, RankEntry};
use brinell_record::{Artefact, Question, Radius, Ranking, Scale};
use brinell_subject::{Subject, SubjectError};

use crate::class_distance::class_distance;
use crate::{AuditError, Event, Job, Observer, audit};

/// Folder of the audit for the nearest examples, in that of the audit at the radius.
const NEAREST: &str = "minimum-norm";

/// A model of a ranking.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Name in tables, and of its folder as far as a folder can be called so.
    pub name: String,
    /// File or address, and the preprocessing in front of it. A scale other than that of the question is the range in which mean and deviation are given.
    pub artefact: Artefact,
}

/// What is asked of several models.
#[derive(Debug, Clone)]
pub struct RankQuestion {
    /// The models.
    pub models: Vec<Candidate>,
    /// Samples, threat, effort and runtime, the same for all; of the artefact only the scale counts.
    pub question: Question,
    /// Whether the nearest examples are looked for as well.
    pub nearest: bool,
}

/// A model, ready to be audited.
struct Ready {
    name: String,
    folder: PathBuf,
    question: Question,
    /// Digests of the model and of the samples.
    digests: [String; 2],
}

/// Audits every model at the radius and, where asked for, for its nearest examples, each in a folder of its own in that of the job, and puts the models in order. `finished` is told of each audit.
///
/// # Guarantees
/// Every folder is that of a normal run. All models are opened and compared before the first is attacked. With [`Job::resume`], finished audits are taken as they are, and one that was stopped goes on.
///
/// # Errors
/// [`AuditError`] names what does not fit; [`LedgerError::Stale`] where a finished audit answers another question.
pub fn rank<E: From<AuditError>>(
    asked: &RankQuestion,
    job: &Job,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
    finished: &mut dyn FnMut(&Path, &Completed) -> Result<(), E>,
) -> Result<Ranking, E> {
    let ready = prepare(asked, job, stop)?;
    let mut entries = Vec::new();
    for (number, model) in ready.iter().enumerate() {
        observer.event(Event::ModelStarted { name: &model.name, number: number + 1, of: ready.len() });
        let nearest = asked.nearest.then(|| (model.folder.join(NEAREST), nearest(&model.question)));
        let at_radius = (model.folder.clone(), model.question.clone());
        for (folder, question) in std::iter::once(&at_radius).chain(&nearest) {
            let out = job.out.join(folder);
            if let Some(done) = done(&out, question, &model.digests)? {
                finished(&out, &done)?;
                continue;
            }
            let resume = out.join("run.json").exists();
            let completed = audit(question, &Job { out: out.clone(), resume, command: job.command.clone() }, stop, observer)?;
            finished(&out, &completed)?;
        }
        entries.push(RankEntry { name: model.name.clone(), run: at_radius.0, nearest: nearest.map(|(folder, _)| folder) });
    }
    let distance = ready.first().map_or(Ok(None), |model| class_distance(&model.question, stop))?;
    Ok(brinell_ledger::rank(&job.out, &entries, distance).map_err(AuditError::from)?)
}

/// Opens every model and compares what it takes, before anything is attacked.
fn prepare(asked: &RankQuestion, job: &Job, stop: &AtomicBool) -> Result<Vec<Ready>, AuditError> {
    if asked.models.len() < 2 {
        return Err(AuditError::OneModel);
    }
    if asked.question.threat.eps.is_nearest() {
        return Err(AuditError::RankRadius);
    }
    let mut seen = BTreeSet::new();
    let mut ready: Vec<(Ready, Vec<usize>)> = Vec::new();
    for Candidate { name, artefact } in &asked.models {
        let folder = folder_name(name);
        // Some file systems do not tell small letters from capitals.
        if !seen.insert(folder.to_lowercase()) {
            return Err(AuditError::SameName { name: name.clone() });
        }
        let holds_runs = job.out.join(&folder).join("run.json").exists();
        if holds_runs && !job.resume {
            return Err(LedgerError::OutExists { path: job.out.clone() }.into());
        }
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(AuditError::INTERRUPTED);
        }
        let question = Question { artefact: in_scale(name, artefact, asked.question.artefact.scale)?, ..asked.question.clone() };
        let read =
            |options: &LoadOptions| load(&question.population.data, &LoadOptions { threads: question.running.threads, ..options.clone() });
        let failed = |source: SubjectError| match source {
            SubjectError::Interrupted => AuditError::INTERRUPTED,
            source => AuditError::Candidate { model: name.clone(), source: Box::new(source) },
        };
        let opened = Subject::open_with(&question.artefact, &question.population, &read).map_err(failed)?;
        let digests = [opened.subject.sha256.clone(), opened.data.sha256.clone()];
        let shape = opened.data.shape.clone();
        if let Some((first, wanted)) = ready.first()
            && shape.iter().product::<usize>() != wanted.iter().product::<usize>()
        {
            return Err(AuditError::OtherSize { a: first.name.clone(), of_a: wanted.clone(), b: name.clone(), of_b: shape });
        }
        ready.push((Ready { name: name.clone(), folder: folder.into(), question, digests }, shape));
    }
    if job.resume && !ready.iter().any(|(model, _)| job.out.join(&model.folder).join("run.json").exists()) {
        return Err(LedgerError::NothingToResume { path: job.out.clone() }.into());
    }
    Ok(ready.into_iter().map(|(model, _)| model).collect())
}

/// The question about the nearest examples, by the suite that looks for them.
fn nearest(question: &Question) -> Question {
    let mut nearest = question.clone();
    nearest.threat.eps = Radius::Nearest;
    nearest.effort.suite = None;
    nearest.effort.attacks.clear();
    nearest.effort.keep_going = false;
    nearest.effort.certify = None;
    nearest
}

/// Reads an audit that ended, and makes sure that it answers the question.
fn done(out: &Path, question: &Question, digests: &[String; 2]) -> Result<Option<Completed>, AuditError> {
    if !out.join("summary.json").exists() {
        return Ok(None);
    }
    let done = brinell_ledger::read(out)?;
    let summary = &done.summary;
    let of_files = [&summary.model.sha256, &summary.data.sha256].map(String::clone);
    let files = ["the model (SHA-256)", "the data (SHA-256)"].into_iter().zip(of_files).zip(digests);
    let files = files.map(|((what, before), now)| (what.to_owned(), before, now.clone())).filter(|(_, before, now)| before != now);
    let version = (summary.brinell_version != env!("CARGO_PKG_VERSION"))
        .then(|| ("the version".to_owned(), summary.brinell_version.clone(), env!("CARGO_PKG_VERSION").to_owned()));
    let mut changed = files.chain(version).chain(summary.question.essence().differences(&question.essence()));
    match changed.next() {
        Some((what, before, now)) => Err(LedgerError::Stale { path: out.to_path_buf(), what, before, now }.into()),
        None => Ok(Some(done)),
    }
}

/// The name as one of a folder.
fn folder_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+') { c } else { '_' };
    let folder: String = name.chars().map(safe).collect();
    if folder.chars().all(|c| c == '.') { "model".to_owned() } else { folder }
}

/// The artefact with mean and deviation as they are in the scale that all models share: every model sees the same stored values, and eps means the same for all.
///
/// A model that takes `(v - mean) / std` of values v in a range of its own takes `(u - mean') / std'` of the same values u in the shared one.
fn in_scale(name: &str, artefact: &Artefact, shared: Option<Scale>) -> Result<Artefact, AuditError> {
    let (own, scale) = (artefact.scale.unwrap_or(shared.unwrap_or_default()), shared.unwrap_or_default());
    let artefact = Artefact { scale: shared, ..artefact.clone() };
    if own == scale {
        return Ok(artefact);
    }
    let Some((own, shared)) = range(own).zip(range(scale)) else { return Err(AuditError::OtherScale { model: name.to_owned() }) };
    let factor = (shared[1] - shared[0]) / (own[1] - own[0]);
    let values = |given: &[f32], otherwise: f32| if given.is_empty() { vec![otherwise] } else { given.to_vec() };
    let mean = values(&artefact.mean, 0.0).into_iter().map(|mean| (shared[0] + (f64::from(mean) - own[0]) * factor) as f32).collect();
    let std = values(&artefact.std, 1.0).into_iter().map(|std| (f64::from(std) * factor) as f32).collect();
    Ok(Artefact { mean, std, ..artefact })
}

fn range(scale: Scale) -> Option<[f64; 2]> {
    match scale {
        Scale::Unit => Some([0.0, 1.0]),
        Scale::Byte => Some([0.0, 255.0]),
        Scale::Range { lo, hi } => Some([f64::from(lo), f64::from(hi)]),
        Scale::Data => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_takes_the_same_of_an_image_whatever_the_scale_that_is_shared() {
        let artefact = Artefact { scale: Some(Scale::Byte), mean: vec![127.0, 100.0], std: vec![128.0], ..Artefact::of("m.onnx") };
        let there = in_scale("m", &artefact, Some(Scale::Range { lo: -1.0, hi: 3.0 })).unwrap();
        for byte in [0.0f64, 17.0, 255.0] {
            for channel in 0..2 {
                let taken = (byte - f64::from(artefact.mean[channel])) / 128.0;
                let shared = -1.0 + 4.0 * byte / 255.0;
                let found = (shared - f64::from(there.mean[channel])) / f64::from(there.std[0]);
                assert!((found - taken).abs() < 1e-5, "{found} for {taken}");
            }
        }
        // Without preprocessing, a model of bytes still gets bytes.
        let plain = in_scale("m", &Artefact { scale: Some(Scale::Byte), ..Artefact::of("m.onnx") }, None).unwrap();
        assert!((1.0 - plain.mean[0]) / plain.std[0] > 254.99);
        assert_eq!(in_scale("m", &Artefact::of("m.onnx"), None).unwrap().mean, Vec::<f32>::new());
        assert!(in_scale("m", &artefact, Some(Scale::Data)).is_err());
    }

    #[test]
    fn names_become_names_of_folders_inside() {
        assert_eq!(folder_name("../a b/ü.onnx"), ".._a_b__.onnx");
        assert_eq!(folder_name(".."), "model");
    }
}
