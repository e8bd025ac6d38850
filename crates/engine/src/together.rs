//! Several inputs of a model, attacked as one: each takes some of the values of a sample, as inputs made from the columns of a table do.

use brinell_graph::{DType, Dim, Graph, GraphError, Op, OpaqueOp, ValueId};

use crate::{BatchAxis, Buffer, EngineError, Signature, View};

/// An input of the file that takes some of the attacked values.
#[derive(Debug, Clone, PartialEq)]
pub struct InputPart {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its shape, without the batch.
    pub shape: Vec<usize>,
    /// The first of the values that it takes.
    pub start: usize,
    /// The texts that the values are places of, where it takes text; known with the data.
    pub texts: Vec<String>,
    /// True where its whole numbers pick rows of a table: they are names, and how far two of them lie apart means nothing.
    pub picks: bool,
}

/// What the values in one place of a sample are to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Any number.
    Real,
    /// Whole numbers.
    Whole,
    /// Whole numbers that are names.
    Named,
    /// Places among so many texts.
    Text(usize),
}

impl InputPart {
    /// Returns the number of values that it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns true where it takes no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what its values are.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self.dtype {
            DType::String => ValueKind::Text(self.texts.len()),
            _ if self.picks => ValueKind::Named,
            dtype if dtype.is_float() => ValueKind::Real,
            _ => ValueKind::Whole,
        }
    }
}

/// Inputs that are attacked together, and the graph in which they are one.
#[derive(Debug, Clone)]
pub struct Together {
    /// Takes all values as one input in f32, and has the other inputs as they are.
    pub graph: Graph,
    /// Name of that input.
    pub name: String,
    /// The inputs of the file, in the order of the values.
    pub parts: Vec<InputPart>,
}

/// Returns the name of inputs that are attacked together.
#[must_use]
pub fn joined_name(names: &[&str]) -> String {
    names.join(",")
}

/// Makes inputs of a graph one: those that `name` lists, separated by commas, or all. `None` where they are no rows of values: of another rank than 1 or 2,
/// of a width that is not known, or of another batch than the first.
///
/// # Guarantees
/// For values that the types of the inputs hold, the graph computes what the file computes. Whole numbers that the file turns into real ones at once
/// are real numbers in it, so that gradients reach them.
///
/// # Errors
/// [`GraphError`] where an operator does not take its operands any more.
pub fn together(graph: &Graph, name: Option<&str>) -> Result<Option<Together>, GraphError> {
    let Some(chosen) = chosen(graph, name) else { return Ok(None) };
    let mut parts: Vec<InputPart> = Vec::with_capacity(chosen.len());
    let mut batch: Option<Dim> = None;
    for &id in &chosen {
        let value = graph.value(id);
        let (Some(dtype), Some([first, rest @ ..])) = (value.dtype, graph.shape(id)) else { return Ok(None) };
        let sizes: Option<Vec<usize>> = rest.iter().map(|dim| dim.fixed()).collect();
        let fits = matches!(first, Dim::Batch(1) | Dim::Fixed(_)) && *batch.get_or_insert(*first) == *first && rest.len() <= 1;
        let Some(shape) = sizes.filter(|sizes| fits && !sizes.contains(&0)) else { return Ok(None) };
        if dtype == DType::String && shape.iter().product::<usize>() != 1 {
            return Ok(None);
        }
        let start = parts.last().map_or(0, |part| part.start + part.len());
        let picks = !dtype.is_float() && graph.nodes().iter().any(|node| picks(&node.op, node.inputs.get(1).copied().flatten(), id));
        parts.push(InputPart { name: value.name.clone(), dtype, shape, start, texts: Vec::new(), picks });
    }
    let Some(batch) = batch else { return Ok(None) };
    let name = joined_name(&parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>());
    let width = parts.last().map_or(0, |part| part.start + part.len());
    let mut joined = Graph::new(graph.name.clone());
    let all = joined.input(&name, DType::F32, vec![batch, Dim::Fixed(width)]);
    let mut bindings = Vec::with_capacity(parts.len());
    for (&id, part) in chosen.iter().zip(&parts) {
        bindings.push((id, own_input(&mut joined, all, part, batch, becomes_real(graph, id))?));
    }
    let values = joined.splice(graph, &bindings)?;
    joined.set_outputs(graph.outputs().iter().filter_map(|id| values.get(id).copied()).collect());
    Ok(Some(Together { graph: joined, name, parts }))
}

/// The inputs that are to be one; `None` where these are not two or more.
fn chosen(graph: &Graph, name: Option<&str>) -> Option<Vec<ValueId>> {
    let of = |wanted: &str| graph.inputs().iter().copied().find(|&id| graph.value(id).name == wanted);
    let chosen: Vec<ValueId> = match name {
        None => graph.inputs().to_vec(),
        // An input may have a comma in its name.
        Some(name) if of(name).is_some() => return None,
        Some(name) => name.split(',').map(|part| of(part).or_else(|| of(part.trim()))).collect::<Option<_>>()?,
    };
    let is_twice = chosen.iter().enumerate().any(|(place, id)| chosen.iter().skip(place + 1).any(|other| other == id));
    (chosen.len() > 1 && !is_twice).then_some(chosen)
}

