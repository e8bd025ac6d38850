//! The graphs of a training step: weights are inputs, so that one graph serves every step.
//!
//! A constant weight may be written into a gradient's graph a second time, turned round for a faster operator. New numbers for the first copy would then give
//! wrong gradients without a word. So weights become inputs before anything is differentiated.

use brinell_graph::{DType, Dim, Graph, Op, Reduce, ValueId};

use crate::ctx::{Built, Ctx, RuleError};
use crate::gradient::{gradient_graph, with_outputs};
use crate::head::{form, with_ctx};
use crate::vjp::vjp;
use crate::{AutodiffError, Loss};

/// What training minimises, one number for each sample. `z` are the logits at the clean input, `z'` those at the attacked one, `p` and `p'` their softmax,
/// `q` the label, one-hot or softened.
///
/// # Source
/// Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018; Zhang et al., "Theoretically principled trade-off between
/// robustness and accuracy", ICML 2019 (TRADES); Wang et al., "Improving adversarial robustness requires revisiting misclassified examples", ICLR 2020 (MART),
/// with the constants of its published code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TrainingLoss {
    /// `(1 - clean) CE(z', q) + clean CE(z, q)`; without a clean part `z` is not computed.
    Mixed {
        /// Weight of the clean loss, in [0, 1).
        clean: f64,
    },
    /// `CE(z, q) + beta KL(p || p')`.
    Trades {
        /// Weight of the divergence.
        beta: f64,
    },
    /// `CE(z', y) - log(1.0001 - max over i != y of p'_i) + beta KL(p || p') (1.0000001 - p_y)`; `q` must be one-hot.
    Mart {
        /// Weight of the divergence.
        beta: f64,
    },
}

impl TrainingLoss {
    /// Returns true where the loss reads the clean input beside the attacked one.
    #[must_use]
    pub fn reads_clean(self) -> bool {
        !matches!(self, Self::Mixed { clean } if clean <= 0.0)
    }
}

/// Keeps MART's logarithms finite, as in its published code.
const MART_FLOOR: f64 = 1e-12;

