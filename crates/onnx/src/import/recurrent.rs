//! LSTM, GRU and RNN, unrolled along a sequence of fixed length.
//!
//! The products with the input are one Gemm for all steps; a step is a Gemm with the state and a few elementwise operators.
//! T steps, B samples, I inputs, H hidden units, D directions.

use brinell_graph::{Compare, DType, Dim, Op, Shape, Tensor, TensorData, ValueId};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// An activation function by name, with its parameters.
#[derive(Debug, Clone)]
enum Activation {
    Plain(Op),
    /// alpha x + beta.
    Affine(f32, f32),
    /// alpha tanh(beta x).
    ScaledTanh(f32, f32),
}

/// What the three operators share.
struct Setting {
    hidden: usize,
    /// For each direction whether it runs backwards.
    directions: Vec<bool>,
    /// For each direction its activation functions.
    activations: Vec<Vec<Activation>>,
    clip: Option<f32>,
    /// The batch stands before the steps.
    batch_first: bool,
    /// Steps of each sample `[B]`, where they differ.
    lengths: Option<ValueId>,
}

/// The parameters of one direction.
struct Weights {
    w: ValueId,
    r: ValueId,
    /// Biases of input and state, one after the other [2 G H].
    bias: Option<ValueId>,
    peepholes: Option<ValueId>,
}

/// One step: products with the input and the states, to new states of which the first is the output.
type Step<'s> = dyn FnMut(&mut Importer<'_>, ValueId, &[ValueId]) -> Result<Vec<ValueId>, Refusal> + 's;

fn activation(name: &str, alpha: Option<f32>, beta: Option<f32>) -> Result<Activation, Refusal> {
    let plain = |op| Ok(Activation::Plain(op));
    match name.to_ascii_lowercase().as_str() {
        "sigmoid" => plain(Op::Sigmoid),
        "tanh" => plain(Op::Tanh),
        "relu" => plain(Op::Relu),
        "softsign" => plain(Op::Softsign),
        "softplus" => plain(Op::Softplus),
        "leakyrelu" => plain(Op::LeakyRelu { alpha: alpha.unwrap_or(0.01) }),
        "elu" => plain(Op::Elu { alpha: alpha.unwrap_or(1.0) }),
        "hardsigmoid" => plain(Op::HardSigmoid { alpha: alpha.unwrap_or(0.2), beta: beta.unwrap_or(0.5) }),
        "affine" => Ok(Activation::Affine(alpha.unwrap_or(1.0), beta.unwrap_or(0.0))),
        "scaledtanh" => Ok(Activation::ScaledTanh(alpha.unwrap_or(1.0), beta.unwrap_or(1.0))),
        _ => opaque(format!("activation `{name}` is not supported")),
    }
}

/// True for functions that take an alpha or a beta from the lists of the node.
fn takes(name: &str) -> (bool, bool) {
    match name.to_ascii_lowercase().as_str() {
        "leakyrelu" | "elu" | "thresholdedrelu" => (true, false),
        "hardsigmoid" | "affine" | "scaledtanh" => (true, true),
        _ => (false, false),
    }
}

fn setting(importer: &Importer<'_>, node: &Node<'_>, defaults: &[&str]) -> Result<Setting, Refusal> {
    let Some(hidden) = node.attributes.int("hidden_size")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
        return bad("attribute `hidden_size` is missing or not positive");
    };
    let directions = match node.attributes.string("direction")?.as_deref() {
        None | Some("forward") => vec![false],
        Some("reverse") => vec![true],
        Some("bidirectional") => vec![false, true],
        Some(other) => return bad(format!("direction `{other}` is unknown")),
    };
    let names: Vec<String> = match node.attributes.strings("activations")? {
        Some(names) => names,
        None => directions.iter().flat_map(|_| defaults.iter().map(|&name| name.to_owned())).collect(),
    };
    if names.len() != defaults.len() * directions.len() {
        return bad(format!("it has {} activations, but {} are needed", names.len(), defaults.len() * directions.len()));
    }
    let list = |name: &str| node.attributes.find(name).map_or_else(Vec::new, |attribute| attribute.floats.clone()).into_iter();
    let (mut alphas, mut betas) = (list("activation_alpha"), list("activation_beta"));
    let mut all = Vec::with_capacity(names.len());
    for name in &names {
        let (alpha, beta) = takes(name);
        all.push(activation(name, alpha.then(|| alphas.next()).flatten(), beta.then(|| betas.next()).flatten())?);
    }
    let activations = all.chunks(defaults.len()).map(<[Activation]>::to_vec).collect();
    let clip = node.attributes.float("clip")?;
    let batch_first = node.attributes.int_or("layout", 0)? != 0;
    let mut lengths = node.optional(4);
    if let Some(id) = lengths
        && let Some(given) = importer.ints(id)
    {
        let steps = importer.shape(node.input(0)?)?.get(usize::from(batch_first)).and_then(|d| d.fixed());
        let full = |n: &i64| usize::try_from(*n).ok() == steps;
        lengths = lengths.filter(|_| !given.iter().all(full));
    }
    Ok(Setting { hidden, directions, activations, clip, batch_first, lengths })
}

