//! The network of the golden files, and what tests of training need of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_autodiff::TrainingLoss;
use brinell_data::{Dataset, Pixels, Truths};
use brinell_engine::{Artefact, Preprocess, QueryGraph, Running, Runtime, RuntimeChoice, open};
use brinell_record::{Method, Optimizer, Recipe, Scale};
use brinell_testkit::{Need, skip};
use brinell_threat::{Ball, InputBox, Norm};
use serde_json::Value;

use crate::net::Net;
use crate::plan::Plan;
use crate::samples::Samples;
use crate::state::State;
use crate::step::Course;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/training")
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

/// The network of the golden files with what a step on it needs.
pub(crate) struct Bench {
    pub(crate) golden: Value,
    pub(crate) query: QueryGraph,
    pub(crate) plan: Plan,
    pub(crate) recipe: Recipe,
    pub(crate) ball: Ball,
    pub(crate) samples: Samples,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bytes = std::fs::read(golden().join("net.onnx")).unwrap();
        let golden: Value = serde_json::from_slice(&std::fs::read(golden().join("training.json")).unwrap()).unwrap();
        let model = brinell_onnx::read(&bytes, None).unwrap();
        let preprocess = Preprocess::new(&Artefact::default(), &[1, 8, 8], &[1, 8, 8]).unwrap();
        let query = QueryGraph::new(&model.graph, &Artefact::default(), None, &Arc::default(), &preprocess).unwrap();
        let plan = Plan::new(Path::new("net.onnx"), &query, brinell_onnx::stored(&bytes).unwrap(), &[], &[]).unwrap();
        let recipe = Recipe {
            method: Method::Pgd,
            clean_weight: 0.3,
            beta: 6.0,
            awp: 0.0,
            steps: 3,
            step_size: 0.8,
            optimizer: Optimizer::Sgd,
            lr: 0.05,
            momentum: 0.9,
            weight_decay: 5e-4,
            clip: 1.0,
            batch: 6,
            lane: 4,
            epochs: 1,
            label_smoothing: 0.0,
            ema: 0.0,
            crop: 0,
            flip: false,
            noise: 0.0,
            seed: 0,
        };
        let labels: Vec<usize> = golden["y"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let data = Dataset {
            path: "golden".into(),
            label_path: None,
            n: labels.len(),
            total: labels.len(),
            rows: Vec::new(),
            pixels: Pixels::F32(floats(&golden["x"])),
            shape: vec![1, 8, 8],
            labels,
            truths: Truths::Classes,
            format: "npy",
            class_names: None,
            ids: Vec::new(),
            columns: Vec::new(),
            resized: 0,
            arrays: Vec::new(),
            notes: Vec::new(),
            exact: Vec::new(),
            sha256: String::new(),
        };
        let samples = Samples::all(Arc::new(data), Scale::Unit);
        let ball = Ball { norm: Norm::Linf, eps: 0.1, bounds: InputBox::UNIT, features: None };
        Self { golden, query, plan, recipe, ball, samples }
    }

    pub(crate) fn net(&self, runtime: &dyn Runtime, loss: TrainingLoss, threads: usize) -> Net {
        Net::new(runtime, &self.query, &self.plan.trained, loss, &[1, 8, 8], threads, self.recipe.lane).unwrap()
    }

    pub(crate) fn course<'a>(&'a self, recipe: &'a Recipe, matrices: &'a [bool]) -> Course<'a> {
        Course { recipe, ball: &self.ball, samples: &self.samples, image: None, total: 10, matrices }
    }

    pub(crate) fn matrices(&self) -> Vec<bool> {
        self.plan.trained.iter().map(|tensor| tensor.stored.shape.len() > 1).collect()
    }

    pub(crate) fn state(&self, optimizer: Optimizer) -> State {
        State::new(optimizer, self.plan.trained.iter().map(|tensor| tensor.values.clone()).collect(), self.recipe.steps, false)
    }

    /// Largest difference from PyTorch, relative to the largest number of a tensor.
    pub(crate) fn gap(&self, found: &[Vec<f32>], expected: &Value) -> f32 {
        let mut most = 0.0f32;
        for (tensor, found) in self.plan.trained.iter().zip(found) {
            let expected = floats(&expected[tensor.stored.name.as_str()]);
            assert_eq!(expected.len(), found.len());
            let size = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
            most = found.iter().zip(&expected).fold(most, |most, (a, b)| most.max((a - b).abs() / size));
        }
        most
    }
}

/// The runtimes at hand, with one thread.
pub(crate) fn runtimes() -> Vec<Arc<dyn Runtime>> {
    let of = |runtime| open(&Running { runtime, threads: std::num::NonZeroUsize::new(1), ..Running::default() });
    let mut found = vec![of(RuntimeChoice::Rten).unwrap()];
    match of(RuntimeChoice::OnnxRuntime) {
        Ok(runtime) => found.push(runtime),
        Err(error) => skip(Need::OnnxRuntime, &error.to_string()),
    }
    found
}

/// rten with one thread.
pub(crate) fn rten() -> Arc<dyn Runtime> {
    open(&Running { runtime: RuntimeChoice::Rten, threads: std::num::NonZeroUsize::new(1), ..Running::default() }).unwrap()
}