/// Returns the graph of a training step: the loss of each sample and the gradient of their sum by each of the `weights`, which are constants of `graph`.
///
/// Its inputs are `input` (the attacked sample), the weights in their order, the label and, where the loss reads it, the clean sample, in this order; its outputs
/// are `logits` (at the attacked sample), `loss` and `gradient_0`, `gradient_1`, .. in the order of the weights.
///
/// # Shapes
/// label and `logits`: `[B, K]`, `loss`: `[B]`, a gradient as its weight; B may be any number.
///
/// # Errors
/// [`AutodiffError::NotDifferentiable`] with every node that stands in the way, [`AutodiffError::LogitsShape`].
pub fn training_graph(
    graph: &Graph,
    logits: ValueId,
    input: ValueId,
    weights: &[ValueId],
    loss: TrainingLoss,
) -> Result<Graph, AutodiffError> {
    let mut work = graph.clone();
    work.release(weights);
    let classes = match (graph.shape(logits), graph.value(logits).dtype) {
        (Some(shape @ [_, Dim::Fixed(_)]), Some(DType::F32)) => shape.to_vec(),
        (shape, dtype) => {
            return Err(AutodiffError::LogitsShape { value: graph.value(logits).name.clone(), shape: form(shape, dtype) });
        }
    };
    let label = work.input("label", DType::F32, classes);
    let clean = if loss.reads_clean() {
        let value = graph.value(input);
        let x = work.input_of("clean", value.dtype, value.shape.clone());
        let mut model = graph.clone();
        model.release(weights);
        let shared = weights.iter().map(|&weight| (weight, weight)).chain([(input, x)]).collect::<Vec<_>>();
        work.splice(&model, &shared)?.get(&logits).copied()
    } else {
        None
    };
    let (value, seed) = with_ctx(&mut work, logits, |ctx| {
        let value = Terms { attacked: logits, clean, label }.of(ctx, loss)?;
        // The gradient of a sum, for any number of samples.
        let seed = ctx.op(Op::Clip { lo: Some(1.0), hi: Some(1.0) }, &[value])?;
        Ok((value, seed))
    })?;
    let gradients = vjp(&mut work, &[(value, seed)], weights)?;
    let names: Vec<String> = (0..weights.len()).map(|i| format!("gradient_{i}")).collect();
    let outputs: Vec<ValueId> = [logits, value].into_iter().chain(gradients).collect();
    let called: Vec<&str> = ["logits", "loss"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let fed: &[&str] = if loss.reads_clean() { &["label", "clean"] } else { &["label"] };
    Ok(with_outputs(&work, &outputs, &called, fed)?)
}

/// Returns the graph of an attack's step: as [`gradient_graph`], with `weights` as inputs behind `input` and before the label.
///
/// # Errors
/// As [`gradient_graph`].
pub fn attack_graph(graph: &Graph, logits: ValueId, input: ValueId, weights: &[ValueId], loss: Loss) -> Result<Graph, AutodiffError> {
    let mut work = graph.clone();
    work.release(weights);
    gradient_graph(&work, logits, input, loss)
}

/// What losses are made of.
struct Terms {
    attacked: ValueId,
    clean: Option<ValueId>,
    label: ValueId,
}

impl Terms {
    fn of(&self, ctx: &mut Ctx<'_>, loss: TrainingLoss) -> Built {
        let log_attacked = log_softmax(ctx, self.attacked)?;
        let Some(clean) = self.clean else { return self.cross_entropy(ctx, log_attacked) };
        let log_clean = log_softmax(ctx, clean)?;
        match loss {
            TrainingLoss::Mixed { clean: share } => {
                let attacked = self.cross_entropy(ctx, log_attacked)?;
                let clean = self.cross_entropy(ctx, log_clean)?;
                let (attacked, clean) = (ctx.scale(attacked, 1.0 - share)?, ctx.scale(clean, share)?);
                ctx.add(attacked, clean)
            }
            TrainingLoss::Trades { beta } => {
                let natural = self.cross_entropy(ctx, log_clean)?;
                let divergence = divergence(ctx, log_clean, log_attacked)?;
                let divergence = ctx.scale(divergence, beta)?;
                ctx.add(natural, divergence)
            }
            TrainingLoss::Mart { beta } => self.mart(ctx, log_clean, log_attacked, beta),
        }
    }

    fn cross_entropy(&self, ctx: &mut Ctx<'_>, log: ValueId) -> Built {
        let picked = ctx.mul(log, self.label)?;
        let sum = ctx.sum(picked, &[1], false)?;
        ctx.neg(sum)
    }

    fn mart(&self, ctx: &mut Ctx<'_>, log_clean: ValueId, log_attacked: ValueId, beta: f64) -> Built {
        let attacked = ctx.op(Op::Exp, &[log_attacked])?;
        let hit = ctx.mul(attacked, self.label)?;
        // The label's own probability is taken away, and no other is below 0.
        let others = ctx.sub(attacked, hit)?;
        let best = ctx.reduce(Reduce::Max, others, &[1], false)?;
        let rest = ctx.neg(best)?;
        let rest = ctx.shift(rest, 1.0001 + MART_FLOOR)?;
        let rest = ctx.op(Op::Log, &[rest])?;
        let boosted = self.cross_entropy(ctx, log_attacked)?;
        let boosted = ctx.sub(boosted, rest)?;
        let floored = ctx.shift(attacked, MART_FLOOR)?;
        let floored = ctx.op(Op::Log, &[floored])?;
        let divergence = divergence(ctx, log_clean, floored)?;
        let clean = ctx.op(Op::Exp, &[log_clean])?;
        let own = ctx.mul(clean, self.label)?;
        let own = ctx.sum(own, &[1], false)?;
        let missing = ctx.neg(own)?;
        let missing = ctx.shift(missing, 1.000_000_1)?;
        let weighted = ctx.mul(divergence, missing)?;
        let weighted = ctx.scale(weighted, beta)?;
        ctx.add(boosted, weighted)
    }
}

fn log_softmax(ctx: &mut Ctx<'_>, logits: ValueId) -> Built {
    ctx.op(Op::LogSoftmax { axis: 1 }, &[logits])
}

/// Returns sum over classes of p (log p - log p'), given both logarithms.
fn divergence(ctx: &mut Ctx<'_>, log_clean: ValueId, log_attacked: ValueId) -> Result<ValueId, RuleError> {
    let clean = ctx.op(Op::Exp, &[log_clean])?;
    let difference = ctx.sub(log_clean, log_attacked)?;
    let product = ctx.mul(clean, difference)?;
    ctx.sum(product, &[1], false)
}
