//! JPEG compression and decompression as operators: what a picture loses, without the file.
//!
//! Colours become YCbCr with the chroma halved (4:2:0), planes are cut into blocks of 8 x 8, each block's cosine transform is divided by the quantisation table, rounded and
//! brought back. The rounding of bytes before, between and after is that of libjpeg; only the order of a few roundings inside its integer transform differs.

use brinell_graph::{
    ConvAttrs, ConvTransposeAttrs, Dim, Graph, GraphError, Op, PadMode, PoolAttrs, ResizeAttrs, ResizeCoordinates, ResizeMode,
    ResizeNearest, Tensor, TensorData, ValueId,
};

use super::Picture;

/// Side of a block.
const BLOCK: usize = 8;

/// Quantisation tables at quality 50.
///
/// # Source
/// ITU-T T.81 (1992), annex K, tables K.1 and K.2.
const LUMA: [u32; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62, 18, 22,
    37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u32; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// Rows of the conversion to Y, Cb and Cr, and of the way back (ITU-T T.871, section 7).
const TO_YCC: [[f32; 3]; 3] = [[0.299, 0.587, 0.114], [-0.168_735_89, -0.331_264_1, 0.5], [0.5, -0.418_687_59, -0.081_312_41]];
const TO_RGB: [[f32; 3]; 3] = [[1.0, 0.0, 1.402], [1.0, -0.344_136_3, -0.714_136_3], [1.0, 1.772, 0.0]];

/// Appends the compression of pictures `[B, C, H, W]` in 0..1, of one channel or three, at a quality of 1 to 100.
pub(super) fn append(graph: &mut Graph, x: ValueId, quality: usize, picture: &Picture) -> Result<ValueId, GraphError> {
    let Picture { channels, height, width } = *picture;
    let byte = graph.scalar(255.0);
    let bytes = graph.add(Op::Mul, &[x, byte])?;
    let bytes = graph.add(Op::Round, &[bytes])?;
    let unit = if channels == 1 { BLOCK } else { 2 * BLOCK };
    let (tall, wide) = (height.next_multiple_of(unit), width.next_multiple_of(unit));
    let bytes = edged(graph, bytes, tall - height, wide - width)?;
    let mut coder = Coder { graph, tables: [table(&LUMA, quality), table(&CHROMA, quality)] };
    let decoded = if channels == 1 { coder.plane(bytes, 0, 128.0)? } else { coder.colour(bytes)? };
    let graph = coder.graph;
    let mut decoded = decoded;
    if (tall, wide) != (height, width) {
        let (starts, ends) = (vec![0, 0], vec![height as i64, width as i64]);
        decoded = graph.add(Op::Slice { axes: vec![2, 3], starts, ends, steps: vec![1, 1] }, &[decoded])?;
    }
    super::divided(graph, decoded, 255.0)
}

/// Returns a table at some quality, as libjpeg scales it.
fn table(at_50: &[u32; 64], quality: usize) -> Vec<f32> {
    let quality = quality.clamp(1, 100) as u32;
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    at_50.iter().map(|entry| ((entry * scale + 50) / 100).clamp(1, 255) as f32).collect()
}

/// Repeats the last row and the last column.
fn edged(graph: &mut Graph, x: ValueId, rows: usize, columns: usize) -> Result<ValueId, GraphError> {
    if rows + columns == 0 {
        return Ok(x);
    }
    graph.add(Op::Pad { mode: PadMode::Edge, pads: vec![0, 0, 0, 0, 0, 0, rows as i64, columns as i64] }, &[x])
}

struct Coder<'g> {
    graph: &'g mut Graph,
    /// Of luma and chroma.
    tables: [Vec<f32>; 2],
}

