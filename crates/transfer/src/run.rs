//! From a question to a matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use brinell_attack::{Objective, Recipe, is_picture, recipe};
use brinell_data::Dataset;
use brinell_engine::Oracle;
use brinell_ledger::LedgerError;
use brinell_record::{Artefact, FileError, Made, Scale, TRANSFER_SCHEMA, Transfer, TransferData, TransferModel, TransferSource, hash};
use brinell_threat::{Ball, InputBox, Norm};
use serde::Serialize;

use crate::contender::{Contender, Names};
use crate::craft::Craft;
use crate::journal::{Journal, MATRIX, Shown};
use crate::judge::{Judge, Said, runtime_of_one};
use crate::leave::finish;
use crate::matrix::{Answers, Row, rate};
use crate::open::open;
use crate::sources::{Source, Sources};
use crate::{Ensemble, TransferError, TransferQuestion};

/// Where a run is written, and whether it goes on with one.
#[derive(Debug, Clone, Default)]
pub struct TransferJob {
    /// The folder.
    pub out: PathBuf,
    /// Whether the run in the folder is gone on with.
    pub resume: bool,
}

/// What a run is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEvent<'a> {
    /// A model was opened.
    Opened(&'a str),
    /// Examples are made on a source, of so many images.
    Making {
        /// The source.
        source: &'a str,
        /// Images.
        n: usize,
    },
    /// The models are asked about all examples and controls.
    Asking,
}

/// What decides the result of a run, for `run.json`.
#[derive(Serialize)]
struct Identity<'a> {
    schema: &'static str,
    brinell_version: &'static str,
    attack: String,
    eps: String,
    seed: u64,
    ensemble: Option<&'static str>,
    soft_backward: f64,
    bytes: bool,
    data: &'a str,
    labels: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<&'a [usize]>,
    models: BTreeMap<String, String>,
    from: &'a [usize],
    to: &'a [usize],
}

