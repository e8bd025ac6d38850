//! Operators whose parameters are payload in the graph and inputs in ONNX.

use brinell_graph::{Dim, Op, PadMode, ResizeAttrs, ResizeCoordinates, ResizeMode, ResizeNearest, ScatterReduction, Tensor, TensorData};

use super::attribute::{flag, float, int, size, sizes, text, to_ints};
use super::{Call, Writer};
use crate::error::ExportError;

impl Writer<'_> {
    pub(super) fn lower_layout(&mut self, call: &Call<'_>) -> Result<(), ExportError> {
        match &call.node.op {
            Op::Reshape { shape } => self.reshape(call, call.input(0), shape, call.output())?,
            Op::Transpose { perm } => self.same(call, vec![sizes("perm", perm)]),
            Op::Squeeze { axes } | Op::Unsqueeze { axes } => {
                let axes = self.ints(call, "axes", to_ints(axes))?;
                self.with(call, vec![axes], Vec::new());
            }
            Op::Concat { axis } | Op::Gather { axis } | Op::GatherElements { axis } => self.same(call, vec![size("axis", *axis)]),
            Op::Split { axis, sizes } => {
                let split = self.ints(call, "split", to_ints(sizes))?;
                self.with(call, vec![split], vec![size("axis", *axis)]);
            }
            Op::Slice { axes, starts, ends, steps } => self.slice(call, axes, starts, ends, steps)?,
            Op::ScatterElements { axis, reduction } => self.scatter(call, Some(*axis), *reduction)?,
            Op::ScatterND { reduction } => self.scatter(call, None, *reduction)?,
            Op::GatherND { batch_dims } => self.same(call, vec![size("batch_dims", *batch_dims)]),
            Op::ReverseSequence { time, batch } => self.same(call, vec![size("time_axis", *time), size("batch_axis", *batch)]),
            Op::Pad { mode, pads } => self.pad(call, *mode, pads)?,
            Op::Expand { shape } => {
                let shape = self.expand(call, shape)?;
                self.with(call, vec![shape], Vec::new());
            }
            Op::Tile { repeats } => {
                let repeats = self.ints(call, "repeats", to_ints(repeats))?;
                self.with(call, vec![repeats], Vec::new());
            }
            Op::DepthToSpace { block, column_row_depth } => {
                self.same(call, vec![size("blocksize", *block), text("mode", if *column_row_depth { "CRD" } else { "DCR" })]);
            }
            Op::SpaceToDepth { block } => self.space_to_depth(call, *block)?,
            Op::Resize(attrs) => self.resize(call, attrs)?,
            Op::OneHot { axis, depth } => {
                let depth = self.int(call, "depth", i64::try_from(*depth).unwrap_or(i64::MAX))?;
                self.push("OneHot", vec![call.input(0), depth, call.input(1)], call.outputs.clone(), vec![size("axis", *axis)]);
            }
            Op::Trilu { upper, k } => {
                self.needs(call, 14, "Trilu")?;
                let k = self.int(call, "k", *k)?;
                self.with(call, vec![k], vec![flag("upper", *upper)]);
            }
            Op::Shape { start, end } => self.shape(call, *start, *end)?,
            _ => self.same(call, Vec::new()),
        }
        Ok(())
    }

    /// The operator under its own name with inputs after the node's first one.
    fn with(&mut self, call: &Call<'_>, more: Vec<String>, attributes: Vec<crate::proto::AttributeProto>) {
        let inputs = std::iter::once(call.input(0)).chain(more).collect();
        self.push(call.node.op.name(), inputs, call.outputs.clone(), attributes);
    }

    fn slice(&mut self, call: &Call<'_>, axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]) -> Result<(), ExportError> {
        let x = self.shape_of(call.node.inputs.first().copied().flatten()).unwrap_or_default();
        // A negative number counts from the end, so "through the first element" is one before the first from the end.
        let end = |((&axis, &end), &step): ((&usize, &i64), &i64)| match x.get(axis).and_then(|d| d.fixed()) {
            _ if step > 0 || end >= 0 => end,
            Some(n) => i64::try_from(n).map_or(i64::MIN, |n| -n - 1),
            None => i64::MIN,
        };
        let ends = axes.iter().zip(ends).zip(steps).map(end).collect();
        let starts = self.ints(call, "starts", starts.to_vec())?;
        let ends = self.ints(call, "ends", ends)?;
        let axes = self.ints(call, "axes", to_ints(axes))?;
        let steps = self.ints(call, "steps", steps.to_vec())?;
        self.with(call, vec![starts, ends, axes, steps], Vec::new());
        Ok(())
    }

    fn scatter(&mut self, call: &Call<'_>, axis: Option<usize>, reduction: ScatterReduction) -> Result<(), ExportError> {
        let (name, since) = match reduction {
            ScatterReduction::None => ("none", 0),
            ScatterReduction::Add => ("add", 16),
            ScatterReduction::Mul => ("mul", 16),
            ScatterReduction::Max => ("max", 18),
            ScatterReduction::Min => ("min", 18),
        };
        let mut attributes: Vec<_> = axis.map(|axis| size("axis", axis)).into_iter().collect();
        if since > 0 {
            self.needs(call, since, "a scatter that combines")?;
            attributes.push(text("reduction", name));
        }
        self.same(call, attributes);
        Ok(())
    }

    fn pad(&mut self, call: &Call<'_>, mode: PadMode, pads: &[i64]) -> Result<(), ExportError> {
        let mode = match mode {
            PadMode::Constant => "constant",
            PadMode::Reflect => "reflect",
            PadMode::Edge => "edge",
            PadMode::Wrap => {
                self.needs(call, 19, "padding by wrapping around")?;
                "wrap"
            }
        };
        let pads = self.ints(call, "pads", pads.to_vec())?;
        let mut more = vec![pads];
        more.extend(call.inputs.get(1).filter(|value| !value.is_empty()).cloned());
        self.with(call, more, vec![text("mode", mode)]);
        Ok(())
    }

    /// Blocks are split off, moved in front of the channels and merged with them.
    fn space_to_depth(&mut self, call: &Call<'_>, block: usize) -> Result<(), ExportError> {
        let x = self.shape_of(call.node.inputs.first().copied().flatten());
        let Some(&[b, Dim::Fixed(c), Dim::Fixed(h), Dim::Fixed(w)]) = x else {
            return Err(call.fail("its input has sizes that are not fixed"));
        };
        let input = [b, Dim::Fixed(c), Dim::Fixed(h), Dim::Fixed(w)];
        let (rows, columns) = (h.checked_div(block).unwrap_or(0), w.checked_div(block).unwrap_or(0));
        let fixed = Dim::Fixed;
        let split = [b, fixed(c), fixed(rows), fixed(block), fixed(columns), fixed(block)];
        let moved = [b, fixed(block), fixed(block), fixed(c), fixed(rows), fixed(columns)];
        let Some(channels) = crate::tensor::elements(&[c, block, block]) else { return Err(call.fail("its blocks are too large")) };
        let merged = [b, fixed(channels), fixed(rows), fixed(columns)];
        let blocks = self.fresh(&format!("{}/blocks", call.output()));
        self.reshape_from(call, call.input(0), &input, &split, blocks.clone())?;
        let turned = self.step(call, "Transpose", vec![blocks], vec![sizes("perm", &[0, 3, 5, 1, 2, 4])]);
        self.reshape_from(call, turned, &moved, &merged, call.output())
    }

    fn resize(&mut self, call: &Call<'_>, attrs: &ResizeAttrs) -> Result<(), ExportError> {
        let mode = match attrs.mode {
            ResizeMode::Nearest => "nearest",
            ResizeMode::Linear => "linear",
            ResizeMode::Cubic => "cubic",
        };
        let coordinates = match attrs.coordinates {
            ResizeCoordinates::HalfPixel => "half_pixel",
            ResizeCoordinates::HalfPixelSymmetric => {
                self.needs(call, 19, "half_pixel_symmetric")?;
                "half_pixel_symmetric"
            }
            ResizeCoordinates::PytorchHalfPixel => "pytorch_half_pixel",
            ResizeCoordinates::AlignCorners => "align_corners",
            ResizeCoordinates::Asymmetric => "asymmetric",
        };
        let nearest = match attrs.nearest {
            ResizeNearest::RoundPreferFloor => "round_prefer_floor",
            ResizeNearest::RoundPreferCeil => "round_prefer_ceil",
            ResizeNearest::Floor => "floor",
            ResizeNearest::Ceil => "ceil",
        };
        let mut attributes = vec![text("mode", mode), text("coordinate_transformation_mode", coordinates)];
        match attrs.mode {
            ResizeMode::Nearest => attributes.push(text("nearest_mode", nearest)),
            ResizeMode::Linear => {}
            ResizeMode::Cubic => attributes.push(float("cubic_coeff_a", attrs.cubic_coeff_a)),
        }
        if attrs.exclude_outside {
            attributes.push(flag("exclude_outside", true));
        }
        if attrs.antialias {
            self.needs(call, 18, "an antialiased resize")?;
            attributes.push(flag("antialias", true));
        }
        let inputs = if attrs.by_size {
            let sizes = self.dims(call, &attrs.sizes)?;
            vec![call.input(0), String::new(), String::new(), sizes]
        } else {
            let name = self.fresh(&format!("{}/scales", call.output()));
            let scales = Tensor::new(vec![attrs.scales.len()], TensorData::F32(attrs.scales.clone()));
            self.initializer(&name, &scales.ok_or_else(|| call.fail("its scales are not a vector"))?)?;
            vec![call.input(0), String::new(), name]
        };
        self.push("Resize", inputs, call.outputs.clone(), attributes);
        Ok(())
    }

    fn shape(&mut self, call: &Call<'_>, start: usize, end: usize) -> Result<(), ExportError> {
        if self.opset >= 15 {
            self.same(call, vec![size("start", start), size("end", end)]);
            return Ok(());
        }
        let shape = self.step(call, "Shape", vec![call.input(0)], Vec::new());
        let indices = self.ints(call, "axes", to_ints(&(start..end).collect::<Vec<_>>()))?;
        self.push("Gather", vec![shape, indices], vec![call.output()], vec![int("axis", 0)]);
        Ok(())
    }
}
