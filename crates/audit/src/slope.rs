//! Before a gradient is trusted: is it the slope of the loss on the session that answers the attacks?
//!
//! Differences of the loss settle nearly every case. Where they do not agree with the gradient, another runtime is asked for the same gradient: a
//! model with stairs in it has a gradient that is not the slope of its loss, and the runtimes agree about that one. On a device the other runtime is
//! always asked.

use std::sync::Arc;

use brinell_engine::{Climb, Oracle, OracleError, Running, Runtime, RuntimeChoice, SlopePoint, Steps, likeness, open};
use brinell_graph::{Graph, Op, Quant};
use brinell_record::SanityLevel;
use brinell_subject::SubjectError;
use brinell_task::{Head, Objective, Rivals, Task};

use crate::AuditError;
use crate::flags::{GRADIENT_MISMATCH, RANDOMISED};
use crate::setup::Run;

/// Samples that are asked about, spread over the data.
const POINTS: usize = 4;

/// What was found out about the gradient of a loss.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Agreement {
    /// The cosine of the gradient with differences of the loss or with another runtime's gradient, whichever settles it; `None` where nothing moves.
    cosine: Option<f64>,
    /// The latter, where it was looked at.
    other: Option<f64>,
    forwards: u64,
    backwards: u64,
}

impl Run<'_> {
    /// Compares the gradient of what an attack climbs with differences of it, once for each objective of the run, and flags where they disagree.
    pub(super) fn check_slope(&mut self, oracle: &mut Oracle, objective: Objective) -> Result<(), AuditError> {
        let elsewhere = self.case.runtime.device() != "cpu";
        // Level off asks nothing on the processor, where the runtimes are held to the gradients of all rules by tests; devices are not.
        if self.question.effort.sanity == SanityLevel::Off && !elsewhere {
            return Ok(());
        }
        // What is fed by its weights has one gradient graph, whatever is climbed: a plane has no kinks in the values, where differences would show nothing.
        let linear = oracle.task().head(objective, &self.case.wanted()) == Head::Linear;
        let objective = if linear { Objective::Plane } else { objective };
        // Of a model that draws random numbers no difference tells anything.
        if self.slopes.iter().any(|(known, _)| *known == objective) || self.flags.is_raised(&RANDOMISED) {
            return Ok(());
        }
        let agreement = self.timed(|run| {
            let task = Arc::clone(oracle.task());
            let points = run.slope_points(task.as_ref());
            let steps = Steps {
                widths: (0..oracle.sample_len()).map(|place| run.case.ball.range(place)).map(|(lo, hi)| hi - lo).collect(),
                least: if run.case.grid.is_some() { 1.0 } else { 0.0 },
                batch: run.case.batch,
            };
            agreement(oracle, Climb::Objective(task.as_ref(), objective), &points, &steps, elsewhere, &|| run.second())
                .map_err(|error| SubjectError::from(error).into())
        })?;
        self.sanity.forwards += agreement.forwards;
        self.sanity.backwards += agreement.backwards;
        self.slopes.push((objective, agreement));
        let Some(cosine) = agreement.cosine else { return Ok(()) };
        // Where nobody else can say what the gradient of a model with stairs is, only one that points the other way is surely wrong.
        let alone = agreement.other.is_none() && has_stairs(&self.case.subject.model.graph);
        let threshold = if alone { 0.0 } else { GRADIENT_MISMATCH.threshold };
        let least = self.slopes.iter().filter_map(|(_, known)| known.cosine).fold(cosine, f64::min);
        let climbed = match oracle.task().head(objective, &self.case.wanted()) {
            Head::Fused(loss) => format!("`{}`", loss.name()),
            Head::Linear => "of the task".to_owned(),
        };
        let (runtime, device) =
            (format!("{} {}", self.case.runtime.name(), self.case.runtime.version()), self.case.runtime.device().to_owned());
        self.flags.measure_against(&GRADIENT_MISMATCH, least, threshold, || {
            let beside = match agreement.other {
                Some(other) => format!(", and it differs from the gradient that another runtime computes (cosine {other:.3})"),
                None => "; no other runtime was available to compare it with".to_owned(),
            };
            format!(
                "the gradient of the loss {climbed} that {runtime} computes on {device} is wrong: its cosine with finite differences of the loss around {POINTS} samples is {cosine:.3}{beside}. Results of attacks with gradients mean nothing here"
            )
        });
        Ok(())
    }

    /// Returns a runtime of another kind than the one that answers attacks.
    fn second(&self) -> Option<Arc<dyn Runtime>> {
        let runtime = if self.case.runtime.name() == "rten" { RuntimeChoice::OnnxRuntime } else { RuntimeChoice::Rten };
        open(&Running { runtime, threads: self.question.running.threads, ..Running::default() }).ok()
    }

    fn slope_points(&self, task: &dyn Task) -> Vec<SlopePoint> {
        let n = self.case.data.n.min(POINTS);
        let point = |sample: usize| {
            let demand = self.case.demand(sample);
            // Any other rival does.
            let other = || match demand.truth.class() {
                Some(label) => Some((label + 1) % task.width().max(1)),
                None => Rivals::at(task, &[], demand.posed()).ranked(1).first().map(|rival| rival.id),
            };
            let rival = task.named(&demand.wanted).or_else(other);
            SlopePoint { x: self.case.sample(sample), sample, demand, rival }
        };
        (0..n).map(|i| point(self.case.data.number(i * self.case.data.n / n.max(1)))).collect()
    }
}

