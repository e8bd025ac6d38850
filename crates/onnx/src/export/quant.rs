//! Quantised operators, as the model had them.

use brinell_graph::{DType, Quant, SmallFloat};
use prost::Message;
use prost::bytes::Bytes;

use super::attribute::{flag, float, int, size};
use super::lower::{conv, trimmed, window};
use super::{Call, Writer};
use crate::error::ExportError;
use crate::proto::{AttributeProto, NodeProto};

impl Writer<'_> {
    pub(super) fn quantised(&mut self, call: &Call<'_>, quant: &Quant) -> Result<(), ExportError> {
        let wide = |dtype: Option<DType>| matches!(dtype, Some(DType::I16 | DType::U16));
        let attributes = match quant {
            Quant::QuantizeLinear { axis, to } => {
                if wide(Some(*to)) {
                    self.needs(call, 21, "16-bit quantisation")?;
                }
                let mut attributes = self.axis(call, *axis);
                // Without a zero the type must be said, which only newer opsets can; u8 is the default.
                if call.input(2).is_empty() && *to != DType::U8 {
                    self.needs(call, 21, "quantisation to a type other than u8 without a zero point")?;
                    attributes.push(int("output_dtype", i64::from(crate::tensor::dtype_number(*to))));
                }
                attributes
            }
            Quant::DequantizeLinear { axis } => {
                let dtype = call.node.inputs.first().copied().flatten().and_then(|id| self.graph.value(id).dtype);
                if wide(dtype) {
                    self.needs(call, 21, "16-bit quantisation")?;
                }
                self.axis(call, *axis)
            }
            Quant::RoundToFloat { format } => return self.round_to_float(call, *format),
            Quant::ConvInteger(attrs) | Quant::QLinearConv(attrs) => conv(attrs),
            Quant::QGemm { alpha, trans_a, trans_b } => {
                vec![float("alpha", *alpha), flag("transA", *trans_a), flag("transB", *trans_b)]
            }
            Quant::QLinearLeakyRelu { alpha } => vec![float("alpha", *alpha)],
            Quant::QLinearAveragePool { pool, count_include_pad } => {
                let mut attributes = window(pool);
                attributes.retain(|attribute| attribute.name.as_deref() != Some("dilations"));
                attributes.push(flag("count_include_pad", *count_include_pad));
                attributes
            }
            Quant::QLinearSoftmax { axis } => vec![size("axis", *axis), int("opset", 13)],
            Quant::QLinearConcat { axis } => vec![size("axis", *axis)],
            Quant::DynamicQuantizeLinear
            | Quant::MatMulInteger
            | Quant::QLinearMatMul
            | Quant::QLinearAdd
            | Quant::QLinearMul
            | Quant::QLinearSigmoid
            | Quant::QLinearGlobalAveragePool => Vec::new(),
        };
        self.push_in(quant.domain(), quant.name(), trimmed(call.inputs.clone()), call.outputs.clone(), attributes);
        Ok(())
    }

    /// Written with arithmetic that every runtime has, and exact: the step between the numbers of the format follows from the power of two below x, which is
    /// found by halving the range of exponents.
    fn round_to_float(&mut self, call: &Call<'_>, format: DType) -> Result<(), ExportError> {
        let Some(format) = SmallFloat::of(format) else {
            return Err(call.fail("it does not round to a floating-point type with 4 or 8 bits"));
        };
        let x = call.input(0);
        let size = self.step(call, "Abs", vec![x.clone()], Vec::new());
        let mut binade = self.scalar(call, "least", 2f32.powi(format.least))?;
        let mut jump = 1;
        while jump * 2 <= format.most - format.least {
            jump *= 2;
        }
        while jump > 0 {
            let factor = self.scalar(call, "factor", 2f32.powi(jump))?;
            let above = self.step(call, "Mul", vec![binade.clone(), factor], Vec::new());
            let reached = self.step(call, "GreaterOrEqual", vec![size.clone(), above.clone()], Vec::new());
            binade = self.step(call, "Where", vec![reached, above, binade], Vec::new());
            jump /= 2;
        }
        let parts = self.scalar(call, "parts", 2f32.powi(-format.mantissa))?;
        let step = self.step(call, "Mul", vec![binade, parts], Vec::new());
        let steps = self.step(call, "Div", vec![x, step.clone()], Vec::new());
        let whole = self.step(call, "Round", vec![steps], Vec::new());
        let rounded = self.step(call, "Mul", vec![whole, step], Vec::new());
        let (lo, hi) = (self.scalar(call, "min", -format.max)?, self.scalar(call, "max", format.max)?);
        self.push("Clip", vec![rounded, lo, hi], vec![call.output()], Vec::new());
        Ok(())
    }

    /// The axis matters only where the scale is no scalar, and must then exist.
    fn axis(&self, call: &Call<'_>, axis: usize) -> Vec<AttributeProto> {
        let scalar = self.shape_of(call.node.inputs.get(1).copied().flatten()).is_some_and(<[_]>::is_empty);
        if scalar { Vec::new() } else { vec![size("axis", axis)] }
    }

    fn push_in(&mut self, domain: &str, op: &str, inputs: Vec<String>, outputs: Vec<String>, attributes: Vec<AttributeProto>) {
        if !domain.is_empty() {
            self.domains.entry(domain.to_owned()).or_insert(1);
        }
        let attribute = attributes.iter().map(|a| Bytes::from(a.encode_to_vec())).collect();
        let domain = (!domain.is_empty()).then(|| domain.to_owned());
        self.nodes.push(NodeProto { input: inputs, output: outputs, name: None, op_type: Some(op.to_owned()), attribute, domain });
    }
}