impl Importer<'_> {
    /// Part `i` of a value along its first axis, without that axis; taken out here where the value is a constant.
    fn part(&mut self, node: &Node<'_>, value: ValueId, i: usize) -> Result<ValueId, Refusal> {
        let shape = self.shape(value)?;
        let Some((&Dim::Fixed(n), rest)) = shape.split_first() else { return unknown("the number of its directions is unknown") };
        if i >= n {
            return bad("a parameter has too few directions");
        }
        if let Some(tensor) = self.graph.constant_of(value)
            && let Some(data) = tensor.as_f32()
            && let Some(rest) = rest.iter().map(|d| d.fixed()).collect::<Option<Vec<_>>>()
        {
            let size: usize = rest.iter().product();
            let data = data.get(i * size..(i + 1) * size).unwrap_or_default().to_vec();
            let Some(tensor) = Tensor::new(rest, TensorData::F32(data)) else { return bad("a parameter's shape does not fit its values") };
            return Ok(self.constant(node, tensor));
        }
        let index = self.constant(
            node,
            Tensor::new(Vec::new(), TensorData::I64(vec![i64::try_from(i).unwrap_or(0)])).unwrap_or_else(|| Tensor::ints(vec![0])),
        );
        self.step(node, Op::Gather { axis: 0 }, &[value, index])
    }

    fn weights(&mut self, node: &Node<'_>, direction: usize) -> Result<Weights, Refusal> {
        let (w, r) = (self.part(node, node.input(1)?, direction)?, self.part(node, node.input(2)?, direction)?);
        let bias = node.optional(3).map(|bias| self.part(node, bias, direction)).transpose()?;
        let peepholes = if node.op == "LSTM" { node.optional(7) } else { None };
        let peepholes = peepholes.map(|value| self.part(node, value, direction)).transpose()?;
        Ok(Weights { w, r, bias, peepholes })
    }

    /// Pieces of one size along the last axis.
    fn pieces(&mut self, node: &Node<'_>, value: ValueId, n: usize, size: usize) -> Result<Vec<ValueId>, Refusal> {
        let axis = self.rank(value)?.saturating_sub(1);
        self.step_many(node, Op::Split { axis, sizes: vec![size; n] }, &[value], n)
    }

    fn apply_to(&mut self, node: &Node<'_>, f: &Activation, clip: Option<f32>, x: ValueId) -> Result<ValueId, Refusal> {
        let x = match clip {
            Some(clip) => self.step(node, Op::Clip { lo: Some(-clip), hi: Some(clip) }, &[x])?,
            None => x,
        };
        match f {
            Activation::Plain(op) => self.step(node, op.clone(), &[x]),
            Activation::Affine(alpha, beta) => {
                let (alpha, beta) = (self.number(node, x, f64::from(*alpha))?, self.number(node, x, f64::from(*beta))?);
                let scaled = self.step(node, Op::Mul, &[x, alpha])?;
                self.step(node, Op::Add, &[scaled, beta])
            }
            Activation::ScaledTanh(alpha, beta) => {
                let (alpha, beta) = (self.number(node, x, f64::from(*alpha))?, self.number(node, x, f64::from(*beta))?);
                let scaled = self.step(node, Op::Mul, &[x, beta])?;
                let tanh = self.step(node, Op::Tanh, &[scaled])?;
                self.step(node, Op::Mul, &[tanh, alpha])
            }
        }
    }

    fn sum(&mut self, node: &Node<'_>, a: ValueId, b: ValueId) -> Result<ValueId, Refusal> {
        self.step(node, Op::Add, &[a, b])
    }

    fn product(&mut self, node: &Node<'_>, a: ValueId, b: ValueId) -> Result<ValueId, Refusal> {
        self.step(node, Op::Mul, &[a, b])
    }

    /// x W^T + bias for all steps at once, one value [B, width] for each.
    fn inputs_of_steps(&mut self, node: &Node<'_>, x: ValueId, w: ValueId, bias: Option<ValueId>) -> Result<Vec<ValueId>, Refusal> {
        let shape = self.shape(x)?;
        let (&[steps, batch, size], Some(&width)) = (shape.as_slice(), self.shape(w)?.first()) else {
            return bad("its input needs rank 3");
        };
        let rows = self.step(node, Op::Reshape { shape: vec![brinell_graph::count(&[steps, batch]), size] }, &[x])?;
        let mut operands = vec![rows, w];
        operands.extend(bias);
        let gemm = Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
        let all = self.step(node, gemm, &operands)?;
        let all = self.step(node, Op::Reshape { shape: vec![steps, batch, width] }, &[all])?;
        self.unstacked(node, all, 0)
    }
}

