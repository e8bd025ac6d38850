//! Classic models, ONNX's domain `ai.onnx.ml`.
//!
//! What standard operators can say is taken apart, so that it has a gradient and runs everywhere. Tree ensembles and support vector
//! machines are carried along unread, with the shapes of what they return. Labels and maps of scores lose to the tensor of scores.

use brinell_graph::{Compare, DType, Dim, Op, Reduce, Tensor, TensorData, ValueId};

mod svm;

pub(super) use svm::{classifier as svm_classifier, regressor as svm_regressor};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// Name of the domain.
pub(super) const DOMAIN: &str = "ai.onnx.ml";

type Done = Result<(), Refusal>;

/// What a classifier calls its classes, in the order of its scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassLabels {
    /// By numbers, which need not be the places of the classes.
    Ints(Vec<i64>),
    /// By names.
    Texts(Vec<String>),
}

impl ClassLabels {
    /// Returns the names of the classes, numbers as text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Ints(ints) => ints.iter().map(ToString::to_string).collect(),
            Self::Texts(texts) => texts.clone(),
        }
    }

    /// Returns the number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Returns true where there is no class.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the place of every class among all in ascending order: numbers by size, names by their bytes.
    #[must_use]
    pub fn ranks(&self) -> Vec<usize> {
        fn ranks<T: Ord>(labels: &[T]) -> Vec<usize> {
            labels.iter().map(|label| labels.iter().filter(|other| *other < label).count()).collect()
        }
        match self {
            Self::Ints(ints) => ranks(ints),
            Self::Texts(texts) => ranks(texts),
        }
    }
}

impl Importer<'_> {
    /// The batch of a matrix, and its width where known.
    fn matrix(&self, x: ValueId) -> Result<(Dim, Option<usize>), Refusal> {
        match self.shape(x)?.as_slice() {
            [batch, width] => Ok((*batch, width.fixed())),
            other => opaque(format!("its operand has {} axes, not 2", other.len())),
        }
    }

    /// A matrix of floats, converted where it holds other numbers, as these operators do.
    fn floats(&mut self, node: &Node<'_>, x: ValueId) -> Result<ValueId, Refusal> {
        match self.graph.value(x).dtype {
            Some(DType::F32) => Ok(x),
            Some(_) => self.step(node, Op::Cast { to: DType::F32 }, &[x]),
            None => unknown(format!("the type of `{}` is unknown", self.graph.value(x).name)),
        }
    }

    fn vector(&mut self, node: &Node<'_>, values: Vec<f32>) -> Result<ValueId, Refusal> {
        self.table(node, vec![values.len()], values)
    }

    fn table(&mut self, node: &Node<'_>, shape: Vec<usize>, values: Vec<f32>) -> Result<ValueId, Refusal> {
        match Tensor::new(shape, TensorData::F32(values)) {
            Some(tensor) => Ok(self.constant(node, tensor)),
            None => bad("its parameters do not fit each other"),
        }
    }
    /// Pushes the node unread and says what its outputs are.
    fn carried(&mut self, node: &Node<'_>, reason: &str, outputs: &[(DType, Vec<Dim>)]) -> Done {
        self.opaque(node, reason.to_owned(), false).map_err(Refusal::Bad)?;
        for (name, (dtype, shape)) in node.outputs.iter().zip(outputs) {
            if let Some(&id) = name.and_then(|name| self.by_name.get(name)) {
                self.graph.declare(id, Some(*dtype), Some(shape.clone()));
            }
        }
        Ok(())
    }
}

/// A list of floats; empty where it is left out.
fn numbers(node: &Node<'_>, name: &str) -> Vec<f32> {
    node.attributes.find(name).map_or_else(Vec::new, |attribute| attribute.floats.clone())
}