/// True where a node picks rows of a table by the numbers of an input.
fn picks(op: &Op, indices: Option<ValueId>, input: ValueId) -> bool {
    matches!(op, Op::Gather { axis: 0 }) && indices == Some(input)
}

/// True where all that an input of whole numbers goes into are conversions to real ones.
fn becomes_real(graph: &Graph, input: ValueId) -> bool {
    let mut users = graph.nodes().iter().filter(|node| node.inputs.contains(&Some(input)));
    users.all(|node| matches!(node.op, Op::Cast { to } if to.is_float())) && !graph.outputs().contains(&input)
}

/// Takes the values of an input out of all of them, in its own type where that makes a difference.
fn own_input(graph: &mut Graph, all: ValueId, part: &InputPart, batch: Dim, becomes_real: bool) -> Result<ValueId, GraphError> {
    let (start, end) = (part.start as i64, (part.start + part.len()) as i64);
    let mut value = graph.add(Op::Slice { axes: vec![1], starts: vec![start], ends: vec![end], steps: vec![1] }, &[all])?;
    if part.shape.is_empty() {
        value = graph.add(Op::Reshape { shape: vec![batch] }, &[value])?;
    }
    match part.dtype {
        DType::F32 => Ok(value),
        DType::String => {
            let op = OpaqueOp {
                domain: "brinell.table".to_owned(),
                op_type: "Text".to_owned(),
                opset: 1,
                attributes: Vec::new(),
                reason: "text is looked up by its place among all texts of the column".to_owned(),
                follows: false,
                captures: 0,
            };
            let made = graph.push(&part.name, Op::Opaque(op), vec![Some(value)], &[Some(part.name.as_str())])?;
            let text = made.into_iter().flatten().next().unwrap_or(value);
            let shape = std::iter::once(batch).chain(part.shape.iter().map(|&n| Dim::Fixed(n))).collect();
            graph.declare(text, Some(DType::String), Some(shape));
            Ok(text)
        }
        dtype if dtype.is_float() => graph.add(Op::Cast { to: dtype }, &[value]),
        _ if becomes_real => Ok(value),
        dtype => {
            let whole = graph.add(Op::Round, &[value])?;
            graph.add(Op::Cast { to: dtype }, &[whole])
        }
    }
}

/// What a session on the file is fed for attacked values: each of its inputs in its own type.
pub(crate) struct OwnFeeds {
    feeds: Vec<OwnFeed>,
}

struct OwnFeed {
    name: String,
    data: Buffer,
    /// Shape of a call.
    shape: Vec<usize>,
    has_batch: bool,
    start: usize,
    len: usize,
    texts: Vec<String>,
}

impl OwnFeeds {
    /// # Errors
    /// [`EngineError::FeedType`] where the attacked input holds no numbers.
    pub(crate) fn new(signature: &Signature) -> Result<Self, EngineError> {
        let feed = |name: &str, dtype: DType, shape: &[usize], start: usize, texts: &[String]| {
            let wrong = || EngineError::FeedType { name: name.to_owned(), expected: dtype, found: DType::F32 };
            let has_batch = signature.batch == BatchAxis::Leading;
            Ok(OwnFeed {
                name: name.to_owned(),
                data: Buffer::empty(dtype).ok_or_else(wrong)?,
                shape: has_batch.then_some(0).into_iter().chain(shape.iter().copied()).collect(),
                has_batch,
                start,
                len: shape.iter().product(),
                texts: texts.to_vec(),
            })
        };
        let feeds = if signature.parts.is_empty() {
            vec![feed(&signature.input_name, signature.dtype, &signature.sample, 0, &[])?]
        } else {
            signature
                .parts
                .iter()
                .map(|part| feed(&part.name, part.dtype, &part.shape, part.start, &part.texts))
                .collect::<Result<_, _>>()?
        };
        Ok(Self { feeds })
    }

    /// Forgets all samples.
    pub(crate) fn clear(&mut self) {
        for feed in &mut self.feeds {
            feed.data.clear();
            if let Some(first) = feed.shape.first_mut().filter(|_| feed.has_batch) {
                *first = 0;
            }
        }
    }