const GEMM: Op = Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };

/// Walks along the steps in all directions and gives the outputs of the node: all states [T, D, B, H], then the last of each
/// kind [D, B, H].
fn walk<'s>(
    importer: &mut Importer<'_>,
    node: &Node<'s>,
    setting: &Setting,
    n_states: usize,
    mut step_of: impl FnMut(&mut Importer<'_>, usize) -> Result<(Option<ValueId>, ValueId, Box<Step<'s>>), Refusal>,
) -> Result<(), Refusal> {
    let mut x = node.input(0)?;
    if setting.batch_first {
        x = importer.step(node, Op::Transpose { perm: vec![1, 0, 2] }, &[x])?;
    }
    let &[Dim::Fixed(steps), batch, _] = importer.shape(x)?.as_slice() else { return unknown("the length of its sequence is not fixed") };
    // Counted before anything is built.
    importer.spend(steps.saturating_mul(12 * setting.directions.len()))?;
    let state_shape: Shape = vec![batch, Dim::Fixed(setting.hidden)];
    let alive = alive(importer, node, setting, steps)?;
    let mut outputs: Vec<Vec<ValueId>> = Vec::new();
    let mut last: Vec<Vec<ValueId>> = vec![Vec::new(); n_states];
    for (direction, &backwards) in setting.directions.iter().enumerate() {
        let (bias, w, mut step) = step_of(importer, direction)?;
        let projected = importer.inputs_of_steps(node, x, w, bias)?;
        let mut states = Vec::with_capacity(n_states);
        for i in 0..n_states {
            states.push(match node.optional(5 + i) {
                Some(initial) => {
                    let initial =
                        if setting.batch_first { importer.step(node, Op::Transpose { perm: vec![1, 0, 2] }, &[initial])? } else { initial };
                    let state = importer.part(node, initial, direction)?;
                    // One state for all: the file runs with a batch of 1, each sample of a larger one begins where that one does.
                    if batch != Dim::Fixed(1) && importer.shape(state)?.first() == Some(&Dim::Fixed(1)) {
                        importer.step(node, Op::Expand { shape: state_shape.clone() }, &[state])?
                    } else {
                        state
                    }
                }
                None => {
                    let zero = importer.number(node, x, 0.0)?;
                    importer.step(node, Op::Expand { shape: state_shape.clone() }, &[zero])?
                }
            });
        }
        let mut made: Vec<Option<ValueId>> = vec![None; steps];
        for i in 0..steps {
            let t = if backwards { steps - 1 - i } else { i };
            let Some(&input) = projected.get(t) else { return bad("it has too few steps") };
            let mut next = step(importer, input, &states)?;
            let mut output = next.first().copied();
            if let Some(&on) = alive.as_ref().and_then(|alive| alive.get(t)) {
                // A sample whose sequence has ended keeps its states and puts out zeros.
                for (new, &old) in next.iter_mut().zip(&states) {
                    *new = importer.step(node, Op::Where, &[on, *new, old])?;
                }
                if let (Some(y), Some(&state)) = (output, next.first()) {
                    let zero = importer.number(node, y, 0.0)?;
                    output = Some(importer.step(node, Op::Where, &[on, state, zero])?);
                }
            }
            if let Some(slot) = made.get_mut(t) {
                *slot = output;
            }
            states = next;
        }
        outputs.push(made.into_iter().flatten().collect());
        for (list, state) in last.iter_mut().zip(states) {
            list.push(state);
        }
    }
    finish(importer, node, setting, &outputs, &last)
}

