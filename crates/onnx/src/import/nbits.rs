//! onnxruntime's product with weights of a few bits: the weights are unpacked, and the product is an ordinary one.

use brinell_graph::{Op, Tensor, TensorData};

use super::unpack::floats;
use super::{Importer, Node, Refusal, bad, opaque};
use crate::tensor::from_floats;

/// The accuracy level from which on onnxruntime rounds the other operand to 8 bits too.
const ROUNDS_BOTH: i64 = 4;

/// A, B (packed), scales, zeros?, block of each row?, bias?
///
/// # Source
/// onnxruntime's "ContribOperators": B is `[N, blocks, bytes of a block]`, scales `[N, blocks]`, zeros as B with one number for each block, or as the scales.
pub(super) fn matmul_nbits(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let size = |name: &str| match node.attributes.int(name)?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) {
        Some(n) => Ok(n),
        None => bad(format!("attribute `{name}` is not a size")),
    };
    let (k, n, block) = (size("K")?, size("N")?, size("block_size")?);
    let bits = node.attributes.int_or("bits", 4)?;
    let bits = match bits {
        2 | 4 | 8 => usize::try_from(bits).unwrap_or(8),
        other => return opaque(format!("its weights have {other} bits")),
    };
    importer.coarse |= node.attributes.int_or("accuracy_level", 0)? >= ROUNDS_BOTH;
    let a = node.input(0)?;
    let weights = {
        let constant = |i: usize| match node.optional(i).map(|id| importer.graph.constant_of(id)) {
            None => Ok(None),
            Some(Some(tensor)) => Ok(Some(tensor)),
            Some(None) => opaque(format!("input {i} is not constant")),
        };
        let (Some(packed), Some(scales)) = (constant(1)?, constant(2)?) else { return bad("its weights or scales are missing") };
        let TensorData::Raw { bytes, .. } = &raw(packed) else { return bad("its weights are not bytes") };
        let bytes = bytes.clone();
        let layout = Packed { k, n, block, bits };
        let place = |i: i64| usize::try_from(i).unwrap_or(usize::MAX);
        let rows = constant(4)?.map(|rows| rows.to_ints().unwrap_or_default().into_iter().map(place).collect());
        let (scale_type, scales, zeros) = (scales.dtype(), floats(scales), constant(3)?.cloned());
        let Some(scales) = scales else { return opaque("its scales have double precision") };
        let Some(room) = n.checked_mul(k).and_then(|n| n.checked_mul(4)) else { return bad("its sizes are too large") };
        // Every weight takes bits of the file, so that what is allocated is bounded by it.
        if layout.bytes() != Some(bytes.len()) {
            return bad(format!("its weights have {} bytes, which does not fit its sizes", bytes.len()));
        }
        importer.take(room)?;
        let real = layout.unpacked(&bytes, &scales, zeros.as_deref(), rows);
        real.and_then(|real| from_floats(scale_type, vec![k, n], &real))
    };
    let Some(weights) = weights else { return bad("its scales, zeros or blocks do not fit its sizes") };
    let weights = importer.graph.constant(&format!("{}/weights", node.name), weights);
    match node.optional(5) {
        None => importer.emit(node, Op::MatMul, vec![Some(a), Some(weights)]),
        Some(bias) => {
            let product = importer.step(node, Op::MatMul, &[a, weights])?;
            importer.emit(node, Op::Add, vec![Some(product), Some(bias)])
        }
    }
}

/// A tensor of bytes as such.
fn raw(tensor: &Tensor) -> TensorData {
    let bytes = crate::tensor::to_bytes(tensor.data());
    TensorData::Raw { dtype: tensor.dtype(), len: tensor.len(), bytes }
}

/// How weights are packed.
struct Packed {
    k: usize,
    n: usize,
    block: usize,
    bits: usize,
}

impl Packed {
    fn blocks(&self) -> usize {
        self.k.div_ceil(self.block)
    }

    /// Bytes of one block.
    fn block_bytes(&self) -> Option<usize> {
        Some(self.block.checked_mul(self.bits)?.div_ceil(8))
    }

    /// Bytes of all weights.
    fn bytes(&self) -> Option<usize> {
        self.block_bytes()?.checked_mul(self.blocks())?.checked_mul(self.n)
    }

    /// Number `i` of those that begin at a byte.
    fn code(&self, bytes: &[u8], start: usize, i: usize) -> Option<f32> {
        let per_byte = 8_usize.checked_div(self.bits)?;
        let byte = *bytes.get(start.checked_add(i / per_byte)?)?;
        let mask = u8::try_from((1_usize << self.bits) - 1).ok()?;
        Some(f32::from((byte >> ((i % per_byte) * self.bits)) & mask))
    }

    /// The weights `[K, N]`. `rows` says to which block each of K belongs, where they are not in order.
    fn unpacked(&self, bytes: &[u8], scales: &[f32], zeros: Option<&Tensor>, rows: Option<Vec<usize>>) -> Option<Vec<f32>> {
        let blocks = self.blocks();
        if scales.len() != blocks.checked_mul(self.n)? {
            return None;
        }
        let zero_bytes = blocks.checked_mul(self.bits)?.div_ceil(8);
        let zeros: Vec<f32> = match zeros {
            None => vec![f32::from(1_u8 << (self.bits - 1)); scales.len()],
            Some(zeros) if zeros.dtype().is_float() => floats(zeros).filter(|zeros| zeros.len() == scales.len())?,
            Some(zeros) => {
                let packed = crate::tensor::to_bytes(zeros.data());
                (0..scales.len()).map(|i| self.code(&packed, (i / blocks) * zero_bytes, i % blocks)).collect::<Option<_>>()?
            }
        };
        if rows.as_ref().is_some_and(|rows| rows.len() != self.k) {
            return None;
        }
        let mut real = Vec::with_capacity(self.k.checked_mul(self.n)?);
        for row in 0..self.k {
            let group = match &rows {
                None => row / self.block,
                Some(rows) => rows.get(row).copied().filter(|&group| group < blocks)?,
            };
            for column in 0..self.n {
                let start = (column * blocks + row / self.block) * self.block_bytes()?;
                let i = column * blocks + group;
                real.push((self.code(bytes, start, row % self.block)? - zeros.get(i)?) * scales.get(i)?);
            }
        }
        Some(real)
    }
}
