//! Attention and rotary embedding in terms of products and softmax.
//!
//! B samples, H heads, S and T positions of query and key, D and E sizes of a head of key and value.

use brinell_graph::{Compare, DType, Dim, Op, Shape, Tensor, TensorData, ValueId, count};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// What joins queries, keys and values [B, H, S, D].
pub(super) struct Attention {
    pub(super) q: ValueId,
    pub(super) k: ValueId,
    pub(super) v: ValueId,
    /// Added to the scores, or (of type Bool) says which take part.
    pub(super) mask: Option<ValueId>,
    pub(super) causal: bool,
    pub(super) scale: Option<f32>,
}

impl Importer<'_> {
    /// Sizes of a value of rank `n`.
    pub(super) fn sizes<const N: usize>(&self, value: ValueId) -> Result<[Dim; N], Refusal> {
        let shape = self.shape(value)?;
        <[Dim; N]>::try_from(shape.as_slice()).or_else(|_| bad(format!("an operand has {} axes, but {N} are needed", shape.len())))
    }

    /// [B, S, H D] to [B, H, S, D].
    pub(super) fn heads(&mut self, node: &Node<'_>, x: ValueId, heads: usize) -> Result<ValueId, Refusal> {
        let [batch, length, _] = self.sizes(x)?;
        let split = self.step(node, Op::Reshape { shape: vec![batch, length, Dim::Fixed(heads), Dim::Unknown] }, &[x])?;
        self.step(node, Op::Transpose { perm: vec![0, 2, 1, 3] }, &[split])
    }

    /// [B, H, S, D] to [B, S, H D].
    pub(super) fn joined(&mut self, node: &Node<'_>, x: ValueId) -> Result<ValueId, Refusal> {
        let [batch, heads, length, size] = self.sizes(x)?;
        let turned = self.step(node, Op::Transpose { perm: vec![0, 2, 1, 3] }, &[x])?;
        self.step(node, Op::Reshape { shape: vec![batch, length, count(&[heads, size])] }, &[turned])
    }

    /// Repeats the heads of keys or values until there are as many as queries.
    fn grouped(&mut self, node: &Node<'_>, x: ValueId, heads: usize) -> Result<ValueId, Refusal> {
        let [batch, own, length, size] = self.sizes(x)?;
        let Dim::Fixed(own) = own else { return unknown("the number of heads is unknown") };
        if own == heads {
            return Ok(x);
        }
        let Some(times) = heads.checked_div(own).filter(|times| times * own == heads) else {
            return bad(format!("{heads} heads of the query are not a multiple of the {own} heads of the key"));
        };
        let apart = self.step(node, Op::Unsqueeze { axes: vec![2] }, &[x])?;
        let wide: Shape = vec![batch, Dim::Fixed(own), Dim::Fixed(times), length, size];
        let repeated = self.step(node, Op::Expand { shape: wide }, &[apart])?;
        self.step(node, Op::Reshape { shape: vec![batch, Dim::Fixed(heads), length, size] }, &[repeated])
    }

    /// softmax(scale Q K^T + mask) V.
    pub(super) fn attend(&mut self, node: &Node<'_>, parts: &Attention) -> Result<ValueId, Refusal> {
        let [_, heads, length, size] = self.sizes(parts.q)?;
        let (Dim::Fixed(heads), Dim::Fixed(size)) = (heads, size) else { return unknown("the size of its heads is unknown") };
        let (k, v) = (self.grouped(node, parts.k, heads)?, self.grouped(node, parts.v, heads)?);
        let width = f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        // Queries and keys are scaled by a root each, as ONNX's own definition has it.
        let root = parts.scale.map_or_else(|| width.sqrt().recip(), f64::from).sqrt();
        let root = self.number(node, parts.q, root)?;
        let q = self.step(node, Op::Mul, &[parts.q, root])?;
        let k = self.step(node, Op::Transpose { perm: vec![0, 1, 3, 2] }, &[k])?;
        let k = self.step(node, Op::Mul, &[k, root])?;
        let mut scores = self.step(node, Op::MatMul, &[q, k])?;
        let mut seen = None;
        if parts.causal {
            let [_, _, _, keys] = self.sizes(scores)?;
            let (Dim::Fixed(rows), Dim::Fixed(columns)) = (length, keys) else {
                return unknown("the lengths of its sequences are not fixed");
            };
            seen = Some(self.constant(node, lower_triangle(rows, columns)?));
        }
        if let Some(mask) = parts.mask {
            if self.graph.value(mask).dtype == Some(DType::Bool) {
                seen = Some(match seen {
                    Some(seen) => self.step(node, Op::And, &[seen, mask])?,
                    None => mask,
                });
            } else {
                scores = self.step(node, Op::Add, &[scores, mask])?;
            }
        }
        if let Some(seen) = seen {
            scores = self.masked(node, scores, seen)?;
        }
        let mut weights = self.step(node, Op::Softmax { axis: 3 }, &[scores])?;
        if let Some(seen) = seen {
            // A position that sees nothing gets nothing.
            let nothing = self.number(node, weights, 0.0)?;
            weights = self.step(node, Op::Where, &[seen, weights, nothing])?;
        }
        self.step(node, Op::MatMul, &[weights, v])
    }

    fn masked(&mut self, node: &Node<'_>, scores: ValueId, seen: ValueId) -> Result<ValueId, Refusal> {
        // A very low number instead of minus infinity, so that a row without any other has no NaN.
        let half = self.graph.value(scores).dtype == Some(DType::F16);
        let never = self.number(node, scores, if half { f64::from(half::f16::MIN) } else { -3e38 })?;
        self.step(node, Op::Where, &[seen, scores, never])
    }
}