    /// Adds a sample, as the model takes it; of inputs in double precision the `exact` numbers that the values stand for, where they are given.
    pub(crate) fn push(&mut self, ready: &[f32], exact: Option<&[f64]>) {
        for feed in &mut self.feeds {
            let range = feed.start..feed.start + feed.len;
            let own = ready.get(range.clone()).unwrap_or_default();
            match (&mut feed.data, exact.and_then(|exact| exact.get(range))) {
                (Buffer::Text(data), _) => data.extend(own.iter().map(|&place| text_at(&feed.texts, place))),
                (Buffer::F64(data), Some(exact)) => data.extend_from_slice(exact),
                (data, _) => data.extend_from_f32(own),
            }
            if let Some(first) = feed.shape.first_mut().filter(|_| feed.has_batch) {
                *first += 1;
            }
        }
    }

    /// Borrows them for a session.
    pub(crate) fn views(&self) -> impl Iterator<Item = (&str, View<'_>)> {
        self.feeds.iter().map(|feed| (feed.name.as_str(), View { shape: &feed.shape, data: feed.data.elements() }))
    }
}

/// The text in the nearest place that there is.
fn text_at(texts: &[String], place: f32) -> String {
    texts.get((place.round().max(0.0) as usize).min(texts.len().saturating_sub(1))).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Artefact, Elements};

    /// pay + (float) age, and a city that nothing looks at.
    fn model() -> Graph {
        let mut graph = Graph::new("g");
        let column = || vec![Dim::Batch(1), Dim::Fixed(1)];
        let age = graph.input("age", DType::I64, column());
        let _city = graph.input("city", DType::String, column());
        let pay = graph.input("pay", DType::F32, column());
        let age = graph.add(Op::Cast { to: DType::F32 }, &[age]).unwrap();
        let sum = graph.add(Op::Add, &[pay, age]).unwrap();
        graph.output(sum);
        graph
    }

    #[test]
    fn inputs_become_one_and_are_fed_in_their_own_types() {
        let Together { graph, name, mut parts } = together(&model(), None).unwrap().unwrap();
        assert_eq!((name.as_str(), graph.inputs().len()), ("age,city,pay", 1));
        assert_eq!(graph.shape(graph.inputs()[0]), Some([Dim::Batch(1), Dim::Fixed(3)].as_slice()));
        assert!(!graph.nodes().iter().any(|node| node.op == Op::Round), "gradients reach a number that becomes real at once");
        parts[1].texts = ["lima", "oslo"].map(str::to_owned).to_vec();
        let kinds: Vec<ValueKind> = parts.iter().map(InputPart::kind).collect();
        assert_eq!(kinds, [ValueKind::Whole, ValueKind::Text(2), ValueKind::Real]);
        let mut signature = Signature::of(&graph, &Artefact::default()).unwrap();
        signature.parts = parts;
        let mut feeds = OwnFeeds::new(&signature).unwrap();
        feeds.push(&[30.0, 1.0, 0.5], None);
        feeds.push(&[41.4, 0.0, 0.25], Some(&[7.0; 3]));
        let views: Vec<(&str, View<'_>)> = feeds.views().collect();
        assert!(views.iter().all(|(_, view)| view.shape == [2, 1]));
        let text = ["oslo".to_owned(), "lima".to_owned()];
        assert!(matches!(views[0], ("age", View { data: Elements::I64([30, 41]), .. })));
        assert!(matches!(views[1], ("city", View { data: Elements::Text(found), .. }) if *found == text));
        assert!(matches!(views[2], ("pay", View { data: Elements::F32([0.5, 0.25]), .. })));
    }

    #[test]
    fn some_inputs_are_named_and_the_others_stay() {
        let some = together(&model(), Some("age, pay")).unwrap().unwrap();
        let names: Vec<&str> = some.graph.inputs().iter().map(|&id| some.graph.value(id).name.as_str()).collect();
        assert_eq!(names, ["age,pay", "city"]);
        for name in ["age", "age,age", "age,nobody"] {
            assert!(together(&model(), Some(name)).unwrap().is_none(), "{name}");
        }
    }

    #[test]
    fn numbers_that_pick_rows_are_names_and_images_are_no_columns() {
        let mut graph = Graph::new("g");
        let id = graph.input("id", DType::I64, vec![Dim::Batch(1)]);
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
        let table = brinell_graph::Tensor::new(vec![3, 2], brinell_graph::TensorData::F32(vec![0.5; 6])).unwrap();
        let table = graph.constant("table", table);
        let row = graph.add(Op::Gather { axis: 0 }, &[table, id]).unwrap();
        let sum = graph.add(Op::Add, &[row, x]).unwrap();
        graph.output(sum);
        let joined = together(&graph, None).unwrap().unwrap();
        assert_eq!(joined.parts.iter().map(InputPart::kind).collect::<Vec<_>>(), [ValueKind::Named, ValueKind::Real]);
        assert_eq!((joined.parts[1].start, joined.parts[1].len()), (1, 2));
        graph.input("picture", DType::F32, vec![Dim::Batch(1), Dim::Fixed(3), Dim::Fixed(8), Dim::Fixed(8)]);
        assert!(together(&graph, None).unwrap().is_none());
    }
}
