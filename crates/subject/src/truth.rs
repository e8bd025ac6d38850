//! What is right about the samples of a case, in the words of a task and of a record.

use brinell_data::{Dataset, TruthKind, Truths};
use brinell_engine::Preprocess;
use brinell_record::{Label, Question, Scale, TaskKind};
use brinell_task::Truth;

use crate::{Referee, SubjectError};

/// Returns what files say is right about a sample, of a model with that task.
#[must_use]
pub fn truth_kind(task: TaskKind) -> TruthKind {
    match task {
        TaskKind::Classification | TaskKind::TopK => TruthKind::Classes,
        TaskKind::Multilabel => TruthKind::Labels,
        TaskKind::Regression => TruthKind::Values,
        TaskKind::Embedding => TruthKind::Pairs,
    }
}

/// Returns what is right about a sample, for the record; `None` where the data do not say.
#[must_use]
pub fn label_of(data: &Dataset, sample: usize) -> Option<Label> {
    let place = data.place(sample)?;
    let row = |width: usize| place * width..(place + 1) * width;
    Some(match &data.truths {
        Truths::Classes => Label::Class(*data.labels.get(place)?),
        Truths::Labels(many) => Label::Labels { labels: many.values.get(row(many.classes))?.to_vec() },
        Truths::Values(many) => Label::Values { values: many.values.get(row(many.width))?.to_vec() },
        Truths::Pairs(pairs) => Label::Pair { same: *pairs.same.get(place)?, distance: None },
    })
}

/// Returns what is right about a sample, for a task; `reference` is the embedding of the reference, which only a pair needs. `None` where it needs one and there is none.
#[must_use]
pub fn truth_of(label: &Label, reference: Option<&[f32]>) -> Option<Truth> {
    match label {
        Label::Class(class) => Some(Truth::Class(*class)),
        Label::Labels { labels } => Some(Truth::Labels(labels.clone())),
        Label::Values { values } => Some(Truth::Values(values.clone())),
        Label::Pair { same, .. } => Some(Truth::Pair { reference: reference?.to_vec(), same: *same }),
        _ => None,
    }
}

/// Checks that what is asked fits the task, before anything is read.
///
/// # Errors
/// [`SubjectError::Task`], [`SubjectError::Target`], [`SubjectError::Pairs`].
pub fn check_task(question: &Question) -> Result<(), SubjectError> {
    let Question { artefact, population, threat, .. } = question;
    artefact.check_task()?;
    let task = artefact.task();
    if threat.target.is_some() && task != TaskKind::Classification {
        return Err(SubjectError::Target { task });
    }
    if population.pairs.is_some() && task != TaskKind::Embedding {
        return Err(SubjectError::Pairs { task });
    }
    Ok(())
}

/// Embeds the references of pairs, each once; nothing where the data are no pairs.
///
/// # Errors
/// [`SubjectError::Reference`] where one has no direction, [`SubjectError::HeldPairs`], [`SubjectError::Oracle`].
pub(crate) fn references(
    data: &Dataset,
    scale: Scale,
    preprocess: &Preprocess,
    per_sample: bool,
    referee: &mut Referee,
) -> Result<Vec<Vec<f32>>, SubjectError> {
    let Truths::Pairs(pairs) = &data.truths else { return Ok(Vec::new()) };
    if per_sample {
        return Err(SubjectError::HeldPairs);
    }
    let mut found: Vec<Vec<f32>> = Vec::new();
    // References are numbered in the order in which a pair may name them, each number at least once.
    for place in 0..pairs.of.iter().max().map_or(0, |most| most + 1) {
        let pair = pairs.of.iter().position(|of| *of == place).unwrap_or_default();
        let x = data.reference(pair, scale).unwrap_or_default();
        let embedding = referee.embed(preprocess, &x, pair)?;
        found.push(embedding.ok_or(SubjectError::Reference { pair })?);
    }
    Ok(found)
}
