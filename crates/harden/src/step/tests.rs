//! Steps of training against PyTorch's.

use brinell_autodiff::TrainingLoss;
use brinell_record::{Method, Optimizer, Recipe};
use brinell_threat::{Ball, Norm};

use super::*;
use crate::bench::{Bench, floats, rten, runtimes};

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

fn batch(bench: &Bench) -> Batch {
    let (x, labels, _) = bench.samples.read(0..6);
    Batch { x, attacked: floats(&bench.golden["x_adv"]), label: one_hot(&labels, 4, 0.0), labels }
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
                bench.course(&bench.recipe, &matrices).gradients(&mut net, &bench.state(Optimizer::Sgd).weights, &batch(&bench)).unwrap();
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
                    bench.course(&recipe, &matrices).learn(&mut net, &mut state, &batch(&bench), (lr, 0.1), |_| false).unwrap();
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
    let runtime = rten();
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
    let runtime = rten();
    let mut net = bench.net(runtime.as_ref(), TrainingLoss::Mixed { clean: 0.0 }, 1);
    for (norm, eps) in [(Norm::Linf, 0.1), (Norm::L2, 0.8)] {
        bench.ball = Ball { norm, eps, ..bench.ball.clone() };
        let recipe = Recipe { steps: 7, step_size: 2.5 / 7.0, ..bench.recipe.clone() };
        let mut state = bench.state(Optimizer::Sgd);
        state.count.steps = 7;
        let course = bench.course(&recipe, &matrices);
        let found = course.attack(&mut net, &state, &[0, 1, 2, 3, 4, 5], eps).unwrap();
        for (x, attacked) in found.x.chunks(64).zip(found.attacked.chunks(64)) {
            assert!(bench.ball.distance(x, attacked) <= eps * (1.0 + 1e-5) && attacked.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        let clean = Batch { attacked: found.x.clone(), ..batch(&bench) };
        let before = course.gradients(&mut net, &state.weights, &clean).unwrap().loss;
        let after = course.gradients(&mut net, &state.weights, &found).unwrap().loss;
        assert!(after > before * 1.01, "{norm}: {before} {after}");
    }
}
