//! Model-local functions: calls are replaced by the function's nodes.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use prost::Message;
use prost::bytes::Bytes;

use super::{domain, opsets};
use crate::error::ImportError;
use crate::proto::{AttributeProto, FunctionProto, NodeProto};

type Opsets = Rc<BTreeMap<String, i64>>;
/// A node, and the opsets that hold for it.
pub(super) type Inlined = (NodeProto, Opsets);
type Functions<'a> = HashMap<(String, &'a str), &'a FunctionProto>;

/// Nodes of a model after inlining.
const MAX_NODES: usize = 1_000_000;
const MAX_DEPTH: u32 = 32;
/// Bytes of the attributes that inlining repeats.
const MAX_BYTES: usize = 1 << 30;

/// Returns the nodes with all calls expanded, each with the opsets that hold for it.
pub(super) fn inline(nodes: &[NodeProto], functions: &[FunctionProto], model: &Opsets) -> Result<Vec<Inlined>, ImportError> {
    let by_name: Functions<'_> =
        functions.iter().map(|f| ((domain(f.domain.as_deref()), f.name.as_deref().unwrap_or_default()), f)).collect();
    let mut inlined = Vec::with_capacity(nodes.len());
    let mut spent = Spent::default();
    for node in nodes {
        expand(node.clone(), model, &by_name, 0, &mut spent, &mut inlined)?;
    }
    Ok(inlined)
}

/// What inlining has cost so far.
#[derive(Default)]
struct Spent {
    calls: usize,
    bytes: usize,
}

fn too_many() -> ImportError {
    let limit = u64::try_from(MAX_NODES).unwrap_or(u64::MAX);
    ImportError::TooLarge { what: "nodes after inlining", found: limit.saturating_add(1), limit }
}

fn expand(
    node: NodeProto,
    opsets_here: &Opsets,
    functions: &Functions<'_>,
    depth: u32,
    spent: &mut Spent,
    inlined: &mut Vec<Inlined>,
) -> Result<(), ImportError> {
    let key = (domain(node.domain.as_deref()), node.op_type.as_deref().unwrap_or_default());
    let Some(function) = functions.get(&key) else {
        if inlined.len() >= MAX_NODES {
            return Err(too_many());
        }
        inlined.push((node, Rc::clone(opsets_here)));
        return Ok(());
    };
    let fail = |problem: String| ImportError::BadNode {
        node: node.name.clone().unwrap_or_default(),
        op: key.1.to_owned(),
        domain: key.0.clone(),
        opset: opsets_here.get(&key.0).copied().unwrap_or(1),
        problem,
    };
    if depth >= MAX_DEPTH {
        return Err(fail(format!("functions are nested more than {MAX_DEPTH} deep")));
    }
    spent.calls += 1;
    if spent.calls > MAX_NODES {
        return Err(too_many());
    }
    let calls = spent.calls;
    let prefix = format!("{}#{calls}/", function.name.as_deref().unwrap_or_default());
    let mut names: HashMap<&str, String> = HashMap::new();
    for (i, formal) in function.input.iter().enumerate() {
        names.insert(formal, node.input.get(i).cloned().unwrap_or_default());
    }
    for (i, formal) in function.output.iter().enumerate() {
        names.insert(formal, node.output.get(i).filter(|o| !o.is_empty()).cloned().unwrap_or_else(|| format!("{prefix}{formal}")));
    }
    let rename = |name: &String| {
        if name.is_empty() { String::new() } else { names.get(name.as_str()).cloned().unwrap_or_else(|| format!("{prefix}{name}")) }
    };
    let decode =
        |encoded: &Bytes| AttributeProto::decode(encoded.clone()).map_err(|e| fail(format!("an attribute cannot be decoded: {e}")));
    let mut given = HashMap::new();
    for encoded in function.attribute_proto.iter().chain(&node.attribute) {
        let attribute = decode(encoded)?;
        given.insert(attribute.name.clone().unwrap_or_default(), attribute);
    }
    let inner = Rc::new(opsets(&function.opset_import));
    for body in &function.node {
        let mut attributes = Vec::with_capacity(body.attribute.len());
        for encoded in &body.attribute {
            let attribute = decode(encoded)?;
            if attribute.g.is_some() || !attribute.graphs.is_empty() {
                return Err(fail("the function contains a subgraph, which is not supported".to_owned()));
            }
            match attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) {
                None => attributes.push(encoded.clone()),
                Some(name) => {
                    if let Some(value) = given.get(name) {
                        let value = AttributeProto { name: attribute.name.clone(), ..value.clone() };
                        attributes.push(Bytes::from(value.encode_to_vec()));
                    }
                }
            }
        }
        spent.bytes = spent.bytes.saturating_add(attributes.iter().map(Bytes::len).sum());
        if spent.bytes > MAX_BYTES {
            return Err(fail("its body, repeated for every call, is too large".to_owned()));
        }
        let call = NodeProto {
            input: body.input.iter().map(rename).collect(),
            output: body.output.iter().map(rename).collect(),
            name: Some(format!("{prefix}{}", body.name.as_deref().unwrap_or_default())),
            attribute: attributes,
            ..body.clone()
        };
        expand(call, &inner, functions, depth + 1, spent, inlined)?;
    }
    Ok(())
}
