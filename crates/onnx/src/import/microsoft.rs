//! Fused operators of onnxruntime's domain, taken apart: what its optimisers leave in a saved model.

use brinell_graph::{Dim, Op, ValueId};

use super::attention::{Attention, additive};
use super::{Importer, Node, Refusal, bad, linear, opaque, unknown};

type Done = Result<(), Refusal>;

/// gelu(x + bias), exact.
pub(super) fn bias_gelu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let sum = importer.step(node, Op::Add, &[node.input(0)?, node.input(1)?])?;
    importer.emit(node, Op::Gelu { tanh: false }, vec![Some(sum)])
}

/// gelu(x + bias?) by tanh.
pub(super) fn fast_gelu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let mut x = node.input(0)?;
    if let Some(bias) = node.optional(1) {
        x = importer.step(node, Op::Add, &[x, bias])?;
    }
    importer.emit(node, Op::Gelu { tanh: true }, vec![Some(x)])
}

/// x sigmoid(alpha x).
pub(super) fn quick_gelu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let alpha = importer.number(node, x, f64::from(node.attributes.float_or("alpha", 1.702)?))?;
    let inner = importer.step(node, Op::Mul, &[x, alpha])?;
    let gate = importer.step(node, Op::Sigmoid, &[inner])?;
    importer.emit(node, Op::Mul, vec![Some(x), Some(gate)])
}

/// LayerNormalization of input + skip + bias?; outputs: the result, two statistics, the sum.
pub(super) fn skip_layer_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (x, skip, scale) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let mut sum = importer.step(node, Op::Add, &[x, skip])?;
    if let Some(bias) = node.optional(4) {
        sum = importer.step(node, Op::Add, &[sum, bias])?;
    }
    let mut operands = vec![sum, scale];
    operands.extend(node.optional(3));
    let y = normalised(importer, node, &operands)?;
    if node.outputs.iter().skip(1).take(2).any(Option::is_some) {
        return opaque("its statistics outputs are used, which is not supported");
    }
    importer.results(node, &[y, sum, sum, sum])
}

fn normalised(importer: &mut Importer<'_>, node: &Node<'_>, operands: &[ValueId]) -> Result<ValueId, Refusal> {
    let Some(&x) = operands.first() else { return bad("it has no operand") };
    let axis = importer.rank(x)?.saturating_sub(1);
    let epsilon = node.attributes.float_or("epsilon", 1e-12)?;
    importer.step(node, Op::LayerNormalization { axis, epsilon }, operands)
}

/// Words, segments?, their embeddings, and positions: ids, segment ids?, words, positions, segments?, scale, bias, mask?,
/// position ids?
pub(super) fn embed_layer_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.outputs.get(1).is_some_and(Option::is_some) {
        return opaque("its mask index output is used, which is not supported");
    }
    let (ids, words, places) = (node.input(0)?, node.input(2)?, node.input(3)?);
    let [_, length] = importer.sizes(ids)?;
    let mut sum = importer.step(node, Op::Gather { axis: 0 }, &[words, ids])?;
    let place = match (node.optional(8), length) {
        (Some(positions), _) => importer.step(node, Op::Gather { axis: 0 }, &[places, positions])?,
        (None, Dim::Fixed(n)) => {
            let end = i64::try_from(n).unwrap_or(i64::MAX);
            importer.step(node, Op::Slice { axes: vec![0], starts: vec![0], ends: vec![end], steps: vec![1] }, &[places])?
        }
        _ => return unknown("the length of its sequence is not fixed"),
    };
    sum = importer.step(node, Op::Add, &[sum, place])?;
    if let (Some(segments), Some(table)) = (node.optional(1), node.optional(4)) {
        let segment = importer.step(node, Op::Gather { axis: 0 }, &[table, segments])?;
        sum = importer.step(node, Op::Add, &[sum, segment])?;
    }
    let y = normalised(importer, node, &[sum, node.input(5)?, node.input(6)?])?;
    importer.results(node, &[y, sum, sum])
}

/// alpha A B, either transposed.
pub(super) fn fused_matmul(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.attributes.flag("transBatchA", false)? || node.attributes.flag("transBatchB", false)? {
        return opaque("it transposes the batch");
    }
    let mut operands = [node.input(0)?, node.input(1)?];
    for (operand, name) in operands.iter_mut().zip(["transA", "transB"]) {
        if node.attributes.flag(name, false)? {
            let rank = importer.rank(*operand)?;
            let mut perm: Vec<usize> = (0..rank).collect();
            if rank >= 2 {
                perm.swap(rank - 1, rank - 2);
            }
            *operand = importer.step(node, Op::Transpose { perm }, &[*operand])?;
        }
    }
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    if alpha.to_bits() == 1.0f32.to_bits() {
        return importer.emit(node, Op::MatMul, operands.map(Some).to_vec());
    }
    let product = importer.step(node, Op::MatMul, &operands)?;
    let alpha = importer.number(node, product, f64::from(alpha))?;
    importer.emit(node, Op::Mul, vec![Some(product), Some(alpha)])
}

fn activation(node: &Node<'_>, parameters: &[f32]) -> Result<Op, Refusal> {
    let at = |i: usize, default: f32| parameters.get(i).copied().unwrap_or(default);
    Ok(match node.attributes.string("activation")?.as_deref() {
        None | Some("") => Op::Identity,
        Some("Relu") => Op::Relu,
        Some("Sigmoid") => Op::Sigmoid,
        Some("Tanh") => Op::Tanh,
        Some("LeakyRelu") => Op::LeakyRelu { alpha: at(0, 0.01) },
        Some("HardSigmoid") => Op::HardSigmoid { alpha: at(0, 0.2), beta: at(1, 0.5) },
        Some("Clip") => Op::Clip { lo: Some(at(0, f32::MIN)), hi: Some(at(1, f32::MAX)) },
        Some(other) => return opaque(format!("activation `{other}` is not supported")),
    })
}

