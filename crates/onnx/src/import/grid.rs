//! Sampling images at computed places, in terms of gathers and products.

use brinell_graph::{Compare, DType, Dim, Op, Tensor, TensorData, ValueId, count};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// What is seen outside the image.
#[derive(Clone, Copy, PartialEq)]
enum Padding {
    Zeros,
    Border,
    Reflection,
}

/// One axis of the places: the neighbours of each place with their weights, and which of them lie inside.
struct Taps {
    index: ValueId,
    weight: ValueId,
    inside: Option<ValueId>,
}

struct Builder<'i, 'g, 'n> {
    importer: &'i mut Importer<'g>,
    node: &'n Node<'n>,
}

impl Builder<'_, '_, '_> {
    fn op(&mut self, op: Op, operands: &[ValueId]) -> Result<ValueId, Refusal> {
        self.importer.step(self.node, op, operands)
    }

    fn number(&mut self, like: ValueId, value: f64) -> Result<ValueId, Refusal> {
        self.importer.number(self.node, like, value)
    }

    fn scaled(&mut self, x: ValueId, factor: f64, term: f64) -> Result<ValueId, Refusal> {
        let (factor, term) = (self.number(x, factor)?, self.number(x, term)?);
        let product = self.op(Op::Mul, &[x, factor])?;
        self.op(Op::Add, &[product, term])
    }

    /// From -1..1 to positions of an axis of `n`, brought inside where the padding says so.
    fn position(&mut self, g: ValueId, n: f64, corners: bool, padding: Padding) -> Result<ValueId, Refusal> {
        let place = if corners { self.scaled(g, (n - 1.0) / 2.0, (n - 1.0) / 2.0)? } else { self.scaled(g, n / 2.0, (n - 1.0) / 2.0)? };
        let place = match padding {
            Padding::Zeros => return Ok(place),
            Padding::Border => place,
            Padding::Reflection => {
                let (low, high) = if corners { (0.0, n - 1.0) } else { (-0.5, n - 0.5) };
                self.reflected(place, low, high)?
            }
        };
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "sizes are far below 2^24")]
        let op = Op::Clip { lo: Some(0.0), hi: Some((n - 1.0) as f32) };
        self.op(op, &[place])
    }

    /// Folded back at both ends as often as needed.
    fn reflected(&mut self, x: ValueId, low: f64, high: f64) -> Result<ValueId, Refusal> {
        let range = high - low;
        if range <= 0.0 {
            let nothing = self.number(x, 0.0)?;
            return self.op(Op::Mul, &[x, nothing]);
        }
        let from_low = self.scaled(x, 1.0, -low)?;
        let distance = self.op(Op::Abs, &[from_low])?;
        let (range, two, one) = (self.number(x, range)?, self.number(x, 2.0)?, self.number(x, 1.0)?);
        let rest = self.op(Op::Mod { fmod: true }, &[distance, range])?;
        let turns = self.op(Op::Div, &[distance, range])?;
        let turns = self.op(Op::Floor, &[turns])?;
        let odd = self.op(Op::Mod { fmod: true }, &[turns, two])?;
        let odd = self.op(Op::Compare(Compare::Equal), &[odd, one])?;
        let up = self.scaled(rest, 1.0, low)?;
        let down = self.scaled(rest, -1.0, high)?;
        self.op(Op::Where, &[odd, down, up])
    }

    /// The neighbours of positions along an axis of `n`.
    fn taps(&mut self, place: ValueId, n: f64, nearest: bool, padding: Padding) -> Result<Vec<Taps>, Refusal> {
        let low = self.op(if nearest { Op::Round } else { Op::Floor }, &[place])?;
        let one = self.number(place, 1.0)?;
        let mut found = Vec::with_capacity(2);
        let pairs = if nearest {
            vec![(low, one)]
        } else {
            let after = self.op(Op::Sub, &[place, low])?;
            let before = self.op(Op::Sub, &[one, after])?;
            vec![(low, before), (self.op(Op::Add, &[low, one])?, after)]
        };
        for (index, weight) in pairs {
            let inside = if padding == Padding::Zeros {
                let (least, most) = (self.number(index, 0.0)?, self.number(index, n - 1.0)?);
                let above = self.op(Op::Compare(Compare::GreaterOrEqual), &[index, least])?;
                let below = self.op(Op::Compare(Compare::LessOrEqual), &[index, most])?;
                Some(self.op(Op::And, &[above, below])?)
            } else {
                None
            };
            #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "sizes are far below 2^24")]
            let index = self.op(Op::Clip { lo: Some(0.0), hi: Some((n - 1.0) as f32) }, &[index])?;
            found.push(Taps { index, weight, inside });
        }
        Ok(found)
    }
}

fn size(d: Dim) -> Result<(usize, f64), Refusal> {
    match d {
        Dim::Fixed(n) if n > 0 => u32::try_from(n).map(|m| (n, f64::from(m))).or_else(|_| opaque("its image is too large")),
        _ => unknown("the size of its image is unknown"),
    }
}

