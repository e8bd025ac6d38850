//! Opening the images, and every model for them.

use std::collections::BTreeSet;

use brinell_data::{self as data, Dataset, LoadOptions};
use brinell_record::{Artefact, Scale};
use brinell_subject::{Subject, SubjectError};

use crate::contender::{Contender, Names};
use crate::{ModelSpec, TransferError, TransferEvent, TransferQuestion};

/// Reads the images and opens every model; returns also the numbers of the images in the data, none where they are the first.
pub(crate) fn open(
    question: &TransferQuestion,
    observer: &mut dyn FnMut(TransferEvent<'_>),
) -> Result<(Dataset, Vec<usize>, Names, Vec<Contender>), TransferError> {
    let mut seen = BTreeSet::new();
    for name in question.models.iter().map(ModelSpec::name) {
        if !seen.insert(name.clone()) {
            return Err(TransferError::Twice { name });
        }
    }
    let first = load(question.models.first(), None)?;
    let given = question.population.classes.as_deref().map(data::class_names).transpose()?;
    let options = LoadOptions {
        labels: question.population.labels.as_ref().map(Into::into),
        class_names: given
            .clone()
            .or_else(|| first.as_ref().and_then(|subject| subject.model.class_labels.as_ref()).map(|labels| labels.names())),
        limit: question.population.n,
        image_size: question.size,
        channels: first.as_ref().and_then(|subject| channels(&subject.signature.sample)),
        ..LoadOptions::default()
    };
    let mut data = data::load(&question.population.data, &options)?;
    // Images are known by their places here, and by their numbers in what is written.
    let numbers = std::mem::take(&mut data.rows);
    if data.labels.len() != data.n {
        return Err(TransferError::NoClasses);
    }
    check_range(&data)?;
    let mut subjects = Vec::new();
    for spec in &question.models {
        observer(TransferEvent::Opened(&spec.name()));
        let subject = load(Some(spec), Some(&data.shape))?;
        subject.iter().try_for_each(|subject| subject.check_answers("a comparison of models")).map_err(|error| failed(spec, error))?;
        subjects.extend(subject);
    }
    let counted = || {
        let most = subjects.iter().map(|subject| subject.signature.classes).max().unwrap_or(0);
        let labels = data.labels.iter().max().map_or(0, |label| label + 1);
        (0..most.max(labels)).map(|class| class.to_string()).collect()
    };
    let named = given.or_else(|| data.class_names.clone());
    let names = Names { given: named.is_some(), names: named.unwrap_or_else(counted) };
    data.check_labels(names.names.len())?;
    let contenders = question.models.iter().zip(subjects);
    let contenders = contenders.map(|(spec, subject)| Contender::open(spec, subject, &data, &names, &question.running, &question.eps));
    let contenders = contenders.collect::<Result<_, _>>()?;
    Ok((data, numbers, names, contenders))
}

/// Reads a model; one that leaves its size open gets that of the images.
fn load(spec: Option<&ModelSpec>, shape: Option<&[usize]>) -> Result<Option<Subject>, TransferError> {
    let Some(spec) = spec else { return Ok(None) };
    match (Subject::load(&spec.artefact), shape) {
        (Ok(subject), _) => Ok(Some(subject)),
        (Err(_), Some(shape)) if spec.artefact.shape.is_none() => {
            let sized = |shape: Vec<usize>| Subject::load(&Artefact { shape: Some(shape), ..spec.artefact.clone() });
            let turned = match *shape {
                [a, b, c] => vec![b, c, a],
                _ => shape.to_vec(),
            };
            sized(shape.to_vec())
                .or_else(|_| sized(turned))
                .map(Some)
                .or_else(|_| Subject::load(&spec.artefact).map(Some))
                .map_err(|error| failed(spec, error))
        }
        // It is tried again once the images are known.
        (Err(_), None) => Ok(None),
        (Err(error), _) => Err(failed(spec, error)),
    }
}

fn failed(spec: &ModelSpec, source: SubjectError) -> TransferError {
    match source {
        SubjectError::Interrupted => TransferError::Interrupted,
        source => TransferError::Model { model: spec.name(), source: Box::new(source) },
    }
}

/// Channels of images, where the model says them.
fn channels(sample: &[usize]) -> Option<usize> {
    match *sample {
        [c @ (1 | 3), _, _] | [_, _, c @ (1 | 3)] => Some(c),
        _ => None,
    }
}

fn check_range(data: &Dataset) -> Result<(), TransferError> {
    let mut x = vec![0.0; data.sample_len()];
    for sample in 0..data.n {
        data.sample(sample, Scale::Unit, &mut x);
        if let Some(&value) = x.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(TransferError::OutsideRange { sample, value });
        }
    }
    Ok(())
}