/// For each step a mask [B, 1] that says whose sequence has not ended.
fn alive(importer: &mut Importer<'_>, node: &Node<'_>, setting: &Setting, steps: usize) -> Result<Option<Vec<ValueId>>, Refusal> {
    let Some(lengths) = setting.lengths else { return Ok(None) };
    let lengths = importer.step(node, Op::Unsqueeze { axes: vec![1] }, &[lengths])?;
    let lengths = importer.step(node, Op::Cast { to: DType::I64 }, &[lengths])?;
    let mut masks = Vec::with_capacity(steps);
    for t in 0..steps {
        let number = importer.constant(node, Tensor::ints(vec![i64::try_from(t).unwrap_or(i64::MAX)]));
        masks.push(importer.step(node, Op::Compare(Compare::Greater), &[lengths, number])?);
    }
    Ok(Some(masks))
}

fn finish(
    importer: &mut Importer<'_>,
    node: &Node<'_>,
    setting: &Setting,
    outputs: &[Vec<ValueId>],
    last: &[Vec<ValueId>],
) -> Result<(), Refusal> {
    let mut results = Vec::with_capacity(1 + last.len());
    // With the batch in front the steps are the second axis, the directions the third.
    let (steps_at, directions_at) = if setting.batch_first { (1, 1) } else { (0, 0) };
    let named = |i: usize| node.outputs.get(i).is_some_and(Option::is_some);
    if named(0) {
        let mut rows = Vec::new();
        let steps = outputs.first().map_or(0, Vec::len);
        for t in 0..steps {
            let parts: Vec<ValueId> = outputs.iter().filter_map(|list| list.get(t).copied()).collect();
            rows.push(importer.stacked(node, &parts, directions_at)?);
        }
        results.push(importer.stacked(node, &rows, steps_at)?);
    } else {
        results.push(node.input(0)?);
    }
    for (i, states) in last.iter().enumerate() {
        results.push(if named(i + 1) { importer.stacked(node, states, directions_at)? } else { node.input(0)? });
    }
    importer.results(node, &results)
}

/// i, o, f, c: `c' = f c + i c~`, `h = o h(c')`.
pub(super) fn lstm(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let setting = setting(importer, node, &["Sigmoid", "Tanh", "Tanh"])?;
    if node.attributes.flag("input_forget", false)? {
        return opaque("its input and forget gates are coupled, which is not supported");
    }
    let (hidden, clip) = (setting.hidden, setting.clip);
    walk(importer, node, &setting, 2, |importer, direction| {
        let Weights { w, r, bias, peepholes } = importer.weights(node, direction)?;
        let bias = match bias {
            Some(bias) => {
                let halves = importer.pieces(node, bias, 2, 4 * hidden)?;
                Some(importer.step(node, Op::Sum, &halves)?)
            }
            None => None,
        };
        let peepholes = peepholes.map(|p| importer.pieces(node, p, 3, hidden)).transpose()?;
        let Some([f, g, h]) = setting.activations.get(direction).and_then(|list| <[Activation; 3]>::try_from(list.clone()).ok()) else {
            return bad("it has too few activations");
        };
        let step = move |importer: &mut Importer<'_>, x: ValueId, states: &[ValueId]| {
            let &[state, cell] = states else { return bad("it has too few states") };
            let gates = importer.step(node, GEMM, &[state, r, x])?;
            let gates = importer.pieces(node, gates, 4, hidden)?;
            let &[mut input, mut output, mut forget, new] = gates.as_slice() else { return bad("it has too few gates") };
            if let Some(&[p_input, _, p_forget]) = peepholes.as_deref() {
                for (gate, peephole) in [(&mut input, p_input), (&mut forget, p_forget)] {
                    let seen = importer.product(node, cell, peephole)?;
                    *gate = importer.sum(node, *gate, seen)?;
                }
            }
            let input = importer.apply_to(node, &f, clip, input)?;
            let forget = importer.apply_to(node, &f, clip, forget)?;
            let new = importer.apply_to(node, &g, clip, new)?;
            let (kept, added) = (importer.product(node, forget, cell)?, importer.product(node, input, new)?);
            let cell = importer.sum(node, kept, added)?;
            if let Some(&[_, p_output, _]) = peepholes.as_deref() {
                let seen = importer.product(node, cell, p_output)?;
                output = importer.sum(node, output, seen)?;
            }
            let output = importer.apply_to(node, &f, clip, output)?;
            let shown = importer.apply_to(node, &h, None, cell)?;
            Ok(vec![importer.product(node, output, shown)?, cell])
        };
        Ok((bias, w, Box::new(step)))
    })
}

