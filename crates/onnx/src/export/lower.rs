//! Each operator in ONNX's terms.

use brinell_graph::{ConvAttrs, ConvTransposeAttrs, Op, PoolAttrs, Reduce};
use prost::bytes::Bytes;

use super::attribute::{flag, float, int, size, sizes, text, to_ints};
use super::{Call, Writer};
use crate::error::ExportError;
use crate::proto::{AttributeProto, NodeProto};

impl Writer<'_> {
    /// Pushes the nodes that stand for `call`; the last one produces its outputs.
    pub(super) fn lower(&mut self, call: &Call<'_>) -> Result<(), ExportError> {
        let op = &call.node.op;
        match op {
            Op::LeakyRelu { alpha } | Op::Elu { alpha } => self.same(call, vec![float("alpha", *alpha)]),
            Op::Selu { alpha, gamma } => {
                let elu = self.step(call, "Elu", vec![call.input(0)], vec![float("alpha", *alpha)]);
                let gamma = self.scalar(call, "gamma", *gamma)?;
                self.push("Mul", vec![elu, gamma], vec![call.output()], Vec::new());
            }
            Op::Celu { alpha } => {
                let alpha = self.scalar(call, "alpha", *alpha)?;
                let scaled = self.step(call, "Div", vec![call.input(0), alpha.clone()], Vec::new());
                let elu = self.step(call, "Elu", vec![scaled], vec![float("alpha", 1.0)]);
                self.push("Mul", vec![elu, alpha], vec![call.output()], Vec::new());
            }
            Op::HardSigmoid { alpha, beta } => self.same(call, vec![float("alpha", *alpha), float("beta", *beta)]),
            Op::HardSwish if self.opset < 14 => {
                let gate = self.step(call, "HardSigmoid", vec![call.input(0)], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]);
                self.push("Mul", vec![call.input(0), gate], vec![call.output()], Vec::new());
            }
            Op::Gelu { tanh } => self.gelu(call, *tanh)?,
            Op::Clip { lo: None, hi: None } => self.push("Identity", vec![call.input(0)], vec![call.output()], Vec::new()),
            Op::Clip { lo, hi } => {
                let mut inputs = vec![call.input(0)];
                for (what, bound) in [("min", lo), ("max", hi)] {
                    inputs.push(match bound {
                        Some(bound) => self.scalar(call, what, *bound)?,
                        None => String::new(),
                    });
                }
                self.push("Clip", trimmed(inputs), vec![call.output()], Vec::new());
            }
            Op::Cast { to } => self.same(call, vec![int("to", i64::from(crate::tensor::dtype_number(*to)))]),
            Op::Mod { fmod } => self.same(call, vec![flag("fmod", *fmod)]),
            Op::Conv(attrs) => self.same(call, conv(attrs)),
            Op::ConvTranspose(attrs) => self.same(call, conv_transpose(attrs)),
            Op::Gemm { alpha, beta, trans_a, trans_b } => {
                let attributes = vec![float("alpha", *alpha), float("beta", *beta), flag("transA", *trans_a), flag("transB", *trans_b)];
                self.same(call, attributes);
            }
            Op::MatMul if self.is_batch_by_vector(call) => {
                // rten keeps an axis too many of a batch of matrices times a vector.
                let axis = self.ints(call, "axis", vec![1])?;
                let column = self.step(call, "Unsqueeze", vec![call.input(1), axis], Vec::new());
                let product = self.step(call, "MatMul", vec![call.input(0), column], Vec::new());
                let last = self.ints(call, "axis", vec![-1])?;
                self.push("Squeeze", vec![product, last], vec![call.output()], Vec::new());
            }
            Op::BatchNormalization { epsilon } | Op::InstanceNormalization { epsilon } => self.same(call, vec![float("epsilon", *epsilon)]),
            Op::LayerNormalization { axis, epsilon } => self.layer_normalization(call, *axis, *epsilon)?,
            Op::Softmax { axis } | Op::LogSoftmax { axis } => self.same(call, vec![size("axis", *axis)]),
            Op::MaxPool(pool) => self.same(call, window(pool)),
            Op::AveragePool { pool, count_include_pad } => {
                let mut attributes = window(pool);
                if pool.dilations.iter().all(|&d| d == 1) {
                    attributes.retain(|attribute| attribute.name.as_deref() != Some("dilations"));
                } else {
                    self.needs(call, 19, "a dilated average")?;
                }
                attributes.push(flag("count_include_pad", *count_include_pad));
                self.same(call, attributes);
            }
            Op::Reduce { kind, axes, keepdims } => {
                let mut attributes = vec![flag("keepdims", *keepdims)];
                let mut inputs = vec![call.input(0)];
                if *kind == Reduce::Sum || self.opset >= 18 {
                    inputs.push(self.ints(call, "axes", to_ints(axes))?);
                } else {
                    attributes.push(sizes("axes", axes));
                }
                self.push(op.name(), inputs, call.outputs.clone(), attributes);
            }
            Op::ArgMax { axis, keepdims, select_last } | Op::ArgMin { axis, keepdims, select_last } => {
                let mut attributes = vec![size("axis", *axis), flag("keepdims", *keepdims)];
                if *select_last {
                    attributes.push(flag("select_last_index", true));
                }
                self.same(call, attributes);
            }
            Op::TopK { axis, k, largest, sorted } => {
                let k = self.ints(call, "k", to_ints(&[*k]))?;
                let attributes = vec![size("axis", *axis), flag("largest", *largest), flag("sorted", *sorted)];
                self.push("TopK", vec![call.input(0), k], call.outputs.clone(), attributes);
            }
            Op::CumSum { axis, exclusive, reverse } => {
                let axis = self.int(call, "axis", i64::try_from(*axis).unwrap_or(i64::MAX))?;
                let attributes = vec![flag("exclusive", *exclusive), flag("reverse", *reverse)];
                self.push("CumSum", vec![call.input(0), axis], call.outputs.clone(), attributes);
            }
            Op::IsInf { negative, positive } => {
                self.same(call, vec![flag("detect_negative", *negative), flag("detect_positive", *positive)])
            }
            Op::BitwiseNot | Op::Bitwise(_) => {
                self.needs(call, 18, op.name())?;
                self.same(call, Vec::new());
            }
            Op::BitShift { left } => self.same(call, vec![text("direction", if *left { "LEFT" } else { "RIGHT" })]),
            Op::Quant(quant) => self.quantised(call, quant)?,
            Op::Opaque(opaque) => {
                let own = call.inputs.len().saturating_sub(opaque.captures);
                self.nodes.push(NodeProto {
                    input: call.inputs.iter().take(own).cloned().collect(),
                    output: call.outputs.clone(),
                    name: None,
                    op_type: Some(opaque.op_type.clone()),
                    attribute: opaque.attributes.iter().map(|a| Bytes::copy_from_slice(a)).collect(),
                    domain: Some(opaque.domain.clone()),
                });
                self.check_captures(call, opaque)?;
            }
            _ => return self.lower_layout(call),
        }
        Ok(())
    }

    /// The operator under its own name, with the node's inputs and outputs.
    pub(super) fn same(&mut self, call: &Call<'_>, attributes: Vec<AttributeProto>) {
        self.push(call.node.op.name(), trimmed(call.inputs.clone()), call.outputs.clone(), attributes);
    }

    fn is_batch_by_vector(&self, call: &Call<'_>) -> bool {
        let rank = |i: usize| self.shape_of(call.node.inputs.get(i).copied().flatten()).map(<[_]>::len);
        rank(0).is_some_and(|rank| rank > 2) && rank(1) == Some(1)
    }

    fn gelu(&mut self, call: &Call<'_>, tanh: bool) -> Result<(), ExportError> {
        if self.opset >= 20 {
            let kind = if tanh { "tanh" } else { "none" };
            self.same(call, vec![text("approximate", kind)]);
            return Ok(());
        }
        let x = call.input(0);
        let inner = if tanh {
            let square = self.step(call, "Mul", vec![x.clone(), x.clone()], Vec::new());
            let cube = self.step(call, "Mul", vec![square, x.clone()], Vec::new());
            let weight = self.scalar(call, "weight", 0.044_715)?;
            let cube = self.step(call, "Mul", vec![cube, weight], Vec::new());
            let sum = self.step(call, "Add", vec![x.clone(), cube], Vec::new());
            let scale = self.scalar(call, "scale", (2.0 / std::f32::consts::PI).sqrt())?;
            let scaled = self.step(call, "Mul", vec![sum, scale], Vec::new());
            self.step(call, "Tanh", vec![scaled], Vec::new())
        } else {
            let scale = self.scalar(call, "scale", std::f32::consts::FRAC_1_SQRT_2)?;
            let scaled = self.step(call, "Mul", vec![x.clone(), scale], Vec::new());
            self.step(call, "Erf", vec![scaled], Vec::new())
        };
        let one = self.scalar(call, "one", 1.0)?;
        let gate = self.step(call, "Add", vec![inner, one], Vec::new());
        let half = self.scalar(call, "half", 0.5)?;
        let gate = self.step(call, "Mul", vec![gate, half], Vec::new());
        self.push("Mul", vec![x, gate], vec![call.output()], Vec::new());
        Ok(())
    }

    fn layer_normalization(&mut self, call: &Call<'_>, axis: usize, epsilon: f32) -> Result<(), ExportError> {
        if self.opset >= 17 {
            self.same(call, vec![size("axis", axis), float("epsilon", epsilon)]);
            return Ok(());
        }
        let Some(rank) = self.shape_of(call.node.inputs.first().copied().flatten()).map(<[_]>::len) else {
            return Err(call.fail("the shape of its input is unknown"));
        };
        let axes: Vec<usize> = (axis..rank).collect();
        let mean = self.step(call, "ReduceMean", vec![call.input(0)], vec![sizes("axes", &axes), flag("keepdims", true)]);
        let centred = self.step(call, "Sub", vec![call.input(0), mean], Vec::new());
        let square = self.step(call, "Mul", vec![centred.clone(), centred.clone()], Vec::new());
        let variance = self.step(call, "ReduceMean", vec![square], vec![sizes("axes", &axes), flag("keepdims", true)]);
        let epsilon = self.scalar(call, "epsilon", epsilon)?;
        let variance = self.step(call, "Add", vec![variance, epsilon], Vec::new());
        let deviation = self.step(call, "Sqrt", vec![variance], Vec::new());
        let mut y = self.step(call, "Div", vec![centred, deviation], Vec::new());
        if call.inputs.len() > 2 && !call.input(2).is_empty() {
            y = self.step(call, "Mul", vec![y, call.input(1)], Vec::new());
            self.push("Add", vec![y, call.input(2)], vec![call.output()], Vec::new());
        } else {
            self.push("Mul", vec![y, call.input(1)], vec![call.output()], Vec::new());
        }
        Ok(())
    }

    /// Subgraphs refer to values by name: those names must still be there.
    fn check_captures(&self, call: &Call<'_>, op: &brinell_graph::OpaqueOp) -> Result<(), ExportError> {
        let decoded = crate::import::captured_names(&op.attributes).map_err(|problem| call.fail(problem))?;
        match decoded.iter().find(|name| !self.names.taken.contains(*name)) {
            Some(missing) => Err(call.fail(format!("its subgraph uses `{missing}`, which is not in the graph"))),
            None => Ok(()),
        }
    }
}

