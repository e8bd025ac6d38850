//! Losses as the last nodes of a graph.
//!
//! With p = log softmax(z), cross-entropy is -p_y and its slope exp(p) - onehot_y. Margin and DLR are ratios of inner
//! products with z: with d the difference of two one-hot rows and w the combination of one-hot rows in DLR's
//! denominator, loss = d z / (w z + floor) has the slope (d - loss w) / (w z + floor).

use brinell_graph::{DType, Dim, Graph, Op, Reduce, ValueId};

use crate::ctx::{Built, Ctx, RuleError, Scalars, unsupported};
use crate::rules::first_extremum;
use crate::view::Views;
use crate::{AutodiffError, Loss};

/// Larger than any logit, so that a class from which it is taken is never the largest.
const FAR: f64 = 1e30;

/// Appends a loss to `graph` and returns it.
///
/// # Shapes
/// `logits`, `label_one_hot`, `target_one_hot`: `[B, K]` in f32; returns `[B]`.
///
/// # Errors
/// [`AutodiffError::LogitsShape`], [`AutodiffError::TooFewClasses`], [`AutodiffError::MissingTarget`].
pub fn head(
    loss: Loss,
    graph: &mut Graph,
    logits: ValueId,
    label_one_hot: ValueId,
    target_one_hot: Option<ValueId>,
) -> Result<ValueId, AutodiffError> {
    build(loss, graph, logits, label_one_hot, target_one_hot, false).map(|(value, _)| value)
}

/// As [`head`]; with `slope` also the derivative by the logits [B, K], in fewer nodes than the general rules
/// would take.
pub(crate) fn build(
    loss: Loss,
    graph: &mut Graph,
    logits: ValueId,
    label: ValueId,
    target: Option<ValueId>,
    slope: bool,
) -> Result<(ValueId, Option<ValueId>), AutodiffError> {
    let classes = check(loss, graph, logits)?;
    let target = match target {
        Some(target) => target,
        None if loss.is_targeted() => return Err(AutodiffError::MissingTarget { loss: loss.name() }),
        None => label,
    };
    with_ctx(graph, logits, |ctx| {
        let head = Head { logits, label, target, classes, slope };
        match loss {
            Loss::CrossEntropy => head.cross_entropy(ctx, label, true),
            Loss::TargetedCrossEntropy => head.cross_entropy(ctx, target, false),
            Loss::Margin => head.margin(ctx),
            Loss::TargetedMargin => head.targeted_margin(ctx),
            Loss::Dlr => head.dlr(ctx),
            Loss::TargetedDlr => head.targeted_dlr(ctx),
            Loss::Difference => head.difference(ctx),
            Loss::LogOdds => head.log_odds(ctx, label, true),
            Loss::TargetedLogOdds => head.log_odds(ctx, target, false),
        }
    })
}