/// Compares the gradient of what is climbed with differences of it and, where these disagree or the oracle is `elsewhere` than on the processor, with what the
/// runtime makes of it that `second` opens.
fn agreement(
    oracle: &mut Oracle,
    climb: Climb<'_>,
    points: &[SlopePoint],
    steps: &Steps,
    elsewhere: bool,
    second: &dyn Fn() -> Option<Arc<dyn Runtime>>,
) -> Result<Agreement, OracleError> {
    let slopes = oracle.slopes(climb, points, steps)?;
    let mut found = Agreement { cosine: slopes.cosine, other: None, forwards: slopes.forwards, backwards: slopes.backwards };
    let doubtful = slopes.cosine.is_some_and(|cosine| cosine < GRADIENT_MISMATCH.threshold);
    if !doubtful && !elsewhere {
        return Ok(found);
    }
    let own = oracle.gradients_at(climb, points, steps.batch)?;
    found.backwards += points.len() as u64;
    // A runtime that does not run the model has no opinion.
    let Some(mut other) = second().zip(points.first()).and_then(|(second, point)| oracle.elsewhere(second, climb.head(point)).ok()) else {
        return Ok(found);
    };
    let Ok(gradients) = other.gradients_at(climb, points, steps.batch) else { return Ok(found) };
    found.backwards += points.len() as u64;
    found.other = likeness(&own, &gradients, oracle.sample_len());
    // Beside a whole gradient a few differences tell little, but on the processor either will do.
    found.cosine = match (found.other, slopes.cosine) {
        (Some(other), Some(cosine)) if !elsewhere => Some(other.max(cosine)),
        (other, cosine) => other.or(cosine),
    };
    Ok(found)
}

/// True where a model rounds on the way, so that its gradient is taken straight through stairs.
fn has_stairs(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| match &node.op {
        Op::Quant(Quant::DequantizeLinear { .. }) => false,
        Op::Quant(_) | Op::Round => true,
        _ => false,
    })
}

#[cfg(test)]
#[path = "../../engine/tests/common/wrong.rs"]
mod wrong;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use brinell_engine::{Artefact, Preprocess};

    use brinell_task::{Demand, Loss};

    use super::wrong::{FAULTS, Fault, Wrong};
    use super::*;

    fn rten() -> Arc<dyn Runtime> {
        open(&Running { runtime: RuntimeChoice::Rten, ..Running::default() }).unwrap()
    }

    /// Asks the demo's model, on a runtime with that fault and beside rten, at points between grey and noise.
    fn asked(fault: Fault, elsewhere: bool, second: bool) -> Agreement {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/robust.onnx");
        let graph = brinell_onnx::read_file(&demo).unwrap().graph;
        let sample: Vec<usize> = graph.shape(graph.inputs()[0]).unwrap().iter().skip(1).filter_map(|dim| dim.fixed()).collect();
        let preprocess = Preprocess::new(&Artefact::default(), &sample, &sample).unwrap();
        let mut oracle = Oracle::new(&graph, &preprocess, Arc::new(Wrong { inner: rten(), fault }), 1).unwrap();
        let len = oracle.sample_len();
        let x = |sample: usize| (0..len).map(|place| ((place * (sample + 7)) % 23) as f32 / 23.0).collect();
        let points: Vec<SlopePoint> =
            (0..POINTS).map(|sample| SlopePoint { x: x(sample), sample, demand: Demand::class(sample, None), rival: None }).collect();
        let steps = Steps { widths: vec![1.0; len], least: 0.0, batch: 32 };
        agreement(&mut oracle, Climb::Loss(Loss::CrossEntropy), &points, &steps, elsewhere, &|| second.then(rten)).unwrap()
    }

    #[test]
    fn a_right_gradient_passes_and_no_other_runtime_is_asked_on_the_processor() {
        let found = asked(|_| {}, false, true);
        assert!(found.cosine.is_some_and(|cosine| cosine > GRADIENT_MISMATCH.threshold), "{found:?}");
        assert_eq!((found.other, found.backwards), (None, 4));
        let found = asked(|_| {}, true, true);
        assert!(found.other.is_some_and(|other| other > 0.9999), "{found:?}");
        assert_eq!((found.cosine, found.backwards), (found.other, 12));
    }

    #[test]
    fn a_wrong_gradient_is_below_the_threshold_with_and_without_another_runtime() {
        for (name, fault) in FAULTS {
            for (elsewhere, second) in [(false, false), (false, true), (true, false), (true, true)] {
                let found = asked(fault, elsewhere, second);
                assert!(found.cosine.is_some_and(|cosine| cosine < GRADIENT_MISMATCH.threshold), "{name} {elsewhere} {second} {found:?}");
                assert_eq!(found.other.is_some(), second, "{name} {found:?}");
            }
        }
    }

    #[test]
    fn stairs_are_those_of_values_and_not_of_weights() {
        let mut graph = Graph::new("stairs");
        let x = graph.input("x", brinell_graph::DType::F32, vec![brinell_graph::Dim::Batch(1), brinell_graph::Dim::Fixed(3)]);
        let y = graph.add(Op::Relu, &[x]).unwrap();
        assert!(!has_stairs(&graph));
        graph.add(Op::Round, &[y]).unwrap();
        assert!(has_stairs(&graph));
    }
}