/// Position `i` sees those up to itself.
fn lower_triangle(rows: usize, columns: usize) -> Result<Tensor, Refusal> {
    let Some(n) = rows.checked_mul(columns).filter(|&n| n <= 1 << 24) else { return opaque("its sequences are too long") };
    let seen = (0..n).map(|i| i % columns <= i / columns).collect();
    Tensor::new(vec![rows, columns], TensorData::Bool(seen)).map_or_else(|| bad("a mask's shape does not fit its values"), Ok)
}

/// Q, K, V, mask?, past keys?, past values?; outputs Y, keys?, values?.
pub(super) fn attention(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.attributes.float_or("softcap", 0.0)? != 0.0 {
        return opaque("its scores are capped (softcap)");
    }
    if node.has_outputs_beyond(3) || node.optional(6).is_some() {
        return opaque("its scores output is used, or its keys are padded");
    }
    if ["left_window_size", "right_window_size"].iter().any(|name| node.attributes.find(name).is_some()) {
        return opaque("it attends to a sliding window");
    }
    let count_of = |name: &str| -> Result<Option<usize>, Refusal> { Ok(node.attributes.int(name)?.and_then(|n| usize::try_from(n).ok())) };
    let (mut q, mut k, mut v) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let flat = importer.rank(q)? == 3;
    if flat {
        let (Some(own), Some(others)) = (count_of("q_num_heads")?, count_of("kv_num_heads")?) else {
            return bad("the numbers of heads are missing");
        };
        q = importer.heads(node, q, own)?;
        (k, v) = (importer.heads(node, k, others)?, importer.heads(node, v, others)?);
    }
    for (value, past) in [(&mut k, 4), (&mut v, 5)] {
        if let Some(past) = node.optional(past) {
            *value = importer.step(node, Op::Concat { axis: 2 }, &[past, *value])?;
        }
    }
    let causal = node.attributes.flag("is_causal", false)?;
    if causal && node.optional(4).is_some() {
        return opaque("it is causal and uses past keys");
    }
    let parts = Attention { q, k, v, mask: node.optional(3), causal, scale: node.attributes.float("scale")? };
    let mut y = importer.attend(node, &parts)?;
    if flat {
        y = importer.joined(node, y)?;
    }
    importer.results(node, &[y, k, v])
}

