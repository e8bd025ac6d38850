//! The trees of a model, for attacks that read them.

mod edge;

use std::collections::BTreeSet;
use std::sync::Arc;

use brinell_data::{Dataset, Scale};
use brinell_engine::{Decision, Ensemble, Meaning, Preprocess, Spread, ValueKind, WantedTrees};
use brinell_threat::Ball;

use brinell_subject::{Case, Referee};
use brinell_task::Answer;

use crate::AuditError;

/// Samples on which what was read is compared with the file.
const COMPARED: usize = 64;

/// Edges on both sides of which it is compared too.
const EDGES: usize = 96;

/// Returns the trees of the model, or why they cannot be read.
///
/// # Guarantees
/// On the first samples, and on both sides of edges all over the trees, trees and file return the same scores up to rounding, and the same class
/// where it does not hang on that.
///
/// # Errors
/// [`AuditError::Subject`] where the file does not answer.
pub(super) fn trees_of(case: &mut Case) -> Result<Result<Arc<Ensemble>, String>, AuditError> {
    let Case { subject, preprocess, scale, data, ball, referee, .. } = case;
    let (scale, data) = (*scale, data.as_ref());
    if subject.signature.meaning != Meaning::Class {
        let task = subject.signature.meaning.kind();
        return Ok(Err(format!("the search works for classification only, and the task is {task}")));
    }
    if subject.is_no_file() {
        return Ok(Err("the model is on a server".to_owned()));
    }
    let mut x = vec![0.0; data.sample_len()];
    let mut read = |sample: usize| {
        data.sample(sample, scale, &mut x);
        x.clone()
    };
    let wanted = WantedTrees {
        input: subject.signature.input,
        output: subject.signature.output,
        threshold: subject.signature.reading.threshold,
        range: data.samples().fold(range(ball), |range, sample| widened(range, &read(sample))),
    };
    let trees = Ensemble::of(&subject.model.graph, &wanted).map_err(|error| error.to_string());
    let trees = match trees.and_then(|trees| in_order(trees, subject.signature.columns.as_deref())) {
        Ok(trees) => trees,
        Err(reason) => return Ok(Err(reason)),
    };
    let missing = missing_features(data, scale);
    if let Some(feature) = missing.iter().find(|feature| !trees.knows_missing(**feature)) {
        return Ok(Err(format!(
            "values of feature {feature} are missing, and it is unknown what the nodes before the trees replace them with"
        )));
    }
    let mut compare = Compare { trees: &trees, preprocess, referee, ready: Vec::new() };
    for sample in data.samples().take(COMPARED) {
        if let Some(reason) = compare.at(&read(sample), sample)? {
            return Ok(Err(format!("for sample {sample} {reason}")));
        }
    }
    let edges = edge::edges(&trees);
    for (number, &(root, edge)) in edge::spread(&edges, EDGES).into_iter().enumerate() {
        let sample = data.number(number % data.n.max(1));
        let mut points = edge::beside(&trees, root, edge, &read(sample), wanted.range);
        // Where values of the feature are missing, the test is asked about that too.
        let absent = points.first().filter(|_| missing.contains(&edge.feature)).cloned().map(|mut point| {
            point.iter_mut().skip(edge.feature).take(1).for_each(|v| *v = f32::NAN);
            point
        });
        points.extend(absent);
        for mut point in points {
            for (place, value) in point.iter_mut().enumerate() {
                if subject.signature.kind(place) != ValueKind::Real {
                    *value = value.round();
                }
            }
            if let Some(reason) = compare.at(&point, sample)? {
                return Ok(Err(format!("beside an edge of value {} {reason}", edge.feature)));
            }
        }
    }
    Ok(Ok(Arc::new(trees)))
}

/// The features of which some sample has no value.
fn missing_features(data: &Dataset, scale: Scale) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    if data.has_missing() {
        let mut x = vec![0.0; data.sample_len()];
        for sample in data.samples() {
            data.sample(sample, scale, &mut x);
            found.extend((0..x.len()).filter(|&place| x.get(place).is_some_and(|v| v.is_nan())));
        }
    }
    found
}

/// Trees and file, side by side.
struct Compare<'a> {
    trees: &'a Ensemble,
    preprocess: &'a Preprocess,
    referee: &'a mut Referee,
    ready: Vec<f32>,
}

impl Compare<'_> {
    /// What differs at a point, where something does.
    fn at(&mut self, x: &[f32], sample: usize) -> Result<Option<String>, AuditError> {
        self.preprocess.apply(x, &mut self.ready);
        if !x.iter().zip(&self.ready).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())) || x.len() != self.ready.len() {
            return Ok(Some("there is preprocessing before them".to_owned()));
        }
        let (found, sums) = (self.referee.ask(self.preprocess, x, sample)?, self.trees.sums(x));
        let outputs = self.trees.outputs(&sums);
        let near = |(here, &file): (&f64, &f32)| {
            let file = f64::from(file);
            (here - file).abs() <= 2.0 * self.trees.rounding() + 1e-6 * file.abs().max(1.0)
        };
        if outputs.len() != found.output.len() || !outputs.iter().zip(&found.output).all(near) {
            return Ok(Some(format!("their scores are {outputs:?}, but the scores of the file are {:?}", found.output)));
        }
        let class = self.trees.class(&sums);
        if found.answer != Some(Answer::Class(class)) && self.lead(&sums) > self.trees.tolerance() {
            return Ok(Some(format!("their class is {class}, but the class of the file is {:?}", found.answer)));
        }
        Ok(None)
    }

    /// How far the sums are from those of another class.
    fn lead(&self, sums: &[f64]) -> f64 {
        match self.trees.decision {
            Decision::Above(threshold) => sums.first().map_or(0.0, |sum| (sum - threshold).abs()),
            Decision::Largest => {
                let mut sorted = sums.to_vec();
                sorted.sort_by(|a, b| b.total_cmp(a));
                match sorted.as_slice() {
                    [first, second, ..] => first - second,
                    _ => 0.0,
                }
            }
        }
    }
}

/// Smallest and largest value that a change of an input may lead to.
fn range(ball: &Ball) -> (f32, f32) {
    let features = ball.features.iter().flat_map(|features| features.list());
    features.fold((ball.bounds.lo(), ball.bounds.hi()), |range, feature| widened(range, &[feature.lo, feature.hi]))
}

fn widened(range: (f32, f32), values: &[f32]) -> (f32, f32) {
    values.iter().fold(range, |(lo, hi), &v| (lo.min(v), hi.max(v)))
}

/// Puts the scores in the order of the classes, where the file has them in another.
fn in_order(mut trees: Ensemble, columns: Option<&[usize]>) -> Result<Ensemble, String> {
    let Some(columns) = columns.filter(|columns| !columns.is_sorted()) else { return Ok(trees) };
    if trees.spread != Spread::Each || trees.decision != Decision::Largest || columns.len() != trees.base.len() {
        return Err("the file has the scores of its two classes in another order".to_owned());
    }
    let place = |score: usize| columns.iter().position(|column| *column == score).unwrap_or(score);
    trees.base = columns.iter().map(|&column| trees.base.get(column).copied().unwrap_or(0.0)).collect();
    trees.weights.iter_mut().for_each(|(score, _)| *score = place(*score));
    Ok(trees)
}