/// Appends what `append` does, as if behind a node of no importance; `value` is named where it has the wrong form.
pub(crate) fn with_ctx<T>(
    graph: &mut Graph,
    value: ValueId,
    append: impl FnOnce(&mut Ctx<'_>) -> Result<T, RuleError>,
) -> Result<T, AutodiffError> {
    let node = brinell_graph::Node { name: String::new(), op: Op::Identity, inputs: Vec::new(), outputs: Vec::new() };
    let mut scalars = Scalars::new();
    let mut views = Views::default();
    let mut ctx = Ctx { graph, node: &node, cotangents: &[], wanted: &[], scalars: &mut scalars, views: &mut views };
    append(&mut ctx).map_err(|error| match error {
        RuleError::Graph(error) => error.into(),
        RuleError::Unsupported(reason) | RuleError::Unknown(reason) => {
            AutodiffError::LogitsShape { value: ctx.graph.value(value).name.clone(), shape: reason }
        }
    })
}

/// Returns the number of classes.
fn check(loss: Loss, graph: &Graph, logits: ValueId) -> Result<usize, AutodiffError> {
    let value = graph.value(logits);
    match (value.shape.as_deref(), value.dtype) {
        (Some([_, Dim::Fixed(classes)]), Some(DType::F32) | None) if *classes >= loss.min_classes() => Ok(*classes),
        (Some([_, Dim::Fixed(classes)]), Some(DType::F32) | None) => {
            Err(AutodiffError::TooFewClasses { loss: loss.name(), needed: loss.min_classes(), classes: *classes })
        }
        (shape, dtype) => Err(AutodiffError::LogitsShape { value: value.name.clone(), shape: form(shape, dtype) }),
    }
}

/// Shape and type of a value in words.
pub(crate) fn form(shape: Option<&[Dim]>, dtype: Option<DType>) -> String {
    let dims = shape.map(|shape| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let dtype = dtype.map(|dtype| format!(" in {dtype:?}")).unwrap_or_default();
    dims.map_or_else(|| "unknown".to_owned(), |dims| format!("[{dims}]{dtype}"))
}

struct Head {
    logits: ValueId,
    label: ValueId,
    target: ValueId,
    classes: usize,
    slope: bool,
}

/// The loss and, where asked for, its slope.
type Both = Result<(ValueId, Option<ValueId>), RuleError>;

impl Head {
    fn cross_entropy(&self, ctx: &mut Ctx<'_>, class: ValueId, negate: bool) -> Both {
        let log = ctx.op(Op::LogSoftmax { axis: 1 }, &[self.logits])?;
        let picked = ctx.mul(log, class)?;
        let mut loss = ctx.sum(picked, &[1], false)?;
        if negate {
            loss = ctx.neg(loss)?;
        }
        if !self.slope {
            return Ok((loss, None));
        }
        let probability = ctx.op(Op::Exp, &[log])?;
        let slope = if negate { ctx.sub(probability, class)? } else { ctx.sub(class, probability)? };
        Ok((loss, Some(slope)))
    }

    /// Log-sum-exp over the other classes less the logit of `class`, or with the sign turned.
    fn log_odds(&self, ctx: &mut Ctx<'_>, class: ValueId, of_others: bool) -> Both {
        let far = ctx.scale(class, FAR)?;
        let others = ctx.sub(self.logits, far)?;
        let log = ctx.op(Op::LogSoftmax { axis: 1 }, &[others])?;
        let share = ctx.op(Op::Exp, &[log])?;
        // Every logit less its log-share is the log-sum-exp; the shares average it, without those that are far away. Their log-shares are minus infinity
        // where a runtime takes the logarithm of the softmax, and infinity times nothing is no number.
        let log = ctx.op(Op::Clip { lo: Some(f32::MIN), hi: None }, &[log])?;
        let each = ctx.sub(others, log)?;
        let each = ctx.mul(each, share)?;
        let sum = ctx.sum(each, &[1], false)?;
        let own = ctx.mul(self.logits, class)?;
        let own = ctx.sum(own, &[1], false)?;
        let (above, below) = if of_others { (sum, own) } else { (own, sum) };
        let loss = ctx.sub(above, below)?;
        if !self.slope {
            return Ok((loss, None));
        }
        let slope = if of_others { ctx.sub(share, class)? } else { ctx.sub(class, share)? };
        Ok((loss, Some(slope)))
    }

    fn margin(&self, ctx: &mut Ctx<'_>) -> Both {
        let best = self.best_but(ctx, self.label)?;
        let difference = ctx.sub(best, self.label)?;
        self.inner(ctx, difference)
    }

    fn targeted_margin(&self, ctx: &mut Ctx<'_>) -> Both {
        let best = self.best_but(ctx, self.target)?;
        let difference = ctx.sub(self.target, best)?;
        self.inner(ctx, difference)
    }

    fn difference(&self, ctx: &mut Ctx<'_>) -> Both {
        let difference = ctx.sub(self.target, self.label)?;
        self.inner(ctx, difference)
    }

    fn dlr(&self, ctx: &mut Ctx<'_>) -> Both {
        let best = self.best_but(ctx, self.label)?;
        let difference = ctx.sub(best, self.label)?;
        self.ratio(ctx, difference, &[1.0, 0.0, -1.0])
    }

    fn targeted_dlr(&self, ctx: &mut Ctx<'_>) -> Both {
        let difference = ctx.sub(self.target, self.label)?;
        self.ratio(ctx, difference, &[1.0, 0.0, -0.5, -0.5])
    }

    /// Returns the one-hot row of the largest logit but that of `class`.
    fn best_but(&self, ctx: &mut Ctx<'_>, class: ValueId) -> Built {
        let far = ctx.scale(class, FAR)?;
        let others = ctx.sub(self.logits, far)?;
        let hit = first_extremum(ctx, others, &[1], Reduce::Max)?;
        let dtype = ctx.dtype(self.logits);
        ctx.cast(hit, dtype)
    }

    fn inner(&self, ctx: &mut Ctx<'_>, difference: ValueId) -> Both {
        let product = ctx.mul(self.logits, difference)?;
        let loss = ctx.sum(product, &[1], false)?;
        Ok((loss, self.slope.then_some(difference)))
    }

    /// Returns difference * z / (weights * z sorted + floor).
    fn ratio(&self, ctx: &mut Ctx<'_>, difference: ValueId, weights: &[f32]) -> Both {
        let top = Op::TopK { axis: 1, k: weights.len(), largest: true, sorted: true };
        let outputs = ctx.op_many(top, &[self.logits], 2)?;
        let [values, indices] = outputs[..] else { return unsupported("TopK has no indices output") };
        let combination = ctx.floats(values, vec![1, weights.len()], weights.to_vec())?;
        let weighted = ctx.mul(values, combination)?;
        let spread = ctx.reduce(Reduce::Sum, weighted, &[1], true)?;
        let spread = ctx.shift(spread, Loss::DLR_FLOOR)?;
        let product = ctx.mul(self.logits, difference)?;
        let numerator = ctx.reduce(Reduce::Sum, product, &[1], true)?;
        let ratio = ctx.div(numerator, spread)?;
        let loss = ctx.op(Op::Squeeze { axes: vec![1] }, &[ratio])?;
        if !self.slope {
            return Ok((loss, None));
        }
        let on_off = ctx.floats(values, vec![2], vec![0.0, 1.0])?;
        let rows = ctx.op(Op::OneHot { axis: 2, depth: self.classes }, &[indices, on_off])?;
        let column = ctx.floats(values, vec![1, weights.len(), 1], weights.to_vec())?;
        let rows = ctx.mul(rows, column)?;
        let along = ctx.sum(rows, &[1], false)?;
        let along = ctx.mul(along, ratio)?;
        let rest = ctx.sub(difference, along)?;
        let slope = ctx.div(rest, spread)?;
        Ok((loss, Some(slope)))
    }
}