impl Coder<'_> {
    /// Three channels of bytes, there and back.
    fn colour(&mut self, rgb: ValueId) -> Result<ValueId, GraphError> {
        let mut planes = Vec::with_capacity(3);
        for (place, row) in TO_YCC.iter().enumerate() {
            let weights = self.constant("jpeg_ycc", vec![1, 3, 1, 1], row.to_vec());
            let plane = self.graph.add(Op::Conv(pointwise()), &[rgb, weights])?;
            let plane = self.graph.add(Op::Round, &[plane])?;
            planes.push(if place == 0 {
                self.plane(plane, 0, 128.0)?
            } else {
                let pool = PoolAttrs { kernel: vec![2, 2], strides: vec![2, 2], dilations: vec![1, 1], pads: vec![0; 4], ceil_mode: false };
                let half = self.graph.add(Op::AveragePool { pool, count_include_pad: false }, &[plane])?;
                let half = self.graph.add(Op::Round, &[half])?;
                // Chroma is stored with 128 added, as which it is centred already.
                let half = self.plane(half, 1, 0.0)?;
                self.doubled(half)?
            });
        }
        let ycc = self.graph.add(Op::Concat { axis: 1 }, &planes)?;
        let weights = self.constant("jpeg_rgb", vec![3, 3, 1, 1], TO_RGB.concat());
        let rgb = self.graph.add(Op::Conv(pointwise()), &[ycc, weights])?;
        let rgb = self.graph.add(Op::Round, &[rgb])?;
        self.graph.add(Op::Clip { lo: Some(0.0), hi: Some(255.0) }, &[rgb])
    }

    /// One plane of bytes, there and back; `centre` is subtracted in between.
    fn plane(&mut self, x: ValueId, table: usize, centre: f32) -> Result<ValueId, GraphError> {
        let shift = self.graph.scalar(centre);
        let centred = if centre == 0.0 { x } else { self.graph.add(Op::Sub, &[x, shift])? };
        let kernels = self.constant("jpeg_dct", vec![BLOCK * BLOCK, 1, BLOCK, BLOCK], kernels());
        let conv = ConvAttrs { kernel: vec![BLOCK; 2], strides: vec![BLOCK; 2], dilations: vec![1; 2], pads: vec![0; 4], groups: 1 };
        let transformed = self.graph.add(Op::Conv(conv), &[centred, kernels])?;
        let steps = self.tables[table].clone();
        let steps = self.constant("jpeg_table", vec![1, BLOCK * BLOCK, 1, 1], steps);
        let counted = self.graph.add(Op::Div, &[transformed, steps])?;
        let whole = self.graph.add(Op::Round, &[counted])?;
        let back = self.graph.add(Op::Mul, &[whole, steps])?;
        let conv = ConvTransposeAttrs {
            kernel: vec![BLOCK; 2],
            strides: vec![BLOCK; 2],
            dilations: vec![1; 2],
            pads: vec![0; 4],
            output_padding: vec![0; 2],
            groups: 1,
        };
        let back = self.graph.add(Op::ConvTranspose(conv), &[back, kernels])?;
        let back = self.graph.add(Op::Round, &[back])?;
        let back = if centre == 0.0 { back } else { self.graph.add(Op::Add, &[back, shift])? };
        self.graph.add(Op::Clip { lo: Some(centre - 128.0), hi: Some(centre + 127.0) }, &[back])
    }

    /// Twice the rows and columns, with values between neighbours.
    fn doubled(&mut self, x: ValueId) -> Result<ValueId, GraphError> {
        let twice = |dim: &Dim| dim.fixed().map_or(*dim, |n| Dim::Fixed(2 * n));
        let sizes = self.graph.shape(x).unwrap_or_default().iter().enumerate().map(|(axis, dim)| if axis < 2 { *dim } else { twice(dim) });
        let attrs = ResizeAttrs {
            mode: ResizeMode::Linear,
            coordinates: ResizeCoordinates::HalfPixel,
            nearest: ResizeNearest::RoundPreferFloor,
            cubic_coeff_a: -0.75,
            exclude_outside: false,
            extrapolation_value: 0.0,
            antialias: false,
            scales: vec![1.0, 1.0, 2.0, 2.0],
            sizes: sizes.collect(),
            by_size: false,
        };
        let between = self.graph.add(Op::Resize(attrs), &[x])?;
        self.graph.add(Op::Round, &[between])
    }

    fn constant(&mut self, name: &str, shape: Vec<usize>, data: Vec<f32>) -> ValueId {
        match Tensor::new(shape, TensorData::F32(data)) {
            Some(tensor) => self.graph.constant(name, tensor),
            None => self.graph.scalar(f32::NAN),
        }
    }
}

fn pointwise() -> ConvAttrs {
    ConvAttrs { kernel: vec![1; 2], strides: vec![1; 2], dilations: vec![1; 2], pads: vec![0; 4], groups: 1 }
}

/// The 64 waves of the orthonormal cosine transform, `[64, 1, 8, 8]`.
fn kernels() -> Vec<f32> {
    let wave = |frequency: usize, at: usize| {
        let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
        scale * (std::f64::consts::PI * (2 * at + 1) as f64 * frequency as f64 / 16.0).cos()
    };
    let mut all = Vec::with_capacity(BLOCK.pow(4));
    for (v, u) in (0..BLOCK).flat_map(|v| (0..BLOCK).map(move |u| (v, u))) {
        all.extend((0..BLOCK * BLOCK).map(|place| (wave(v, place / BLOCK) * wave(u, place % BLOCK)) as f32));
    }
    all
}
