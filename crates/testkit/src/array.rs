use brinell_graph::{Tensor, TensorData};

/// A dense row-major array of f64; booleans are 0 and 1, integers their value.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Array {
    /// Returns an array of these elements.
    ///
    /// # Panics
    /// Where `shape` and the number of elements disagree.
    #[must_use]
    pub fn new(shape: &[usize], data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "{shape:?} does not hold {} elements", data.len());
        Self { shape: shape.to_vec(), data }
    }

    /// Returns an array with the same value everywhere.
    #[must_use]
    pub fn full(shape: &[usize], value: f64) -> Self {
        Self { shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }

    /// Returns an array of rank 0.
    #[must_use]
    pub fn scalar(value: f64) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// Returns an array whose elements are computed from their indices, in row-major order.
    #[must_use]
    pub fn from_fn(shape: &[usize], mut f: impl FnMut(&[usize]) -> f64) -> Self {
        let n = shape.iter().product();
        let mut data = Vec::with_capacity(n);
        let mut index = vec![0; shape.len()];
        for _ in 0..n {
            data.push(f(&index));
            advance(&mut index, shape);
        }
        Self { shape: shape.to_vec(), data }
    }

    /// Returns the elements of a tensor; `None` for strings.
    #[must_use]
    pub fn from_tensor(tensor: &Tensor) -> Option<Self> {
        let data = tensor.to_f64()?;
        Some(Self { shape: tensor.shape().to_vec(), data })
    }

    /// Returns the elements rounded to f32 as a tensor.
    ///
    /// # Panics
    /// Where `shape` and the number of elements disagree.
    #[must_use]
    pub fn to_f32_tensor(&self) -> Tensor {
        let data = TensorData::F32(self.data.iter().map(|&x| x as f32).collect());
        let tensor = Tensor::new(self.shape.clone(), data);
        assert!(tensor.is_some(), "{:?} does not hold {} elements", self.shape, self.data.len());
        tensor.unwrap_or_else(|| Tensor::scalar(f32::NAN))
    }

    /// Returns the number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Returns the position of an index in `data`.
    #[must_use]
    pub fn offset(&self, index: &[usize]) -> usize {
        index.iter().zip(&self.shape).fold(0, |at, (&i, &n)| at * n + i)
    }

    /// Returns one element.
    #[must_use]
    pub fn at(&self, index: &[usize]) -> f64 {
        self.data[self.offset(index)]
    }

    /// Returns the element that stands at `index` of a larger shape to which this array is broadcast.
    #[must_use]
    pub fn broadcast_at(&self, index: &[usize]) -> f64 {
        let skip = index.len() - self.rank();
        let at = index[skip..].iter().zip(&self.shape).fold(0, |at, (&i, &n)| at * n + if n == 1 { 0 } else { i });
        self.data[at]
    }

    /// Returns `f` of every element.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }
}

/// Moves to the next index in row-major order; wraps to zeros after the last.
pub(crate) fn advance(index: &mut [usize], shape: &[usize]) {
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < n {
            return;
        }
        *i = 0;
    }
}

/// Calls `f` with every index of `shape`, in row-major order.
pub(crate) fn for_each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        f(&index);
        advance(&mut index, shape);
    }
}

/// Returns the shape to which all of `shapes` broadcast, by numpy's rule.
pub(crate) fn broadcast_shape(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut out = vec![1; rank];
    for shape in shapes {
        for (o, &n) in out[rank - shape.len()..].iter_mut().zip(*shape) {
            if *o == 1 {
                *o = n;
            } else if n != 1 && n != *o {
                return None;
            }
        }
    }
    Some(out)
}