/// What the classes are called.
fn labels(node: &Node<'_>) -> Result<ClassLabels, Refusal> {
    if let Some(texts) = node.attributes.strings("classlabels_strings")?
        && !texts.is_empty()
    {
        return Ok(ClassLabels::Texts(texts));
    }
    let ints = match node.attributes.ints("classlabels_int64s")? {
        Some(ints) => Some(ints),
        None => node.attributes.ints("classlabels_ints")?,
    };
    Ok(ClassLabels::Ints(ints.unwrap_or_default()))
}

/// Trees: class and scores.
pub(super) fn classifier(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    carried_classifier(importer, node, "a model without gradient")
}

/// A classifier that is carried along for some reason: class and scores.
fn carried_classifier(importer: &mut Importer<'_>, node: &Node<'_>, reason: &str) -> Done {
    let (batch, _) = importer.matrix(node.input(0)?)?;
    let names = labels(node)?;
    let class = if matches!(names, ClassLabels::Texts(_)) { DType::String } else { DType::I64 };
    let width = Dim::Fixed(names.len());
    importer.class_labels = Some(names);
    importer.carried(node, reason, &[(class, vec![batch]), (DType::F32, vec![batch, width])])
}

/// Trees that return numbers.
pub(super) fn tree_regressor(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (batch, _) = importer.matrix(node.input(0)?)?;
    let targets = usize::try_from(node.attributes.int_or("n_targets", 1)?).unwrap_or(1);
    importer.carried(node, "a model without gradient", &[(DType::F32, vec![batch, Dim::Fixed(targets)])])
}

/// Trees that return numbers in the type of their operand.
pub(super) fn tree_ensemble(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let (batch, _) = importer.matrix(x)?;
    let targets = usize::try_from(node.attributes.int_or("n_targets", 1)?).unwrap_or(1);
    let dtype = importer.graph.value(x).dtype.filter(|dtype| dtype.is_float()).unwrap_or(DType::F32);
    importer.carried(node, "a model without gradient", &[(dtype, vec![batch, Dim::Fixed(targets)])])
}

/// A matrix of scores as a list of maps from class to score: the matrix itself.
pub(super) fn zip_map(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    importer.class_labels = Some(labels(node)?);
    importer.maps.extend(node.outputs.iter().flatten().map(|name| (*name).to_owned()));
    importer.finish(node, node.input(0)?)
}

/// (x - offset) scale, one of each for all features or one per feature.
pub(super) fn scaler(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = importer.floats(node, node.input(0)?)?;
    let (offset, scale) = (numbers(node, "offset"), numbers(node, "scale"));
    let mut y = x;
    if !offset.is_empty() {
        let offset = importer.vector(node, offset)?;
        y = importer.step(node, Op::Sub, &[y, offset])?;
    }
    if scale.is_empty() {
        return importer.finish(node, y);
    }
    let scale = importer.vector(node, scale)?;
    importer.emit(node, Op::Mul, vec![Some(y), Some(scale)])
}

/// Rows divided by their largest element, their L1 or their L2 length; rows for which that is 0 stay as they are.
pub(super) fn normalizer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let kind = match node.attributes.string("norm")?.as_deref() {
        None | Some("MAX") => Reduce::Max,
        Some("L1") => Reduce::L1,
        Some("L2") => Reduce::L2,
        Some(other) => return opaque(format!("norm `{other}` is unknown")),
    };
    let x = importer.floats(node, node.input(0)?)?;
    let (batch, _) = importer.matrix(x)?;
    let size = importer.step(node, Op::Reduce { kind, axes: vec![1], keepdims: true }, &[x])?;
    let (zero, one) = (importer.number(node, x, 0.0)?, importer.number(node, x, 1.0)?);
    let none = importer.step(node, Op::Compare(Compare::Equal), &[size, zero])?;
    let size = importer.step(node, Op::Where, &[none, one, size])?;
    importer.graph.declare(size, Some(DType::F32), Some(vec![batch, Dim::Fixed(1)]));
    importer.emit(node, Op::Div, vec![Some(x), Some(size)])
}