/// x [B, H, S, D] or [B, S, H D], cosines, sines [positions, D/2], positions [B, S]?.
pub(super) fn rotary(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let (x, mut cos, mut sin) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = importer.shape(x)?;
    // To [B, S, H, D].
    let turned = match shape.as_slice() {
        [_, _, _, _] => importer.step(node, Op::Transpose { perm: vec![0, 2, 1, 3] }, &[x])?,
        &[batch, length, _] => {
            let Some(heads) = node.attributes.int("num_heads")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
                return bad("attribute `num_heads` is missing or not positive");
            };
            importer.step(node, Op::Reshape { shape: vec![batch, length, Dim::Fixed(heads), Dim::Unknown] }, &[x])?
        }
        _ => return bad(format!("its input has {} axes, but 3 or 4 are needed", shape.len())),
    };
    if let Some(positions) = node.optional(3) {
        cos = importer.step(node, Op::Gather { axis: 0 }, &[cos, positions])?;
        sin = importer.step(node, Op::Gather { axis: 0 }, &[sin, positions])?;
    }
    let [_, _, _, Dim::Fixed(size)] = importer.sizes(turned)? else { return unknown("the size of its heads is unknown") };
    let turning = match node.attributes.int_or("rotary_embedding_dim", 0)? {
        0 => size,
        n => usize::try_from(n).ok().filter(|&n| n <= size).map_or_else(|| bad(format!("it rotates {n} of {size} values")), Ok)?,
    };
    let parts = if turning == size {
        vec![turned]
    } else {
        importer.step_many(node, Op::Split { axis: 3, sizes: vec![turning, size - turning] }, &[turned], 2)?
    };
    let Some(&moving) = parts.first() else { return bad("it rotates no values") };
    let half = turning / 2;
    let interleaved = node.attributes.flag("interleaved", false)?;
    // Pairs are neighbours, or stand half the size apart.
    let mut split: Shape = importer.shape(moving)?;
    split.pop();
    let flat = split.clone();
    let axis = if interleaved { 4 } else { 3 };
    split.extend(if interleaved { [Dim::Fixed(half), Dim::Fixed(2)] } else { [Dim::Fixed(2), Dim::Fixed(half)] });
    let pairs = importer.step(node, Op::Reshape { shape: split }, &[moving])?;
    let pairs = importer.step_many(node, Op::Split { axis, sizes: vec![1, 1] }, &[pairs], 2)?;
    let &[a, b] = pairs.as_slice() else { return bad("it rotates no values") };
    let (a, b) =
        (importer.step(node, Op::Squeeze { axes: vec![axis] }, &[a])?, importer.step(node, Op::Squeeze { axes: vec![axis] }, &[b])?);
    for value in [&mut cos, &mut sin] {
        *value = importer.step(node, Op::Unsqueeze { axes: vec![2] }, &[*value])?;
    }
    let times = |importer: &mut Importer<'_>, x: ValueId, y: ValueId| importer.step(node, Op::Mul, &[x, y]);
    let (ac, bs) = (times(importer, a, cos)?, times(importer, b, sin)?);
    let (as_, bc) = (times(importer, a, sin)?, times(importer, b, cos)?);
    let real = importer.step(node, Op::Sub, &[ac, bs])?;
    let imaginary = importer.step(node, Op::Add, &[as_, bc])?;
    let real = importer.step(node, Op::Unsqueeze { axes: vec![axis] }, &[real])?;
    let imaginary = importer.step(node, Op::Unsqueeze { axes: vec![axis] }, &[imaginary])?;
    let together = importer.step(node, Op::Concat { axis }, &[real, imaginary])?;
    let mut y = importer.step(node, Op::Reshape { shape: flat.into_iter().chain([Dim::Fixed(turning)]).collect() }, &[together])?;
    if let Some(&still) = parts.get(1) {
        y = importer.step(node, Op::Concat { axis: 3 }, &[y, still])?;
    }
    match shape.len() {
        4 => importer.emit(node, Op::Transpose { perm: vec![0, 2, 1, 3] }, vec![Some(y)]),
        _ => importer.emit(node, Op::Reshape { shape }, vec![Some(y)]),
    }
}

/// A mask of 0 and 1 [B, T] as what is added to scores.
pub(super) fn additive(importer: &mut Importer<'_>, node: &Node<'_>, mask: ValueId, like: ValueId) -> Result<ValueId, Refusal> {
    let zero = importer.constant(node, Tensor::new(Vec::new(), TensorData::I64(vec![0])).map_or_else(|| bad("no zero"), Ok)?);
    let mask = importer.step(node, Op::Cast { to: DType::I64 }, &[mask])?;
    let seen = importer.step(node, Op::Compare(Compare::Greater), &[mask, zero])?;
    let (on, off) = (importer.number(node, like, 0.0)?, importer.number(node, like, -10_000.0)?);
    let added = importer.step(node, Op::Where, &[seen, on, off])?;
    importer.step(node, Op::Unsqueeze { axes: vec![1, 2] }, &[added])
}
