//! A model of the matrix, opened.

use std::sync::Arc;

use brinell_data::{Dataset, Pixels, are_identifiers, class_names};
use brinell_engine::{OracleError, Runtime};
use brinell_record::{Eps, Question, Radius, Running, Scale, TaskKind, Threat};
use brinell_subject::{Case, Opened, Referee, Subject, SubjectError};
use brinell_task::Answer as Said;

use crate::classes::ClassMap;
use crate::fit::Fit;
use crate::{ModelSpec, TransferError};

/// Images that a model is opened with where they must be resized for it.
const SHOWN: usize = 16;

/// What a target says of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A class of the model.
    Class(usize),
    /// Numbers that are not finite.
    NotFinite,
    /// Nothing.
    None,
}

/// A model with its way from the shared images, and its classes.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) case: Case,
    pub(crate) fit: Fit,
    pub(crate) map: ClassMap,
    /// The judge where several models are asked side by side; the case's own otherwise.
    judge: Option<Referee>,
}

impl Contender {
    /// Opens the model for the shared images.
    ///
    /// # Errors
    /// [`TransferError`] names what does not fit.
    pub(crate) fn open(
        spec: &ModelSpec,
        subject: Subject,
        data: &Dataset,
        names: &Names,
        running: &Running,
        eps: &Eps,
    ) -> Result<Self, TransferError> {
        let name = spec.name();
        let failed = |source: SubjectError| TransferError::Model { model: name.clone(), source: Box::new(source) };
        if !subject.signature.held.is_empty() {
            let names = subject.signature.held.iter().map(|port| port.name.clone()).collect::<Vec<_>>().join(", ");
            return Err(TransferError::OtherInputs { model: name, names });
        }
        let task = subject.signature.meaning.kind();
        if task != TaskKind::Classification {
            return Err(TransferError::OtherTask { model: name, task });
        }
        let map = class_map(spec, &subject, names)?;
        let range = match subject.artefact.scale() {
            Scale::Unit => [0.0, 1.0],
            Scale::Byte => [0.0, 255.0],
            Scale::Range { lo, hi } => [lo, hi],
            Scale::Data => return Err(TransferError::DataScale { model: name }),
        };
        let takes = &subject.signature.sample;
        let Some((fit, shape)) = Fit::new(&data.shape, takes, range) else {
            return Err(TransferError::Shape { model: name, takes: takes.clone(), found: data.shape.clone() });
        };
        let width = f64::from(range[1]) - f64::from(range[0]);
        let radius = Eps::new(eps.value() * width).map_err(|source| failed(source.into()))?;
        let question = Question {
            artefact: subject.artefact.clone(),
            threat: Threat { eps: Radius::Within(radius), ..Threat::default() },
            running: running.clone(),
            ..Question::default()
        };
        let data = as_taken(data, &fit, &map, shape);
        let case = Case::new(Opened { subject, data }, &question).map_err(failed)?;
        Ok(Self { name, case, fit, map, judge: None })
    }

    /// Gives the model a judge of its own on this runtime, unless it is behind an address.
    ///
    /// # Errors
    /// [`TransferError::Model`].
    pub(crate) fn judge_on(&mut self, runtime: &Arc<dyn Runtime>) -> Result<(), TransferError> {
        if self.case.subject.endpoint.is_none() {
            let referee = self.case.subject.referee(runtime);
            self.judge = Some(referee.map_err(|source| TransferError::Model { model: self.name.clone(), source: Box::new(source) })?);
        }
        Ok(())
    }

    /// Asks the original file about a shared image.
    ///
    /// # Errors
    /// [`OracleError`] where there is no answer.
    pub(crate) fn ask(&mut self, x: &[f32], buffer: &mut Vec<f32>, sample: usize) -> Result<Answer, OracleError> {
        buffer.clear();
        self.fit.apply(x, buffer);
        let Case { referee, preprocess, .. } = &mut self.case;
        let opinion = self.judge.as_mut().unwrap_or(referee).ask(preprocess, buffer, sample)?;
        Ok(match opinion.answer {
            Some(Said::Class(class)) => Answer::Class(class),
            _ => Answer::NotFinite,
        })
    }
}

/// Names of the data's classes.
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    /// False where they are numbers because nobody names them.
    pub(crate) given: bool,
}

fn class_map(spec: &ModelSpec, subject: &Subject, shared: &Names) -> Result<ClassMap, TransferError> {
    let (model, has) = (spec.name(), subject.signature.classes);
    let given = spec.classes.as_deref().map(class_names).transpose()?;
    if let Some(found) = given.as_ref().map(Vec::len).filter(|found| *found != has) {
        return Err(TransferError::ClassCount { model, has, found });
    }
    // Numbers name nothing, and the identifiers of WordNet do not name what people call by words: both go by place.
    let are_words = |names: &[String]| !names.iter().all(|name| name.parse::<i64>().is_ok());
    let comparable =
        |own: &Vec<String>| are_words(own) && are_words(&shared.names) && are_identifiers(own) == are_identifiers(&shared.names);
    let own = given.or_else(|| subject.model.class_names(has).filter(comparable));
    let numbers = || (0..has).map(|class| class.to_string()).collect::<Vec<_>>();
    let map = match (&spec.map, own) {
        (Some(path), own) => ClassMap::read(path, &own.unwrap_or_else(numbers), &shared.names)?,
        (None, Some(own)) if shared.given => {
            let map = ClassMap::by_name(&own, &shared.names);
            if map.known() == 0 {
                let first = |names: &[String]| names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ") + ", ..";
                return Err(TransferError::NoSharedClass { model, has: first(&own), wanted: first(&shared.names) });
            }
            map
        }
        _ if has == shared.names.len() => ClassMap::identity(has),
        _ => return Err(TransferError::NoNames { model, has, wanted: shared.names.len() }),
    };
    Ok(map)
}

/// The images in the size and range of the model, with its own labels; the first ones only where they must be resized.
fn as_taken(data: &Dataset, fit: &Fit, map: &ClassMap, shape: Vec<usize>) -> Dataset {
    let label = |label: &usize| map.own(*label).first().copied().unwrap_or(0);
    if !fit.resizes() && matches!(data.pixels, Pixels::U8(_)) {
        return Dataset { labels: data.labels.iter().map(label).collect(), class_names: None, ..data.clone() };
    }
    let n = if fit.resizes() { data.n.min(SHOWN) } else { data.n };
    let mut x = vec![0.0; data.sample_len()];
    let mut values = Vec::with_capacity(n * fit.len(x.len()));
    for sample in 0..n {
        data.sample(sample, Scale::Unit, &mut x);
        fit.apply(&x, &mut values);
    }
    let labels = data.labels.iter().take(n).map(label).collect();
    Dataset {
        pixels: Pixels::F32(values),
        shape,
        labels,
        n,
        total: n,
        ids: Vec::new(),
        class_names: None,
        exact: Vec::new(),
        ..data.clone()
    }
}