/// z, r, h: `h' = (1 - z) h~ + z h`; the reset gate acts on the state, or on its product with the weights.
pub(super) fn gru(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let setting = setting(importer, node, &["Sigmoid", "Tanh"])?;
    let after = node.attributes.flag("linear_before_reset", false)?;
    let (hidden, clip) = (setting.hidden, setting.clip);
    walk(importer, node, &setting, 1, |importer, direction| {
        let Weights { w, r, bias, .. } = importer.weights(node, direction)?;
        let halves = bias.map(|bias| importer.pieces(node, bias, 2, 3 * hidden)).transpose()?;
        let (input_bias, state_bias) = match halves.as_deref() {
            Some(&[input, state]) => (Some(input), Some(state)),
            _ => (None, None),
        };
        let split = |importer: &mut Importer<'_>, value: ValueId| {
            importer.step_many(node, Op::Split { axis: 0, sizes: vec![2 * hidden, hidden] }, &[value], 2)
        };
        let r_parts = split(importer, r)?;
        let b_parts = state_bias.map(|bias| split(importer, bias)).transpose()?;
        let (&[r_gates, r_new], b_parts) = (r_parts.as_slice(), b_parts) else { return bad("it has too few weights") };
        let Some([f, g]) = setting.activations.get(direction).and_then(|list| <[Activation; 2]>::try_from(list.clone()).ok()) else {
            return bad("it has too few activations");
        };
        let step = move |importer: &mut Importer<'_>, x: ValueId, states: &[ValueId]| {
            let &[state] = states else { return bad("it has too few states") };
            let x_parts = importer.step_many(node, Op::Split { axis: 1, sizes: vec![2 * hidden, hidden] }, &[x], 2)?;
            let &[x_gates, x_new] = x_parts.as_slice() else { return bad("it has too few gates") };
            let mut gates = importer.step(node, GEMM, &[state, r_gates, x_gates])?;
            if let Some(&[bias, _]) = b_parts.as_deref() {
                gates = importer.sum(node, gates, bias)?;
            }
            let gates = importer.pieces(node, gates, 2, hidden)?;
            let &[update, reset] = gates.as_slice() else { return bad("it has too few gates") };
            let update = importer.apply_to(node, &f, clip, update)?;
            let reset = importer.apply_to(node, &f, clip, reset)?;
            let new = if after {
                let mut operands = vec![state, r_new];
                operands.extend(b_parts.as_deref().and_then(|parts| parts.get(1)).copied());
                let product = importer.step(node, GEMM, &operands)?;
                let product = importer.product(node, reset, product)?;
                importer.sum(node, product, x_new)?
            } else {
                let kept = importer.product(node, reset, state)?;
                let mut new = importer.step(node, GEMM, &[kept, r_new, x_new])?;
                if let Some(&[_, bias]) = b_parts.as_deref() {
                    new = importer.sum(node, new, bias)?;
                }
                new
            };
            let new = importer.apply_to(node, &g, clip, new)?;
            // (1 - z) h~ + z h = h~ + z (h - h~)
            let difference = importer.step(node, Op::Sub, &[state, new])?;
            let moved = importer.product(node, update, difference)?;
            Ok(vec![importer.sum(node, new, moved)?])
        };
        Ok((input_bias, w, Box::new(step)))
    })
}

/// `h' = f(x W^T + h R^T + bias)`.
pub(super) fn rnn(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let setting = setting(importer, node, &["Tanh"])?;
    let (hidden, clip) = (setting.hidden, setting.clip);
    walk(importer, node, &setting, 1, |importer, direction| {
        let Weights { w, r, bias, .. } = importer.weights(node, direction)?;
        let bias = match bias {
            Some(bias) => {
                let halves = importer.pieces(node, bias, 2, hidden)?;
                Some(importer.step(node, Op::Sum, &halves)?)
            }
            None => None,
        };
        let Some(f) = setting.activations.get(direction).and_then(|list| list.first()).cloned() else {
            return bad("it has too few activations");
        };
        let step = move |importer: &mut Importer<'_>, x: ValueId, states: &[ValueId]| {
            let &[state] = states else { return bad("it has too few states") };
            let sum = importer.step(node, GEMM, &[state, r, x])?;
            Ok(vec![importer.apply_to(node, &f, clip, sum)?])
        };
        Ok((bias, w, Box::new(step)))
    })
}
