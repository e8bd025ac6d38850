//! The gradient of a file on the runtimes at hand, at random points.

use std::sync::Arc;

use brinell_engine::{Artefact, Climb, Running, RuntimeChoice, SlopePoint, Steps, likeness, open};
use brinell_graph::Graph;
use brinell_task::{Demand, Loss};
use brinell_threat::{Ball, InputBox, Norm};

use crate::Subject;
use crate::equivalence::random_point;

/// Random points of the unit box.
const POINTS: usize = 4;

/// What one runtime makes of a gradient.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The runtime with its version.
    pub runtime: String,
    /// The cosine of its gradient with differences of the loss; `None` where neither moves.
    pub slope: Option<f64>,
    /// The cosine of its gradient with that of the first runtime of the list.
    pub likeness: Option<f64>,
    /// Why it did not compute the gradient.
    pub problem: Option<String>,
}

/// Computes the gradient of a loss on every runtime that can be opened, for `graph`, which is that of the subject or has a free batch.
/// Nothing comes back where the input is none that preprocessing knows.
pub(crate) fn compared(mut subject: Subject, graph: &Graph, loss: Loss) -> Vec<Compared> {
    let held = if subject.signature.held.is_empty() { Ok(()) } else { subject.make_up_held(POINTS) };
    let Ok(preprocess) = subject.preprocess(&Artefact::default(), &subject.signature.sample) else { return Vec::new() };
    let ball = Ball { norm: Norm::Linf, eps: 0.0, bounds: InputBox::UNIT, features: None };
    let len: usize = subject.signature.sample.iter().product();
    let classes = subject.signature.classes.max(1);
    let points: Vec<SlopePoint> = (0..POINTS)
        .map(|sample| SlopePoint {
            x: random_point(&ball, len, sample as u64),
            sample,
            demand: Demand::class(sample % classes, None),
            rival: Some((sample + 1) % classes),
        })
        .collect();
    let least = if subject.signature.takes_integers() { 1.0 } else { 0.0 };
    let steps = Steps { widths: vec![ball.bounds.hi() - ball.bounds.lo(); len], least, batch: POINTS };
    let mut first: Option<Vec<f32>> = None;
    let mut found = Vec::new();
    for runtime in [RuntimeChoice::OnnxRuntime, RuntimeChoice::Rten] {
        let Ok(runtime) = open(&Running { runtime, ..Running::default() }) else { continue };
        let name = format!("{} {}", runtime.name(), runtime.version());
        let asked = || -> Result<(Option<f64>, Vec<f32>), String> {
            held.clone()?;
            let mut oracle = subject.oracle(graph, &preprocess, &Arc::clone(&runtime), 1).map_err(|error| error.to_string())?;
            let slopes = oracle.slopes(Climb::Loss(loss), &points, &steps).map_err(|error| error.to_string())?;
            Ok((slopes.cosine, oracle.gradients_at(Climb::Loss(loss), &points, POINTS).map_err(|error| error.to_string())?))
        };
        found.push(match asked() {
            Ok((slope, gradient)) => {
                let likeness = first.as_ref().and_then(|first| likeness(first, &gradient, len));
                first.get_or_insert(gradient);
                Compared { runtime: name, slope, likeness, problem: None }
            }
            Err(problem) => Compared { runtime: name, slope: None, likeness: None, problem: Some(problem) },
        });
    }
    found
}
