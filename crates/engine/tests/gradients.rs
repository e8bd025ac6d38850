//! Gradient graphs of every operator on both runtimes in f32, against PyTorch's f64 autograd (the golden files).
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use brinell_autodiff::vjp;
use brinell_engine::{Elements, Runtime, RuntimeChoice, RuntimeSettings, View, open};
use brinell_graph::DType;
use brinell_testkit::{Array, Case, GOLDEN_FAMILIES, Tolerance, Variant, golden_cases};

/// The elements of a feed in the type that the graph declares.
enum Typed {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Typed {
    fn new(array: &Array, dtype: Option<DType>) -> Self {
        match dtype {
            Some(DType::I64) => Self::I64(array.data.iter().map(|&x| x as i64).collect()),
            Some(DType::Bool) => Self::Bool(array.data.iter().map(|&x| x != 0.0).collect()),
            _ => Self::F32(array.data.iter().map(|&x| x as f32).collect()),
        }
    }

    fn elements(&self) -> Elements<'_> {
        match self {
            Self::F32(data) => Elements::F32(data),
            Self::I64(data) => Elements::I64(data),
            Self::Bool(data) => Elements::Bool(data),
        }
    }
}

/// Returns what is wrong with the gradients of a case on a runtime.
fn problems(runtime: &dyn Runtime, case: &Case, variant: Variant) -> Result<Vec<String>, String> {
    let differentiated = case.differentiate(variant, vjp).map_err(|e| e.to_string())?;
    let graph = differentiated.graph.dce();
    let bytes = brinell_onnx::write(&graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&bytes).map_err(|e| e.to_string())?;
    let used = |name: &str| session.inputs().iter().any(|port| port.name == name);
    let feeds: Vec<_> = differentiated.feeds.iter().filter(|(name, _)| used(name)).collect();
    let dtype = |name: &str| graph.find(name).and_then(|id| graph.value(id).dtype);
    let typed: Vec<Typed> = feeds.iter().map(|(name, array)| Typed::new(array, dtype(name))).collect();
    let views = feeds.iter().zip(&typed).map(|((name, array), typed)| {
        let view = View { shape: &array.shape, data: typed.elements() };
        (name.as_str(), view)
    });
    let mut found = vec![None; differentiated.expected.len()];
    let mut sink = |i: usize, view: View<'_>| {
        found[i] = view.data.as_f32().map(|data| Array::new(view.shape, data.iter().map(|&x| f64::from(x)).collect()));
    };
    session.run(&views.collect::<Vec<_>>(), &mut sink).map_err(|e| e.to_string())?;
    let mut wrong = Vec::new();
    for ((name, expected), found) in differentiated.expected.iter().zip(found) {
        match found {
            Some(found) => wrong.extend(Tolerance::Loose.compare(&found, expected).map(|problem| format!("{name}: {problem}"))),
            None => wrong.push(format!("{name}: no f32 output")),
        }
    }
    Ok(wrong)
}

/// Cases that a runtime refuses, which it must say: (runtime, part of the case's name, why).
const REFUSED: [(&str, &str, &str); 6] = [
    ("onnxruntime", "max_pool_2d_ceil_drops", "ONNX's shape inference counts a window that starts behind the input; files get pads"),
    ("rten", "conv_3d", "rten convolves in one or two spatial dimensions"),
    ("rten", "conv_transpose_3d", "the same"),
    ("rten", "pool_3d", "rten pools in one or two spatial dimensions"),
    ("rten", "pool_1d_dilation", "rten's MaxPool has no dilations"),
    ("rten", "pool_2d_dilation", "the same"),
];

fn is_refused(runtime: &dyn Runtime, case: &Case) -> bool {
    REFUSED.iter().any(|(name, part, _)| *name == runtime.name() && case.name.contains(part) && !case.name.starts_with("global"))
}

/// Returns the cases that fail on a runtime, each with what is wrong.
fn failures(runtime: &dyn Runtime) -> Vec<String> {
    let mut failures = Vec::new();
    for family in GOLDEN_FAMILIES {
        let cases = match golden_cases(family) {
            Ok(cases) => cases,
            Err(error) => return vec![error.to_string()],
        };
        for case in &cases {
            for variant in case.variants() {
                let problems = match problems(runtime, case, variant) {
                    Ok(problems) if is_refused(runtime, case) => vec![format!("is not refused any more: {problems:?}")],
                    Err(_) if is_refused(runtime, case) => Vec::new(),
                    found => found.unwrap_or_else(|problem| vec![problem]),
                };
                failures.extend(problems.into_iter().map(|problem| format!("{family}, {} ({variant:?}): {problem}", case.name)));
            }
        }
    }
    failures
}

#[test]
fn rten_agrees_with_pytorch() {
    let runtime = open(RuntimeChoice::Rten, &RuntimeSettings::default()).unwrap();
    let failures = failures(runtime.as_ref());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn onnxruntime_agrees_with_pytorch() {
    match open(RuntimeChoice::OnnxRuntime, &RuntimeSettings::default()) {
        Ok(runtime) => {
            let failures = failures(runtime.as_ref());
            assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
        }
        Err(error) => println!("skipped on ONNX Runtime: {error}"),
    }
}