/// x [B, C, H, W], grid [B, R, S, 2] of (column, row) in -1..1.
pub(super) fn grid_sample(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let nearest = match node.attributes.string("mode")?.as_deref() {
        None | Some("linear" | "bilinear") => false,
        Some("nearest") => true,
        Some(other) => return opaque(format!("mode `{other}` is not supported")),
    };
    let padding = match node.attributes.string("padding_mode")?.as_deref() {
        None | Some("zeros") => Padding::Zeros,
        Some("border") => Padding::Border,
        Some("reflection") => Padding::Reflection,
        Some(other) => return bad(format!("padding mode `{other}` is unknown")),
    };
    let corners = node.attributes.flag("align_corners", false)?;
    let (x, grid) = (node.input(0)?, node.input(1)?);
    if importer.rank(x)? != 4 {
        return opaque("its image does not have two axes");
    }
    let [batch, channels, height, width] = importer.sizes(x)?;
    let [_, rows, columns, _] = importer.sizes(grid)?;
    let ((_, h), (pitch, w)) = (size(height)?, size(width)?);
    let points = count(&[rows, columns]);
    if points == Dim::Unknown {
        return unknown("the size of its grid is unknown");
    }
    let mut b = Builder { importer, node };
    let flat = b.op(Op::Reshape { shape: vec![batch, channels, count(&[height, width])] }, &[x])?;
    let grid = b.op(Op::Reshape { shape: vec![batch, points, Dim::Fixed(2)] }, &[grid])?;
    let axes = b.importer.step_many(node, Op::Split { axis: 2, sizes: vec![1, 1] }, &[grid], 2)?;
    let &[across, down] = axes.as_slice() else { return bad("its grid does not have two coordinates") };
    let mut along = Vec::with_capacity(2);
    for (g, n) in [(across, w), (down, h)] {
        // [B, 1, points], so that it broadcasts along the channels.
        let g = b.op(Op::Transpose { perm: vec![0, 2, 1] }, &[g])?;
        let place = b.position(g, n, corners, padding)?;
        along.push(b.taps(place, n, nearest, padding)?);
    }
    let [across, down] = along.as_slice() else { return bad("its grid does not have two coordinates") };
    let spread = vec![batch, channels, points];
    let mut sum = None;
    for row in down {
        for column in across {
            let pitch = b.number(row.index, f64::from(u32::try_from(pitch).unwrap_or(u32::MAX)))?;
            let start = b.op(Op::Mul, &[row.index, pitch])?;
            let place = b.op(Op::Add, &[start, column.index])?;
            let place = b.op(Op::Cast { to: DType::I64 }, &[place])?;
            let place = b.op(Op::Expand { shape: spread.clone() }, &[place])?;
            let seen = b.op(Op::GatherElements { axis: 2 }, &[flat, place])?;
            let weight = b.op(Op::Mul, &[row.weight, column.weight])?;
            let mut part = b.op(Op::Mul, &[seen, weight])?;
            if let (Some(row), Some(column)) = (row.inside, column.inside) {
                let inside = b.op(Op::And, &[row, column])?;
                let nothing = b.number(part, 0.0)?;
                part = b.op(Op::Where, &[inside, part, nothing])?;
            }
            sum = Some(match sum {
                None => part,
                Some(sum) => b.op(Op::Add, &[sum, part])?,
            });
        }
    }
    let Some(sum) = sum else { return bad("it samples nothing") };
    importer.emit(node, Op::Reshape { shape: vec![batch, channels, rows, columns] }, vec![Some(sum)])
}

/// theta [B, n, n+1], size (constant): the places of all pixels of an image under an affine map.
pub(super) fn affine_grid(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let theta = node.input(0)?;
    let corners = node.attributes.flag("align_corners", false)?;
    let [batch, axes, _] = importer.sizes(theta)?;
    let shape = importer.dims(node.input(1)?)?;
    let spatial: Vec<usize> =
        shape.iter().skip(2).map(|d| d.fixed()).collect::<Option<_>>().map_or_else(|| unknown("the size of its image is unknown"), Ok)?;
    let total = spatial.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= 1 << 24);
    let Some(total) = total else { return opaque("its image is too large") };
    let n = spatial.len();
    if axes != Dim::Fixed(n) {
        return bad(format!("its map of {axes} axes does not fit an image of {n}"));
    }
    let mut base = Vec::with_capacity(total * (n + 1));
    for flat in 0..total {
        let mut rest = flat;
        let mut at = Vec::with_capacity(n);
        for &size in spatial.iter().rev() {
            at.push(coordinate(rest % size, size, corners));
            rest /= size;
        }
        base.extend(at);
        base.push(1.0);
    }
    let Some(base) = Tensor::new(vec![total, n + 1], TensorData::F32(base)) else { return opaque("its image is too large") };
    if importer.graph.value(theta).dtype != Some(DType::F32) {
        return opaque("only f32 is supported");
    }
    let base = importer.constant(node, base);
    let turned = importer.step(node, Op::Transpose { perm: vec![0, 2, 1] }, &[theta])?;
    let places = importer.step(node, Op::MatMul, &[base, turned])?;
    let shape = std::iter::once(batch).chain(spatial.iter().map(|&n| Dim::Fixed(n))).chain([axes]).collect();
    importer.emit(node, Op::Reshape { shape }, vec![Some(places)])
}

/// Place of element `i` of `n` in -1..1.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "sizes are far below 2^24")]
fn coordinate(i: usize, n: usize, corners: bool) -> f32 {
    let (i, n) = (i as f64, n as f64);
    match corners {
        true if n > 1.0 => (2.0 * i / (n - 1.0) - 1.0) as f32,
        true => -1.0,
        false => ((2.0 * i + 1.0) / n - 1.0) as f32,
    }
}