/// Makes the matrix that is asked for, and writes it with all examples into the folder of the job.
///
/// # Guarantees
/// The same question leaves the same files, however often the run was stopped and gone on with.
///
/// # Errors
/// [`TransferError`] names what does not fit, before anything is attacked where that can be known.
pub fn transfer(
    question: &TransferQuestion,
    job: &TransferJob,
    stop: &AtomicBool,
    observer: &mut dyn FnMut(TransferEvent<'_>),
) -> Result<Transfer, TransferError> {
    let recipe = attack(question)?;
    if question.eps.value() > 1.0 {
        return Err(TransferError::Radius { eps: question.eps.text().to_owned() });
    }
    for (what, numbers) in [("source", &question.from), ("target", &question.to)] {
        if numbers.is_empty() {
            return Err(TransferError::Missing { what });
        }
    }
    let (data, numbers, names, mut contenders) = open(question, observer)?;
    if recipe.of_pictures() && !is_picture(&data.shape) {
        return Err(TransferError::NoPicture { attack: recipe.name().to_owned(), shape: data.shape.clone() });
    }
    let rows = rows(question, &contenders);
    if question.ensemble == Some(Ensemble::Logits)
        && let Some(other) = question.from.iter().filter_map(|model| contenders.get(*model)).find(|contender| !contender.map.is_identity())
    {
        return Err(TransferError::OtherClasses { model: other.name.clone() });
    }
    let has_class = |model: usize, sample: usize| {
        contenders.get(model).zip(data.labels.get(sample)).is_some_and(|(contender, label)| !contender.map.own(*label).is_empty())
    };
    let made: Vec<Vec<usize>> =
        rows.iter().map(|row| (0..data.n).filter(|sample| row.models.iter().any(|model| has_class(*model, *sample))).collect()).collect();
    let identity = identity(question, recipe.as_ref(), &data, &numbers, &contenders);
    let mut journal = Journal::open(&job.out, &identity, rows.len(), data.sample_len(), job.resume)?;
    if let Some(done) = finished(&journal)? {
        journal.clear()?;
        return Ok(done);
    }
    let ball = Ball { norm: Norm::Linf, eps: question.eps.value(), bounds: InputBox::UNIT, features: None };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(question.running.thread_count().get()).build()?;

    let craft = Craft { recipe: recipe.as_ref(), data: &data, ball: &ball, seed: question.seed, bytes: question.bytes, pool: &pool, stop };
    make_all(question, &craft, &rows, &made, &mut contenders, &mut journal, observer)?;

    observer(TransferEvent::Asking);
    let runtime = runtime_of_one(&question.running)?;
    for contender in &mut contenders {
        contender.judge_on(&runtime)?;
    }
    let judge = Judge { data: &data, ball: &ball, seed: question.seed, stop, journal: &journal, made: &made };
    let mut given = BTreeMap::new();
    let mut take = |answers: Vec<Said>| {
        for (model, answers) in answers.into_iter().enumerate() {
            given.extend(answers.into_iter().map(|(shown, answers)| ((shown, model), answers)));
        }
    };
    take(judge.ask_all(&mut contenders, &|_| vec![Shown::Clean], &pool)?);
    let targets: BTreeSet<usize> = question.to.iter().copied().collect();
    let examples = |model: usize| {
        let on = |row: &Row| row.models.contains(&model) || targets.contains(&model);
        rows.iter().enumerate().filter(|(_, row)| on(row)).map(|(row, _)| Shown::Example(row)).collect::<Vec<_>>()
    };
    take(judge.ask_all(&mut contenders, &examples, &pool)?);
    let controls = |model: usize| {
        let shuffled = rows.iter().enumerate().filter(|(_, row)| !row.models.contains(&model)).map(|(row, _)| Shown::Shuffled(row));
        if targets.contains(&model) { std::iter::once(Shown::Noise).chain(shuffled).collect() } else { Vec::new() }
    };
    take(judge.ask_all(&mut contenders, &controls, &pool)?);

    let maps = contenders.iter().map(|contender| &contender.map).collect();
    let answers = Answers { rows: &rows, targets: &question.to, maps, labels: &data.labels, made: &made, given, seed: question.seed };
    let mut transfer = summary(question, recipe.as_ref(), &data, &names, &contenders, &answers, &journal)?;
    transfer.data.samples = numbers;
    finish(&transfer, &journal, &data, &answers, question.bytes)?;
    journal.clear()?;
    Ok(transfer)
}

fn attack(question: &TransferQuestion) -> Result<Box<dyn Recipe>, TransferError> {
    let recipe = recipe(&question.attack)?;
    // Others go for one rival after the other, or for the nearest plane: what all sources share are the sides, right and wrong.
    let sides = matches!(recipe.objective(), Objective::LogOdds | Objective::Margin | Objective::Ratio);
    if !recipe.norms().contains(&Norm::Linf) || recipe.reads_trees() || !sides {
        return Err(TransferError::WrongAttack { attack: recipe.name().to_owned() });
    }
    Ok(recipe)
}

/// Returns the matrix of a run that has ended.
fn finished(journal: &Journal) -> Result<Option<Transfer>, TransferError> {
    let path = journal.folder().join(MATRIX);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read(&path).map_err(FileError::on("read", &path))?;
    let damaged = |error: serde_json::Error| LedgerError::Damaged { path: path.clone(), problem: error.to_string() };
    Ok(Some(serde_json::from_slice(&text).map_err(damaged)?))
}

/// Every source alone; and all together, for each target without the target itself.
fn rows(question: &TransferQuestion, contenders: &[Contender]) -> Vec<Row> {
    let name = |model: usize| contenders.get(model).map_or_else(String::new, |contender| contender.name.clone());
    let mut rows: Vec<Row> = question.from.iter().map(|&model| Row { name: name(model), models: vec![model], without: None }).collect();
    if question.ensemble.is_none() || question.from.len() < 2 {
        return rows;
    }
    for &target in question.to.iter().filter(|target| question.from.contains(target)) {
        let models: Vec<usize> = question.from.iter().copied().filter(|model| *model != target).collect();
        if models.len() > 1 {
            rows.push(Row { name: format!("all but {}", name(target)), models, without: Some(target) });
        }
    }
    if question.to.iter().any(|target| !question.from.contains(target)) {
        rows.push(Row { name: "all".to_owned(), models: question.from.clone(), without: None });
    }
    rows
}

fn identity<'a>(
    question: &'a TransferQuestion,
    recipe: &dyn Recipe,
    data: &'a Dataset,
    samples: &'a [usize],
    contenders: &[Contender],
) -> Identity<'a> {
    let model = |contender: &Contender| {
        let subject = &contender.case.subject;
        let facts = (&subject.sha256, &subject.weights_sha256, preprocessing(&subject.artefact), &contender.case.class_names);
        (contender.name.clone(), hash::sha256_json(&facts))
    };
    Identity {
        schema: TRANSFER_SCHEMA,
        brinell_version: env!("CARGO_PKG_VERSION"),
        attack: recipe.describe(),
        eps: question.eps.text().to_owned(),
        seed: question.seed,
        ensemble: question.ensemble.map(Ensemble::name),
        soft_backward: question.soft,
        bytes: question.bytes,
        data: &data.sha256,
        labels: hash::sha256_json(&data.labels),
        samples: Some(samples).filter(|samples| !samples.is_empty()),
        models: contenders.iter().map(model).collect(),
        from: &question.from,
        to: &question.to,
    }
}

