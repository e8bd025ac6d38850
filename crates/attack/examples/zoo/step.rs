//! One step of APGD against a model.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use brinell_attack::driver::{Aim, Court, DriverSettings, Item, Pose, Ruling, Timing, Verdict, run};
use brinell_attack::recipe;
use brinell_engine::{Answer, Artefact, Oracle, Preprocess, Runtime, Signature};
use brinell_graph::{Dim, Graph, Op, Reduce};
use brinell_task::{Posed, Truth, Wanted, argmax};
use brinell_threat::{Ball, Eps, InputBox, Norm};

use crate::reference::Tensor;

/// Radii of the step, beside inputs of size 1, in the order in which they are tried: networks with random weights may be so crooked that only
/// a shorter step goes along the gradient, or so flat that a short one is lost in rounding.
const RADII: [f64; 3] = [2e-3, 2e-4, 2e-2];

/// Keeps the largest margin of every sample.
struct Keep(Vec<f64>);

impl Court for Keep {
    type Error = std::convert::Infallible;

    fn judge(&mut self, _: &Item, _: &[f32], _: &[f32]) -> Result<Ruling, Self::Error> {
        Ok(Ruling::Confirmed)
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), Self::Error> {
        if let Some(margin) = usize::try_from(item.sample).ok().and_then(|sample| self.0.get_mut(sample)) {
            *margin = verdict.margin;
        }
        Ok(())
    }
}

/// What a step did at the sample that gained least.
pub(crate) struct Step {
    /// How far the best other output stands above the predicted one, before.
    pub(crate) before: f64,
    /// The same afterwards.
    pub(crate) after: f64,
    /// Radius of the ball: the first in which all samples gain, or else the first.
    pub(crate) eps: f64,
}

/// Returns why an audit would not use the runtime for this model, where that is so.
pub(crate) fn refused(graph: &Graph, runtime: &Arc<dyn Runtime>) -> Option<String> {
    oracle(graph, runtime).err()
}

fn oracle(graph: &Graph, runtime: &Arc<dyn Runtime>) -> Result<Oracle, String> {
    let graph = one_row(graph)?;
    let signature = Signature::of(&graph, &Artefact::default()).map_err(|e| e.to_string())?;
    let preprocess = Preprocess::new(&Artefact::default(), &signature.sample, &signature.sample).map_err(|e| e.to_string())?;
    Oracle::new(&graph, &preprocess, Arc::clone(runtime), 1).map_err(|e| e.to_string())
}

/// Attacks with one step. Where the first output is no row of logits, its mean over places (pixels, anchors) is.
pub(crate) fn step(graph: &Graph, runtime: &Arc<dyn Runtime>, x: &Tensor) -> Result<Step, String> {
    let mut oracle = oracle(graph, runtime)?;
    let classes = oracle.width();
    let mut answer = Answer::default();
    oracle.values(&x.data, &mut answer).map_err(|e| e.to_string())?;
    let rows: Vec<&[f32]> = answer.values.chunks(classes).collect();
    let labels: Vec<usize> = rows.iter().map(|row| argmax(row).unwrap_or(0)).collect();
    let margin = |row: &[f32], label| oracle.task().margin(row, Posed { truth: &Truth::Class(label), wanted: &Wanted::BREAK });
    let before: Vec<f64> = rows.iter().zip(&labels).map(|(row, &label)| margin(row, label)).collect();
    let mut first = None;
    for eps in RADII {
        let after = attack(&mut oracle, x, &labels, eps)?;
        let pairs = before.iter().copied().zip(after);
        let least = pairs.min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))).ok_or("no sample")?;
        let found = Step { before: least.0, after: least.1, eps };
        if found.after > found.before {
            return Ok(found);
        }
        first = first.or(Some(found));
    }
    first.ok_or_else(|| "no radius".to_owned())
}

/// Returns the margin of every sample after a step in a ball of radius `eps`.
fn attack(oracle: &mut Oracle, x: &Tensor, labels: &[usize], eps: f64) -> Result<Vec<f64>, String> {
    let classes = oracle.width();
    let sample = oracle.sample_shape().to_vec();
    let mut answer = Answer::default();
    oracle.values(&x.data, &mut answer).map_err(|e| e.to_string())?;
    let width = x.data.len() / labels.len().max(1);
    let rows = answer.values.chunks(classes);
    let mut items = x.data.chunks(width).zip(rows).zip(labels).zip(0..).map(|(((x, row), &label), sample)| Item {
        sample,
        x: x.to_vec(),
        truth: Truth::Class(label),
        values: row.to_vec(),
        found: None,
        guide: None,
    });
    let text = |e: brinell_threat::ThreatError| e.to_string();
    let largest = x.data.iter().fold(1.0f32, |largest, v| largest.max(v.abs()));
    let bounds = InputBox::new(-largest, largest).map_err(text)?;
    let ball = Ball::new(Norm::Linf, &Eps::new(eps).map_err(text)?, bounds);
    let recipe = recipe("apgd-margin:steps=1").map_err(|e| e.to_string())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| e.to_string())?;
    let stop = AtomicBool::new(false);
    let task = oracle.task().clone();
    let settings = DriverSettings {
        pose: Pose { task: task.as_ref(), wanted: &Wanted::BREAK },
        trees: None,
        grid: None,
        batch: labels.len(),
        shape: &sample,
        seed: 0,
        max_queries: None,
        aim: Aim::Strongest,
        pool: &pool,
        stop: &stop,
    };
    let mut kept = Keep(vec![f64::NAN; labels.len()]);
    run(oracle, recipe.as_ref(), &ball, &mut items, &mut kept, &settings, &mut Timing::default()).map_err(|e| e.to_string())?;
    Ok(kept.0)
}

/// The graph with its first output alone, as one row for each sample: [B, K], the mean over the places of [B, K, ..] or of [B, places, K].
fn one_row(graph: &Graph) -> Result<Graph, String> {
    let mut graph = graph.clone();
    let output = *graph.outputs().first().ok_or("the model has no output")?;
    let shape = graph.shape(output).ok_or("the shape of the output is not known")?.to_vec();
    let mean = |axes| Op::Reduce { kind: Reduce::Mean, axes, keepdims: false };
    let op = match shape.as_slice() {
        [_, _] => None,
        [_, _, _] => Some(mean(vec![1])),
        [_, _, places @ ..] if !places.is_empty() => Some(mean((2..shape.len()).collect())),
        _ => return Err("the output is a scalar or a single row".to_owned()),
    };
    let row = op.map_or(Ok(output), |op| graph.add(op, &[output])).map_err(|e| e.to_string())?;
    if let Some([_, Dim::Unknown] | [Dim::Unknown, _]) = graph.shape(row) {
        return Err(format!("the output has shape [{}]", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    graph.set_outputs(vec![row]);
    Ok(graph)
}