/// Optional inputs at the end are left out.
pub(super) fn trimmed(mut inputs: Vec<String>) -> Vec<String> {
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    inputs
}

pub(super) fn conv(attrs: &ConvAttrs) -> Vec<AttributeProto> {
    vec![
        sizes("kernel_shape", &attrs.kernel),
        sizes("strides", &attrs.strides),
        sizes("dilations", &attrs.dilations),
        sizes("pads", &attrs.pads),
        size("group", attrs.groups),
    ]
}

fn conv_transpose(attrs: &ConvTransposeAttrs) -> Vec<AttributeProto> {
    vec![
        sizes("kernel_shape", &attrs.kernel),
        sizes("strides", &attrs.strides),
        sizes("dilations", &attrs.dilations),
        sizes("pads", &attrs.pads),
        sizes("output_padding", &attrs.output_padding),
        size("group", attrs.groups),
    ]
}

pub(super) fn window(pool: &PoolAttrs) -> Vec<AttributeProto> {
    let mut attributes = vec![sizes("kernel_shape", &pool.kernel), sizes("strides", &pool.strides), sizes("pads", &pool.pads)];
    attributes.push(sizes("dilations", &pool.dilations));
    attributes.push(flag("ceil_mode", pool.ceil_mode));
    attributes
}