/// 1 above the threshold, else 0.
pub(super) fn binarizer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = importer.floats(node, node.input(0)?)?;
    let threshold = node.attributes.float_or("threshold", 0.0)?;
    let threshold = importer.number(node, x, f64::from(threshold))?;
    let above = importer.step(node, Op::Compare(Compare::Greater), &[x, threshold])?;
    importer.emit(node, Op::Cast { to: DType::F32 }, vec![Some(above)])
}

/// A number for each feature in the place of one that stands for a missing value.
pub(super) fn imputer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let missing = node.attributes.float_or("replaced_value_float", f32::NAN)?;
    let imputed = numbers(node, "imputed_value_floats");
    if importer.graph.value(x).dtype != Some(DType::F32) || imputed.is_empty() {
        return opaque("it replaces a value that is not a number in single precision");
    }
    let is_missing = if missing.is_nan() {
        importer.step(node, Op::IsNaN, &[x])?
    } else {
        let missing = importer.number(node, x, f64::from(missing))?;
        importer.step(node, Op::Compare(Compare::Equal), &[x, missing])?
    };
    let imputed = importer.vector(node, imputed)?;
    importer.emit(node, Op::Where, vec![Some(is_missing), Some(imputed), Some(x)])
}

/// For each whole number as many numbers as there are categories, of which that of its own is 1.
pub(super) fn one_hot_encoder(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let Some(categories) = node.attributes.ints("cats_int64s")?.filter(|categories| !categories.is_empty()) else {
        return opaque("its categories are not whole numbers");
    };
    if node.attributes.int_or("zeros", 1)? == 0 {
        return opaque("it fails for values outside its categories (zeros = 0), which no standard operator does");
    }
    let mut x = node.input(0)?;
    let axis = importer.rank(x)?;
    match importer.graph.value(x).dtype {
        Some(DType::I64) => {}
        Some(DType::String) => return opaque("its operand is text"),
        _ => x = importer.step(node, Op::Cast { to: DType::I64 }, &[x])?,
    }
    let x = importer.step(node, Op::Unsqueeze { axes: vec![axis] }, &[x])?;
    let categories = importer.constant(node, Tensor::ints(categories));
    let is_one = importer.step(node, Op::Compare(Compare::Equal), &[x, categories])?;
    importer.emit(node, Op::Cast { to: DType::F32 }, vec![Some(is_one)])
}

/// Columns of a matrix by their numbers.
pub(super) fn array_feature_extractor(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (x, indices) = (node.input(0)?, node.input(1)?);
    importer.matrix(x)?;
    let Ok(columns) = importer.constant_ints(indices) else { return opaque("the columns that it selects are not constant") };
    let columns = importer.constant(node, Tensor::ints(columns));
    importer.emit(node, Op::Gather { axis: 1 }, vec![Some(x), Some(columns)])
}

/// Matrices side by side.
pub(super) fn feature_vectorizer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let mut parts = Vec::with_capacity(node.inputs.len());
    for &input in node.inputs.iter().flatten() {
        importer.matrix(input)?;
        parts.push(Some(importer.floats(node, input)?));
    }
    importer.emit(node, Op::Concat { axis: 1 }, parts)
}

/// x W + b, with the weights as rows of `outputs` times the width of x.
fn affine(importer: &mut Importer<'_>, node: &Node<'_>, outputs: usize) -> Result<ValueId, Refusal> {
    let x = importer.floats(node, node.input(0)?)?;
    let (_, width) = importer.matrix(x)?;
    let weights = numbers(node, "coefficients");
    let intercepts = numbers(node, "intercepts");
    if outputs == 0 || !weights.len().is_multiple_of(outputs) || width.is_some_and(|width| width * outputs != weights.len()) {
        return bad(format!("{} coefficients do not fit {outputs} rows of the width of its operand", weights.len()));
    }
    let width = weights.len() / outputs;
    let mut columns = vec![0.0; weights.len()];
    for (row, values) in weights.chunks(width.max(1)).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            if let Some(cell) = columns.get_mut(column * outputs + row) {
                *cell = value;
            }
        }
    }
    let weights = importer.table(node, vec![width, outputs], columns)?;
    let product = importer.step(node, Op::MatMul, &[x, weights])?;
    match intercepts.len() {
        0 => Ok(product),
        n if n == outputs => {
            let intercepts = importer.vector(node, intercepts)?;
            importer.step(node, Op::Add, &[product, intercepts])
        }
        n => bad(format!("{n} intercepts for {outputs} rows of coefficients")),
    }
}