/// The preprocessing of a model, in words.
fn preprocessing(artefact: &Artefact) -> String {
    let list = |name: &str, values: &[f32]| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        if values.is_empty() { String::new() } else { format!(", {name} {}", values.join(" ")) }
    };
    let layout = artefact.layout.map(|layout| format!(", {}", layout.name())).unwrap_or_default();
    format!("{}{}{}{layout}", artefact.scale(), list("mean", &artefact.mean), list("std", &artefact.std))
}

/// Makes all examples that are not made yet.
fn make_all(
    question: &TransferQuestion,
    craft: &Craft<'_>,
    rows: &[Row],
    made: &[Vec<usize>],
    contenders: &mut [Contender],
    journal: &mut Journal,
    observer: &mut dyn FnMut(TransferEvent<'_>),
) -> Result<(), TransferError> {
    let mut oracles: BTreeMap<usize, Oracle> = BTreeMap::new();
    for (number, (row, samples)) in rows.iter().zip(made).enumerate() {
        let todo: Vec<usize> = samples.iter().copied().filter(|sample| !journal.examples.contains_key(&(number, *sample))).collect();
        if todo.is_empty() {
            continue;
        }
        observer(TransferEvent::Making { source: &row.name, n: todo.len() });
        for model in &row.models {
            if let (false, Some(contender)) = (oracles.contains_key(model), contenders.get_mut(*model)) {
                let opened = contender.case.oracle(&question.running);
                let (mut oracle, _) =
                    opened.map_err(|source| TransferError::Model { model: contender.name.clone(), source: Box::new(source) })?;
                if craft.recipe.needs_gradient() && !oracle.is_white() {
                    let (model, attack) = (contender.name.clone(), craft.recipe.name().to_owned());
                    return Err(TransferError::NoGradient { model, attack });
                }
                oracle.soften(question.soft);
                oracles.insert(*model, oracle);
            }
        }
        let batch = row.models.iter().filter_map(|model| contenders.get(*model)).map(|contender| contender.case.batch).min().unwrap_or(1);
        let sources = row.models.iter().filter_map(|model| {
            let contender = contenders.get(*model)?;
            Some(Source::new(oracles.remove(model)?, &contender.fit, &contender.map))
        });
        // The gradient of one source is taken as it is.
        let rule = if row.models.len() > 1 { question.ensemble.unwrap_or_default() } else { Ensemble::Loss };
        let gradient = craft.recipe.needs_gradient();
        let mut sources = Sources::new(sources.collect(), rule, craft.recipe.objective(), gradient, &craft.data.labels)?;
        craft.make(number, &mut sources, batch, &todo, journal)?;
        oracles.extend(row.models.iter().copied().zip(sources.into_oracles()));
    }
    Ok(())
}

/// What is recorded of a model that gets so many of n images right.
pub(crate) fn model_of(contender: &Contender, n: usize, right: usize, unobserved: usize) -> TransferModel {
    let subject = &contender.case.subject;
    TransferModel {
        name: contender.name.clone(),
        path: subject.path().display().to_string(),
        sha256: subject.sha256.clone(),
        input: subject.signature.sample.clone(),
        resized: contender.fit.resizes(),
        preprocessing: preprocessing(&subject.artefact),
        classes: contender.map.known(),
        n,
        right,
        accuracy: rate(right, n),
        unobserved,
    }
}

/// What is recorded of the images.
pub(crate) fn data_of(data: &Dataset, numbers: &[usize], names: &Names) -> TransferData {
    TransferData {
        path: data.path.display().to_string(),
        sha256: data.sha256.clone(),
        n: data.n,
        shape: data.shape.clone(),
        classes: names.names.clone(),
        samples: numbers.to_vec(),
    }
}

/// Puts together what was found.
fn summary(
    question: &TransferQuestion,
    recipe: &dyn Recipe,
    data: &Dataset,
    names: &Names,
    contenders: &[Contender],
    answers: &Answers<'_>,
    journal: &Journal,
) -> Result<Transfer, TransferError> {
    let model = |(number, contender): (usize, &Contender)| {
        let (n, right, unobserved) = answers.clean(number);
        model_of(contender, n, right, unobserved)
    };
    let models: Vec<TransferModel> = contenders.iter().enumerate().map(model).collect();
    let matrix = answers.matrix();
    if matrix.cells.iter().all(|cell| cell.both == 0) {
        let clean = models.iter().map(|model| format!("{} gets {} of {} right", model.name, model.right, model.n)).collect();
        return Err(TransferError::NothingRight { clean });
    }
    let sources = answers
        .rows
        .iter()
        .enumerate()
        .map(|(number, row)| source(number, row, answers, journal, data, question))
        .collect::<Result<Vec<_>, _>>()?;
    let notes = notes(&models, &sources, &matrix.cells);
    Ok(Transfer {
        schema: TRANSFER_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        made: Made {
            attack: recipe.describe(),
            eps: question.eps.text().to_owned(),
            radius: question.eps.value(),
            seed: question.seed,
            ensemble: question.ensemble.map(|rule| rule.name().to_owned()),
            soft_backward: question.soft,
            bytes: question.bytes,
        },
        data: data_of(data, &[], names),
        models,
        sources,
        targets: question.to.clone(),
        cells: matrix.cells,
        noise: matrix.noise,
        outward: matrix.outward,
        inward: matrix.inward,
        tests: matrix.tests,
        together: matrix.together,
        notes,
    })
}

fn source(
    number: usize,
    row: &Row,
    answers: &Answers<'_>,
    journal: &Journal,
    data: &Dataset,
    question: &TransferQuestion,
) -> Result<TransferSource, TransferError> {
    let made = answers.made.get(number).map_or(&[] as &[usize], Vec::as_slice);
    let mut reader = journal.reader(number)?;
    let mut x = vec![0.0; data.sample_len()];
    let (mut linf, mut l2) = (Vec::new(), Vec::new());
    for &sample in made {
        let x_adv = reader.read(sample as u64)?;
        data.sample(sample, Scale::Unit, &mut x);
        let gap = |(a, b): (&f32, &f32)| f64::from(*a) - f64::from(*b);
        linf.push(x.iter().zip(&x_adv).map(gap).fold(0.0, |most: f64, gap| most.max(gap.abs())));
        l2.push(x.iter().zip(&x_adv).map(gap).map(|gap| gap * gap).sum::<f64>().sqrt());
    }
    let unchanged = linf.iter().filter(|distance| **distance == 0.0).count();
    let lines = || made.iter().filter_map(|sample| journal.examples.get(&(number, *sample)));
    let together = row.models.len() as u64;
    // The mean of logits is asked for before each gradient.
    let twice = u64::from(row.models.len() > 1 && question.ensemble == Some(Ensemble::Logits));
    Ok(TransferSource {
        name: row.name.clone(),
        models: row.models.clone(),
        without: row.without,
        n: made.len(),
        forwards: lines().map(|line| together * (line.forwards + twice * line.backwards)).sum(),
        backwards: lines().map(|line| together * line.backwards).sum(),
        zero_gradients: lines().filter(|line| line.zero).count(),
        unchanged,
        linf: median(linf),
        l2: median(l2),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match (values.get(n.saturating_sub(1) / 2), values.get(n / 2)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// What makes figures doubtful.
fn notes(models: &[TransferModel], sources: &[TransferSource], cells: &[brinell_record::Cell]) -> Vec<String> {
    let mut notes = Vec::new();
    for model in models {
        if model.accuracy.high < 0.5 {
            notes.push(format!(
                "{} gets only {} of {} unchanged images right; its preprocessing or its classes may differ from training",
                model.name, model.right, model.n
            ));
        }
        if model.unobserved > 0 {
            notes.push(format!("{} gave no answer for {} of {} images; they are not counted", model.name, model.unobserved, model.n));
        }
    }
    for source in sources {
        if source.zero_gradients * 10 > source.n {
            let (name, zero, n) = (&source.name, source.zero_gradients, source.n);
            notes.push(format!(
                "the first gradient of {name} is zero on {zero} of {n} images, so attacks on these images are weak; this does not mean that they are hard to fool"
            ));
        }
    }
    let few = cells.iter().filter(|cell| !cell.white_box && cell.both < 30).count();
    if few > 0 {
        notes.push(format!("{few} cells have fewer than 30 images that both models get right, so their intervals are wide"));
    }
    let silent: usize = cells.iter().map(|cell| cell.unobserved).sum();
    if silent > 0 {
        notes.push(format!("targets gave no answer for {silent} examples; none of these counts as fooled"));
    }
    notes
}