/// activation(conv(x) + z?).
pub(super) fn fused_conv(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let attrs = linear::conv_attributes(importer, node, 0, 1)?;
    let parameters = node.attributes.find("activation_params").map_or_else(Vec::new, |attribute| attribute.floats.clone());
    let activation = activation(node, &parameters)?;
    let mut operands = vec![node.input(0)?, node.input(1)?];
    operands.extend(node.optional(2));
    let mut y = importer.step(node, Op::Conv(attrs), &operands)?;
    if let Some(sum) = node.optional(3) {
        y = importer.step(node, Op::Add, &[y, sum])?;
    }
    importer.emit(node, activation, vec![Some(y)])
}

/// activation(gemm).
pub(super) fn fused_gemm(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let op = linear::gemm_of(node)?;
    let parameters = [node.attributes.float("activation_alpha")?, node.attributes.float("activation_beta")?];
    let activation = activation(node, &parameters.into_iter().flatten().collect::<Vec<_>>())?;
    let operands: Vec<ValueId> = node.inputs.iter().flatten().copied().collect();
    let y = importer.step(node, op, &operands)?;
    importer.emit(node, activation, vec![Some(y)])
}

fn heads(node: &Node<'_>) -> Result<usize, Refusal> {
    let heads = node.attributes.int("num_heads")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
    heads.ok_or_else(|| Refusal::Bad("attribute `num_heads` is missing or not positive".to_owned()))
}

/// A mask of the keys [B, T], and what is added to the scores.
fn mask(
    importer: &mut Importer<'_>,
    node: &Node<'_>,
    keys: Option<ValueId>,
    bias: Option<ValueId>,
    like: ValueId,
) -> Result<Option<ValueId>, Refusal> {
    let keys = match keys {
        None => None,
        Some(keys) if importer.rank(keys)? == 2 => Some(additive(importer, node, keys, like)?),
        Some(_) => return opaque("its mask does not have the shape [batch, length]"),
    };
    match (keys, bias) {
        (Some(keys), Some(bias)) => importer.step(node, Op::Add, &[keys, bias]).map(Some),
        (one, other) => Ok(one.or(other)),
    }
}

/// x [B, S, I], weights [I, 3 H D], bias?, mask?, past?, what is added to the scores?
pub(super) fn attention(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.has_outputs_beyond(1) || node.optional(4).is_some() || node.attributes.flag("do_rotary", false)? {
        return opaque("it uses past keys or rotary embedding");
    }
    let heads = heads(node)?;
    let (x, weights) = (node.input(0)?, node.input(1)?);
    let mut all = importer.step(node, Op::MatMul, &[x, weights])?;
    if let Some(bias) = node.optional(2) {
        all = importer.step(node, Op::Add, &[all, bias])?;
    }
    let [_, _, Dim::Fixed(width)] = importer.sizes(all)? else { return unknown("the size of its weights is unknown") };
    let sizes = match node.attributes.sizes("qkv_hidden_sizes")? {
        Some(sizes) if sizes.len() == 3 => sizes,
        _ => vec![width / 3; 3],
    };
    let parts = importer.step_many(node, Op::Split { axis: 2, sizes }, &[all], 3)?;
    let mut split = Vec::with_capacity(3);
    for part in parts {
        split.push(importer.heads(node, part, heads)?);
    }
    let &[q, k, v] = split.as_slice() else { return bad("its weights cannot be divided into three parts") };
    let mask = mask(importer, node, node.optional(3), node.optional(5), x)?;
    let causal = node.attributes.flag("unidirectional", false)?;
    let scale = node.attributes.float("scale")?.filter(|&scale| scale != 0.0);
    let y = importer.attend(node, &Attention { q, k, v, mask, causal, scale })?;
    let y = importer.joined(node, y)?;
    importer.finish(node, y)
}

/// Query, key, value [B, S, H D], bias?, mask?, what is added to the scores?
pub(super) fn multi_head_attention(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.has_outputs_beyond(1) || (6..10).any(|i| node.optional(i).is_some()) {
        return opaque("it uses past keys");
    }
    let (Some(k), Some(v)) = (node.optional(1), node.optional(2)) else { return opaque("its operands are packed") };
    let (heads, q) = (heads(node)?, node.input(0)?);
    let mut parts = [q, k, v];
    if let Some(bias) = node.optional(3) {
        let mut sizes = Vec::with_capacity(3);
        for part in parts {
            let [_, _, Dim::Fixed(size)] = importer.sizes(part)? else { return unknown("the size of its heads is unknown") };
            sizes.push(size);
        }
        let biases = importer.step_many(node, Op::Split { axis: 0, sizes }, &[bias], 3)?;
        for (part, bias) in parts.iter_mut().zip(biases) {
            *part = importer.step(node, Op::Add, &[*part, bias])?;
        }
    }
    let mut split = Vec::with_capacity(3);
    for part in parts {
        split.push(if importer.rank(part)? == 4 { part } else { importer.heads(node, part, heads)? });
    }
    let &[q, k, v] = split.as_slice() else { return bad("it has too few operands") };
    let mask = mask(importer, node, node.optional(4), node.optional(5), q)?;
    let causal = node.attributes.flag("unidirectional", false)?;
    let scale = node.attributes.float("scale")?.filter(|&scale| scale != 0.0);
    let y = importer.attend(node, &Attention { q, k, v, mask, causal, scale })?;
    let y = importer.joined(node, y)?;
    importer.finish(node, y)
}