/// x W + b.
pub(super) fn linear_regressor(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    // ONNX Runtime applies PROBIT alone of the transforms, which has no operator.
    if node.attributes.string("post_transform")?.as_deref() == Some("PROBIT") {
        return opaque("post_transform `PROBIT` has no operator");
    }
    let targets = usize::try_from(node.attributes.int_or("targets", 1)?).unwrap_or(0);
    let y = affine(importer, node, targets)?;
    importer.finish(node, y)
}

/// Class and scores of x W + b; one row of coefficients makes two classes.
pub(super) fn linear_classifier(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let names = labels(node)?;
    let rows = numbers(node, "intercepts").len();
    let transform = node.attributes.string("post_transform")?.unwrap_or_else(|| "NONE".to_owned());
    let known = matches!(transform.as_str(), "NONE" | "LOGISTIC" | "SOFTMAX");
    let fits = rows == names.len() || (rows == 1 && names.len() == 2 && transform == "LOGISTIC");
    if !known || !fits {
        return classifier(importer, node);
    }
    let z = affine(importer, node, rows)?;
    let scores = match (transform.as_str(), rows) {
        ("NONE", _) => z,
        ("SOFTMAX", _) => importer.step(node, Op::Softmax { axis: 1 }, &[z])?,
        // [1 - p, p] for p = sigmoid(z) is softmax([0, z]), which keeps its logits.
        (_, 1) => {
            let zero = importer.number(node, z, 0.0)?;
            let zeros = importer.step(node, Op::Mul, &[z, zero])?;
            let both = importer.step(node, Op::Concat { axis: 1 }, &[zeros, z])?;
            importer.step(node, Op::Softmax { axis: 1 }, &[both])?
        }
        // [sigmoid(-z), sigmoid(z)] is softmax([-z / 2, z / 2]).
        _ if rows == 2 && are_opposite(node) => {
            let half = importer.number(node, z, 0.5)?;
            let halves = importer.step(node, Op::Mul, &[z, half])?;
            importer.step(node, Op::Softmax { axis: 1 }, &[halves])?
        }
        _ => importer.step(node, Op::Sigmoid, &[z])?,
    };
    scored(importer, node, scores)
}

/// Binds the scores of a classifier; the class itself stays unread, and is dropped where nobody asks for it.
fn scored(importer: &mut Importer<'_>, node: &Node<'_>, scores: ValueId) -> Done {
    let class = Node {
        outputs: node.outputs.iter().copied().take(1).collect(),
        inputs: node.inputs.clone(),
        stored: node.stored.clone(),
        attributes: node.attributes.clone(),
        ..*node
    };
    classifier(importer, &class)?;
    let scored = Node { outputs: node.outputs.iter().copied().skip(1).collect(), ..class };
    importer.finish(&scored, scores)
}

/// True where the second of two rows of coefficients is the first with its sign turned.
fn are_opposite(node: &Node<'_>) -> bool {
    ["coefficients", "intercepts"].iter().all(|name| {
        let values = numbers(node, name);
        let (first, second) = values.split_at(values.len() / 2);
        first.len() == second.len() && first.iter().zip(second).all(|(a, b)| (a + b).to_bits() & 0x7fff_ffff == 0)
    })
}
