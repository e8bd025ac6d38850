//! Steps of training against PyTorch's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_autodiff::TrainingLoss;
use brinell_data::{Dataset, Pixels, Truths};
use brinell_engine::{Artefact, Preprocess, QueryGraph, Running, Runtime, RuntimeChoice, open};
use brinell_record::{Method, Optimizer, Recipe, Scale};
use brinell_testkit::{Need, skip};
use brinell_threat::{Ball, InputBox, Norm};
use serde_json::Value;

use super::*;
use crate::plan::Plan;

#[test]
fn sums_are_taken_in_pairs() {
    let parts: Vec<Vec<Vec<f32>>> = [1e8, 1.0, -1e8, 1.0, 0.5].iter().map(|&v| vec![vec![v]]).collect();
    let expected = ((1e8f32 + 1.0) + (-1e8 + 1.0)) + 0.5;
    assert_eq!(sum(parts), [[expected]]);
}

#[test]
fn weights_are_pushed_by_a_share_of_their_norm() {
    let found = pushed(&[vec![3.0, 4.0], vec![1.0]], &[vec![0.0, -2.0], vec![1.0]], &[true, false], 0.1);
    assert_eq!(found, [vec![3.0, 3.5], vec![1.0]]);
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/training")
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

/// The network of the golden files with what a step on it needs.
struct Bench {
    golden: Value,
    query: QueryGraph,
    plan: Plan,
    recipe: Recipe,
    ball: Ball,
    samples: Samples,
}

impl Bench {
    fn new() -> Self {
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
            exact: Vec::new(),
            notes: Vec::new(),
            sha256: String::new(),
        };
        let samples = Samples::all(Arc::new(data), Scale::Unit);
        let ball = Ball { norm: Norm::Linf, eps: 0.1, bounds: InputBox::UNIT, features: None };
        Self { golden, query, plan, recipe, ball, samples }
    }

    fn net(&self, runtime: &dyn Runtime, loss: TrainingLoss, threads: usize) -> Net {
        Net::new(runtime, &self.query, &self.plan.trained, loss, &[1, 8, 8], threads, self.recipe.lane).unwrap()
    }

    fn course<'a>(&'a self, recipe: &'a Recipe, matrices: &'a [bool]) -> Course<'a> {
        Course { recipe, ball: &self.ball, samples: &self.samples, image: None, total: 10, matrices }
    }

    fn matrices(&self) -> Vec<bool> {
        self.plan.trained.iter().map(|tensor| tensor.stored.shape.len() > 1).collect()
    }

    fn state(&self, optimizer: Optimizer) -> State {
        State::new(optimizer, self.plan.trained.iter().map(|tensor| tensor.values.clone()).collect(), self.recipe.steps, false)
    }

    fn batch(&self) -> Batch {
        let (x, labels, _) = self.samples.read(0..6);
        Batch { x, attacked: floats(&self.golden["x_adv"]), label: one_hot(&labels, 4, 0.0), labels }
    }

    /// Largest difference from PyTorch, relative to the largest number of a tensor.
    fn gap(&self, found: &[Vec<f32>], expected: &Value) -> f32 {
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
fn runtimes() -> Vec<Arc<dyn Runtime>> {
    let of = |runtime| open(&Running { runtime, threads: std::num::NonZeroUsize::new(1), ..Running::default() });
    let mut found = vec![of(RuntimeChoice::Rten).unwrap()];
    match of(RuntimeChoice::OnnxRuntime) {
        Ok(runtime) => found.push(runtime),
        Err(error) => skip(Need::OnnxRuntime, &error.to_string()),
    }
    found
}

#[test]
fn gradients_of_all_losses_are_those_of_pytorch_on_every_runtime() {
    let bench = Bench::new();
    for runtime in runtimes() {
        for (name, loss) in [
            ("mixed 0", TrainingLoss::Mixed { clean: 0.0 }),
            ("mixed 0.3", TrainingLoss::Mixed { clean: 0.3 }),
            ("trades 6", TrainingLoss::Trades { beta: 6.0 }),
            ("mart 5", TrainingLoss::Mart { beta: 5.0 }),
        ] {
            let mut net = bench.net(runtime.as_ref(), loss, 1);
            let matrices = bench.matrices();
            let found =
                bench.course(&bench.recipe, &matrices).gradients(&mut net, &bench.state(Optimizer::Sgd).weights, &bench.batch()).unwrap();
            let expected = &bench.golden["losses"][name];
            let loss = floats(&expected["loss"]).iter().map(|&loss| f64::from(loss)).sum::<f64>() / 6.0;
            assert!((found.loss - loss).abs() <= 1e-5 * loss, "{name} on {}: {} for {loss}", runtime.name(), found.loss);
            let sums: Vec<Vec<f32>> = found.gradients.iter().map(|gradient| gradient.iter().map(|g| g * 6.0).collect()).collect();
            let gap = bench.gap(&sums, &expected["gradients"]);
            assert!(gap <= 1e-5, "{name} on {}: {gap:e}", runtime.name());
        }
    }
}

#[test]
fn steps_of_both_optimisers_are_those_of_pytorch() {
    let bench = Bench::new();
    let matrices = bench.matrices();
    for runtime in runtimes() {
        for (optimizer, lr) in [(Optimizer::Sgd, 0.05), (Optimizer::Adam, 1e-3)] {
            for awp in [0.0, 0.01] {
                let recipe = Recipe { optimizer, awp, ..bench.recipe.clone() };
                let mut net = bench.net(runtime.as_ref(), TrainingLoss::Mixed { clean: 0.3 }, 1);
                let mut state = bench.state(optimizer);
                for _ in 0..3 {
                    bench.course(&recipe, &matrices).learn(&mut net, &mut state, &bench.batch(), (lr, 0.1), |_| false).unwrap();
                }
                let name = format!("{} {awp:?}", optimizer.name());
                let gap = bench.gap(&state.weights, &bench.golden["steps"][&name]);
                assert!(gap <= 1e-5, "{name} on {}: {gap:e}", runtime.name());
            }
        }
    }
}

#[test]
fn threads_change_no_bit_and_a_checkpoint_none_either() {
    let bench = Bench::new();
    let matrices = bench.matrices();
    let runtime = open(&Running { runtime: RuntimeChoice::Rten, threads: std::num::NonZeroUsize::new(1), ..Running::default() }).unwrap();
    let recipe = Recipe { method: Method::Trades, optimizer: Optimizer::Adam, ema: 0.9, lane: 2, ..bench.recipe.clone() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut ended = Vec::new();
    for threads in [1, 2, 3] {
        let mut net =
            Net::new(runtime.as_ref(), &bench.query, &bench.plan.trained, TrainingLoss::Trades { beta: 6.0 }, &[1, 8, 8], threads, 2)
                .unwrap();
        let fresh = State::new(Optimizer::Adam, bench.state(Optimizer::Adam).weights, 3, true);
        let mut state = fresh.clone();
        for step in 0..4 {
            bench.course(&recipe, &matrices).step(&mut net, &mut state, &[0, 1, 2, 3, 4, 5], |_| false).unwrap();
            state.count.step += 1;
            if step == 1 && threads == 2 {
                state.save(&path, "parent").unwrap();
                state = fresh.load(&path, "parent").unwrap();
                assert!(matches!(fresh.load(&path, "another"), Err(HardenError::Resume { .. })));
            }
        }
        assert_ne!(state.weights, fresh.weights);
        ended.push(state);
    }
    assert_eq!(ended[0], ended[1]);
    assert_eq!(ended[0], ended[2]);
}

#[test]
fn attacked_samples_stay_in_ball_and_box_and_raise_the_loss() {
    let mut bench = Bench::new();
    let matrices = bench.matrices();
    let runtime = open(&Running { runtime: RuntimeChoice::Rten, threads: std::num::NonZeroUsize::new(1), ..Running::default() }).unwrap();
    let mut net = bench.net(runtime.as_ref(), TrainingLoss::Mixed { clean: 0.0 }, 1);
    for (norm, eps) in [(Norm::Linf, 0.1), (Norm::L2, 0.8)] {
        bench.ball = Ball { norm, eps, ..bench.ball.clone() };
        let recipe = Recipe { steps: 7, step_size: 2.5 / 7.0, ..bench.recipe.clone() };
        let mut state = bench.state(Optimizer::Sgd);
        state.count.steps = 7;
        let course = bench.course(&recipe, &matrices);
        let batch = course.attack(&mut net, &state, &[0, 1, 2, 3, 4, 5], eps).unwrap();
        for (x, attacked) in batch.x.chunks(64).zip(batch.attacked.chunks(64)) {
            assert!(bench.ball.distance(x, attacked) <= eps * (1.0 + 1e-5) && attacked.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        let clean = Batch { attacked: batch.x.clone(), ..bench.batch() };
        let before = course.gradients(&mut net, &state.weights, &clean).unwrap().loss;
        let after = course.gradients(&mut net, &state.weights, &batch).unwrap().loss;
        assert!(after > before * 1.1, "{norm}: {before} {after}");
    }
}
