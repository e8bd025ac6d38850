//! What model, data and plan tell before anything runs.

use brinell_data::Truths;
use brinell_engine::{Ending, Meaning, ValueKind};
use brinell_graph::{Graph, Op};
use brinell_task::{Classify, Task};
use brinell_threat::Norm;

use super::super::setup::Run;
use crate::flags::{
    DATA_NOTES, DEPENDENT_PAIRS, FEW_CLASSES, FEW_TARGETS, FIRST_OUTPUT, NAMES, ONE_SCORE, RANDOMISED, RESIZED, ROUNDED, SMALL_RADIUS,
    SOFTMAX,
};

/// Operators of ONNX that draw random numbers.
const RANDOM: [&str; 6] = ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"];

impl Run<'_> {
    pub(crate) fn flag_structure(&mut self) {
        let ending = self.case.subject.signature.reading.ending;
        // A forest has no gradient that could hide.
        if !self.case.subject.has_trees() {
            self.flags.measure(&SOFTMAX, f64::from(u8::from(!matches!(ending, Ending::Logits | Ending::Labels { .. }))), || {
                format!(
                    "the model ends in a {}, which can hide gradients; the attacks use the values before it, and every example is judged on the model's own output",
                    ending.name()
                )
            });
        }
        self.flag_interface();
        let names = random_operators(&self.case.subject.model.graph);
        self.flags.measure(&RANDOMISED, names.len() as f64, || {
            format!(
                "the model draws random numbers ({}), and every point was judged by a single draw, so survival may be luck; export a model that averages over its noise",
                names.join(", ")
            )
        });
        self.flag_radius();
        self.flag_losses();
        self.flag_pairs();
        if !self.case.data.notes.is_empty() {
            let notes: Vec<String> = self.case.data.notes.iter().map(ToString::to_string).collect();
            self.flags.raise(&DATA_NOTES, notes.join("; "));
        }
        let (n, resized) = (self.case.data.n, self.case.data.resized);
        self.flags.measure(&RESIZED, resized as f64, || {
            format!(
                "{resized} of {n} images were resized to the model's input {:?} (triangle filter); resize them yourself if the model expects another method",
                self.case.data.shape
            )
        });
    }

    /// Doubts a radius that is tiny beside the scale; one larger than the box is an error. Radii of features are in their own units, and one in L0 is a
    /// number of values.
    fn flag_radius(&mut self) {
        let ball = &self.case.ball;
        if self.book.nearest || ball.features.is_some() || ball.norm == Norm::L0 || ball.eps <= 0.0 {
            return;
        }
        let (eps, scale) = (ball.eps, self.case.scale);
        let share = eps / f64::from(ball.bounds.hi() - ball.bounds.lo());
        self.flags.measure(&SMALL_RADIUS, share, || format!("eps is {eps} in a range of {scale}; radii are in units of that range"));
    }

    /// Says what was chosen among several outputs, and what is rounded.
    fn flag_interface(&mut self) {
        let (graph, signature) = (&self.case.subject.model.graph, &self.case.subject.signature);
        // The class that a classic model returns beside its scores is no other answer.
        let classic = self.case.subject.model.class_labels.is_some();
        let is_class = |id| classic && graph.value(id).dtype.is_some_and(|dtype| !dtype.is_float());
        // What refuses is read, and what says whether is no other answer.
        let refusal = self.case.subject.defence.as_ref().and_then(|defence| defence.refusal.as_ref());
        let decides = |id| {
            let is_gate = signature.gate.as_ref().is_some_and(|gate| gate.value == id);
            is_gate || refusal.is_some_and(|refusal| graph.value(id).name == refusal.accept)
        };
        let others: Vec<&str> = graph
            .outputs()
            .iter()
            .filter(|&&id| id != signature.output && !is_class(id) && !decides(id))
            .map(|&id| graph.value(id).name.as_str())
            .collect();
        let unchosen = if self.question.artefact.output.is_none() { others.len() } else { 0 };
        self.flags.measure(&FIRST_OUTPUT, unchosen as f64, || {
            let name = &signature.output_name;
            format!("the model has several outputs; `{name}` was used, not {}", others.join(", "))
        });
        let declared = classic || self.question.artefact.threshold.is_some() || signature.reading.ending != Ending::Logits;
        if let Some(threshold) = signature.reading.threshold.filter(|_| !declared) {
            let name = &signature.output_name;
            let message = format!(
                "the output `{name}` is a single number and was read as a score: class 1 above {threshold}. If the model is a regression, the figures mean nothing"
            );
            self.flags.raise(&ONE_SCORE, message);
        }
        let whole: Vec<String> = if signature.takes_integers() {
            vec![format!("`{}` ({:?})", signature.input_name, signature.dtype)]
        } else {
            let parts = signature.parts.iter().filter(|part| part.kind() == ValueKind::Whole);
            parts.map(|part| format!("`{}` ({:?})", part.name, part.dtype)).collect()
        };
        self.flags.measure(&ROUNDED, f64::from(u8::from(!whole.is_empty())), || {
            let (inputs, take) = if whole.len() == 1 { ("input", "takes") } else { ("inputs", "take") };
            format!(
                "the model's {inputs} {} {take} whole numbers: every point was rounded before the model evaluated it, and gradients, if any, ignore the rounding",
                whole.join(", ")
            )
        });
        let names = self.question.threat.norm != brinell_threat::Norm::L0 && self.case.subject.embedding().is_some();
        self.flags.measure(&NAMES, f64::from(u8::from(names)), || {
            format!(
                "the values of the model's input `{}` are indices into an embedding, so the distance between two of them means nothing; use the norm l0, in which eps is the number of positions that may change",
                signature.input_name
            )
        });
    }

    /// Says where samples are no independent draws: pairs that have one in common.
    fn flag_pairs(&mut self) {
        let Truths::Pairs(pairs) = &self.case.data.truths else { return };
        let (shared, n) = (pairs.dependent(), self.case.data.n);
        self.flags.measure(&DEPENDENT_PAIRS, shared as f64, || {
            format!("{shared} of {n} pairs share a sample with another pair; the intervals assume independent pairs, so here they are too narrow")
        });
    }

    /// Says where a loss gave way to another for want of classes.
    fn flag_losses(&mut self) {
        if self.case.subject.signature.meaning != Meaning::Class {
            return;
        }
        let classes = self.case.subject.signature.classes;
        let (wish, task, ample) = (self.case.wanted(), Classify::new(classes), Classify::new(usize::MAX));
        for recipe in self.book.stages.iter().map(|stage| &stage.recipe) {
            let loss = |task: &Classify| task.fused(recipe.objective(), &wish);
            let (Some(wanted), Some(used)) = (loss(&ample), loss(&task)) else { continue };
            self.flags.measure_against(&FEW_CLASSES, classes as f64, wanted.min_classes() as f64, || {
                format!(
                    "{} needs at least {} classes for its loss {}, but the model has {classes}; {} was used instead",
                    recipe.name(),
                    wanted.min_classes(),
                    wanted.name(),
                    used.name()
                )
            });
            let (wanted, used) = (recipe.runs(ample.count(&wish)), recipe.runs(task.count(&wish)));
            self.flags.measure_against(&FEW_TARGETS, f64::from(used), f64::from(wanted), || {
                format!(
                    "{} makes one run for each of the likeliest wrong classes; the model has only {classes} classes, so there were {used} runs instead of {wanted}",
                    recipe.name()
                )
            });
        }
    }
}

/// Names of the nodes that draw random numbers and reach an output.
fn random_operators(graph: &Graph) -> Vec<String> {
    let draws = |op: &Op| matches!(op, Op::Opaque(op) if op.domain.is_empty() && RANDOM.contains(&op.op_type.as_str()));
    graph.dce().nodes().iter().filter(|node| draws(&node.op)).map(|node| format!("{} `{}`", node.op.name(), node.name)).collect()
}
