use crate::affine::Affine;
use crate::bounds::Bounds;
use crate::build;
use crate::error::CertifyError;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use brinell_graph::{Graph, ValueId};

/// A network of one sample in f64, made of affine and nonlinear layers.
///
/// Value 0 is the input, value `i + 1` what layer `i` computes.
#[derive(Debug)]
pub struct Network {
    pub(crate) layers: Vec<Layer>,
    pub(crate) values: Vec<Extent>,
    pub(crate) output: usize,
    input_shape: Vec<usize>,
    /// The nonlinear layers that read each value: (layer, position among its inputs).
    pub(crate) readers: Vec<Vec<(usize, usize)>>,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer {
    /// The node that it stands for.
    pub(crate) name: String,
    /// Number of that node in the graph of what is needed, for one sample.
    pub(crate) node: usize,
    pub(crate) inputs: Vec<usize>,
    pub(crate) kind: Kind,
}

impl Layer {
    /// Intervals of the result; everything where the arithmetic overflows.
    pub(crate) fn interval(&self, inputs: &[&Bounds], sizes: Option<&Matrix>) -> Bounds {
        let mut bounds = match &self.kind {
            Kind::Affine(affine) => affine.interval(inputs, sizes),
            Kind::Nonlinear(op) => op.interval(inputs),
        };
        bounds.lo.data.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::NEG_INFINITY);
        bounds.hi.data.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::INFINITY);
        bounds
    }
}

#[derive(Debug)]
pub(crate) enum Kind {
    Affine(Affine),
    Nonlinear(Box<dyn Nonlinear>),
}

/// The size of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) len: usize,
    /// Elements of a channel, for images.
    pub(crate) plane: usize,
}

impl Network {
    /// Reads the part of a graph that computes `output` from its only input, for one sample. Other inputs must be constants.
    ///
    /// # Errors
    /// [`CertifyError::Operator`] for the first node that has no relaxation, [`CertifyError::NotFinite`] for a weight that is no number, and the others
    /// for a graph that does not fit.
    pub fn new(graph: &Graph, output: ValueId) -> Result<Self, CertifyError> {
        build::network(graph, output)
    }

    pub(crate) fn assemble(layers: Vec<Layer>, values: Vec<Extent>, output: usize, input_shape: Vec<usize>) -> Result<Self, CertifyError> {
        let mut readers = vec![Vec::new(); values.len()];
        for (at, layer) in layers.iter().enumerate() {
            match &layer.kind {
                Kind::Affine(affine) if !affine.is_finite() => return Err(CertifyError::NotFinite { node: layer.name.clone() }),
                Kind::Affine(_) => {}
                Kind::Nonlinear(_) => layer.inputs.iter().enumerate().for_each(|(k, &v)| readers[v].push((at, k))),
            }
        }
        Ok(Self { layers, values, output, input_shape, readers })
    }

    /// Returns the number of elements of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.values[0].len
    }

    /// Returns the number of elements of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.values[self.output].len
    }

    /// Returns the shape of the input, for one sample.
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Returns the number of elements that are not computed linearly.
    #[must_use]
    pub fn nonlinear_elements(&self) -> usize {
        let count = |layer: &Layer| if let Kind::Nonlinear(op) = &layer.kind { op.outputs() } else { 0 };
        self.layers.iter().map(count).sum()
    }

    /// Computes the output at a point, in f64.
    ///
    /// # Errors
    /// [`CertifyError::Length`].
    pub fn eval(&self, x: &[f64]) -> Result<Vec<f64>, CertifyError> {
        self.check_input("the point", x.len())?;
        Ok(self.values_at(Matrix::column(x.to_vec())).swap_remove(self.output).data)
    }

    /// All values at points, one a column.
    pub(crate) fn values_at(&self, x: Matrix) -> Vec<Matrix> {
        let mut values = vec![x];
        for layer in &self.layers {
            let inputs: Vec<&Matrix> = layer.inputs.iter().map(|&v| &values[v]).collect();
            let y = match &layer.kind {
                Kind::Affine(affine) => affine.eval(&inputs),
                Kind::Nonlinear(op) => op.eval(&inputs),
            };
            values.push(y);
        }
        values
    }

    pub(crate) fn check_input(&self, what: &'static str, found: usize) -> Result<(), CertifyError> {
        if found == self.inputs() { Ok(()) } else { Err(CertifyError::Length { what, expected: self.inputs(), found }) }
    }

    pub(crate) fn layer_of(&self, value: usize) -> Option<&Layer> {
        value.checked_sub(1).map(|at| &self.layers[at])
    }
}
