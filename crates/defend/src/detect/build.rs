//! The file with a detector: views in front of the model, suspicion and decision behind it.

use brinell_engine::Ending;
use brinell_graph::{Compare, DType, Dim, Graph, Op, ValueId};
use brinell_onnx::{Patch, Suffix, Wrap, wrap};
use brinell_record::{Defence, FileError, Refusal};
use brinell_subject::Case;

use super::{Score, Seen};
use crate::DefendError;
use crate::prefix::{Prefix, SCOPE, VIEWS, about};

/// Names of the outputs that a detector adds.
pub(crate) const SUSPICION: &str = "suspicion";
pub(crate) const ACCEPT: &str = "accept";

/// Returns the bytes of the model with a detector that refuses as `refusal` says.
///
/// # Errors
/// [`DefendError`] where the detector does not fit the model.
pub(super) fn build(case: &Case, score: &dyn Score, refusal: &Refusal) -> Result<Vec<u8>, DefendError> {
    let subject = &case.subject;
    let path = subject.path();
    let views = score.views();
    let prefix = if views.is_empty() { None } else { Some(Prefix::views(case, &views)?) };
    let refusal = Refusal { views: prefix.as_ref().map(|_| VIEWS.to_owned()), ..refusal.clone() };
    #[expect(clippy::cast_possible_truncation, reason = "the threshold is a suspicion, which is f32")]
    let graph = suffix(case, score, views.len() + 1, refusal.threshold as f32)?;
    let output = subject.signature.output_name.as_str();
    let reads: Vec<&str> = std::iter::once(output).chain(score.feature().map(|(name, _)| name)).collect();
    let makes: &[&str] = if prefix.is_some() { &[output, SUSPICION, ACCEPT] } else { &[SUSPICION, ACCEPT] };
    let around = Wrap {
        input: &subject.signature.input_name,
        prefix: prefix.as_ref().map(|prefix| &prefix.graph),
        suffix: Some(Suffix { graph: &graph, reads: &reads, makes }),
        scope: SCOPE,
        reshaped: prefix.is_some(),
    };
    let original = std::fs::read(path).map_err(FileError::on("read", path))?;
    subject.check_unchanged()?;
    let failed = |source| DefendError::Prefix { path: path.to_path_buf(), source: Box::new(source) };
    let bytes = wrap(&original, &around).map_err(failed)?;
    let defence = Defence { refusal: Some(refusal), ..about(case) };
    let said = serde_json::to_string(&defence).unwrap_or_default();
    let metadata = vec![(Defence::PARENT.to_owned(), subject.sha256.clone()), (Defence::KEY.to_owned(), said)];
    Ok(Patch { metadata, ..Patch::default() }.apply(&bytes).unwrap_or(bytes))
}

/// Checks that a model can have a detector: it gives every class a logit or a probability, and has no other outputs where it is asked about several views.
///
/// # Errors
/// [`DefendError::Unsupported`].
pub(super) fn check_outputs(case: &Case, several_views: bool, needs_logits: bool) -> Result<(), DefendError> {
    let subject = &case.subject;
    let ending = subject.signature.reading.ending;
    let what =
        if !case.is_of_classes() || subject.signature.reading.threshold.is_some() || !matches!(ending, Ending::Logits | Ending::Softmax) {
            "does not give every class a logit or a probability"
        } else if several_views && subject.model.graph.outputs().len() > 1 {
            "has several outputs"
        } else if needs_logits && ending == Ending::Softmax {
            "ends in a softmax, behind which the size of its logits is lost"
        } else {
            return Ok(());
        };
    Err(DefendError::Unsupported { model: subject.path().to_path_buf(), what: what.to_owned() })
}

/// The graph behind the model: from its output for all views, and an inner value, to what the file says.
fn suffix(case: &Case, score: &dyn Score, views: usize, threshold: f32) -> Result<Graph, DefendError> {
    let signature = &case.subject.signature;
    let model = &case.subject.model.graph;
    let rest: Vec<Dim> = model.shape(signature.output).unwrap_or_default().iter().skip(1).copied().collect();
    let dtype = model.value(signature.output).dtype.unwrap_or(DType::F32);
    let with = |first: Dim, rest: &[Dim]| std::iter::once(first).chain(rest.iter().copied()).collect::<Vec<Dim>>();
    let mut graph = Graph::new("detector");
    let body = graph.input("body", dtype, with(Dim::Batch(views), &rest));
    let feature = score.feature().map(|(_, width)| graph.input("feature", DType::F32, vec![Dim::Batch(1), Dim::Fixed(width)]));
    let classes = Dim::Fixed(signature.classes);
    let f32s = if dtype == DType::F32 { body } else { graph.add(Op::Cast { to: DType::F32 }, &[body])? };
    let all = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(views), classes] }, &[f32s])?;
    let first = Op::Slice { axes: vec![1], starts: vec![0], ends: vec![1], steps: vec![1] };
    let own = graph.add(first.clone(), &[all])?;
    let own = graph.add(Op::Squeeze { axes: vec![1] }, &[own])?;
    let seen = Seen { all, own, probabilities: signature.reading.ending == Ending::Softmax, views, feature };
    let suspicion = score.append(&mut graph, &seen)?;
    let suspicion = graph.add(Op::Reshape { shape: vec![Dim::Batch(1)] }, &[suspicion])?;
    let limit = graph.scalar(threshold);
    let accept = graph.add(Op::Compare(Compare::LessOrEqual), &[suspicion, limit])?;
    let mut outputs: Vec<ValueId> = vec![suspicion, accept];
    if views > 1 {
        let shape = std::iter::once(Dim::Batch(1)).chain([Dim::Fixed(views)]).chain(rest.iter().copied()).collect();
        let kept = graph.add(Op::Reshape { shape }, &[body])?;
        let kept = graph.add(first, &[kept])?;
        outputs.insert(0, graph.add(Op::Squeeze { axes: vec![1] }, &[kept])?);
    }
    graph.set_outputs(outputs);
    Ok(graph.dce())
}
