//! Gradients that are not the slope of the loss are found out, those that are pass.
#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

#[path = "common/wrong.rs"]
mod wrong;

use std::sync::Arc;

use brinell_engine::{Artefact, Climb, Oracle, Preprocess, Running, Runtime, RuntimeChoice, SlopePoint, Steps, likeness, open};
use brinell_graph::Graph;
use brinell_task::{Classify, Demand, Head, Loss, Objective};
use brinell_testkit::{Rng, conv_net, perceptron};
use wrong::{FAULTS, Wrong};

/// Cosines between which nothing lies: of what is wrong and of what is right.
const WRONG: f64 = 0.9;
const RIGHT: f64 = 0.95;

fn oracle(graph: &Graph, sample: &[usize], runtime: Arc<dyn Runtime>) -> Oracle {
    let preprocess = Preprocess::new(&Artefact::default(), sample, sample).unwrap();
    Oracle::new(graph, &preprocess, runtime, 1).unwrap()
}

fn points(len: usize, classes: usize) -> Vec<SlopePoint> {
    let mut rng = Rng::new(5);
    let point = |sample: usize| {
        let x = rng.array(&[len]).data.iter().map(|v| (*v as f32 + 1.0) / 2.0).collect();
        SlopePoint { x, sample, demand: Demand::class(sample % classes, None), rival: Some((sample + 1) % classes) }
    };
    (0..4).map(point).collect()
}

fn models() -> [(Graph, Vec<usize>); 2] {
    [(perceptron(&[40, 64, 64, 6], 3).unwrap(), vec![40]), (conv_net(3, 8, 6, 2).unwrap(), vec![3, 8, 8])]
}

fn runtimes() -> Vec<Arc<dyn Runtime>> {
    let choices = [RuntimeChoice::Rten, RuntimeChoice::OnnxRuntime];
    choices.into_iter().filter_map(|runtime| open(&Running { runtime, ..Running::default() }).ok()).collect()
}

#[test]
fn the_gradient_of_every_loss_is_its_slope() {
    for runtime in runtimes() {
        for (graph, sample) in models() {
            let mut oracle = oracle(&graph, &sample, Arc::clone(&runtime));
            let len = oracle.sample_len();
            let steps = Steps { widths: vec![1.0; len], least: 0.0, batch: 7 };
            for loss in Loss::ALL {
                let slopes = oracle.slopes(Climb::Loss(loss), &points(len, 6), &steps).unwrap();
                let name = (loss, runtime.name());
                assert!(slopes.cosine.is_some_and(|cosine| cosine > RIGHT), "{name:?} {slopes:?}");
                // DLR is constant around a point whose label has the third largest logit.
                assert!((slopes.points == 4 || loss == Loss::Dlr) && slopes.backwards == 4, "{name:?} {slopes:?}");
                assert!(slopes.forwards >= 4 * 26 && slopes.forwards.is_multiple_of(26), "{name:?} {slopes:?}");
            }
        }
    }
}

#[test]
fn every_fault_of_a_gradient_shows_in_differences_and_beside_another_runtime() {
    for runtime in runtimes() {
        for (graph, sample) in models() {
            for (name, fault) in FAULTS {
                let wrong: Arc<dyn Runtime> = Arc::new(Wrong { inner: Arc::clone(&runtime), fault });
                let mut faulty = oracle(&graph, &sample, wrong);
                let len = faulty.sample_len();
                let (points, steps) = (points(len, 6), Steps { widths: vec![1.0; len], least: 0.0, batch: 64 });
                let slopes = faulty.slopes(Climb::Loss(Loss::CrossEntropy), &points, &steps).unwrap();
                assert!(slopes.cosine.is_some_and(|cosine| cosine < WRONG), "{name} on {}: {slopes:?}", runtime.name());
                let mut honest = faulty.elsewhere(Arc::clone(&runtime), Head::Fused(Loss::CrossEntropy)).unwrap();
                let [a, b] =
                    [&mut faulty, &mut honest].map(|each| each.gradients_at(Climb::Loss(Loss::CrossEntropy), &points, 64).unwrap());
                assert!(likeness(&a, &b, len).is_some_and(|likeness| likeness < WRONG), "{name}");
            }
        }
    }
}

#[test]
fn an_oracle_elsewhere_answers_as_the_first() {
    let (graph, sample) = &models()[1];
    let all = runtimes();
    let mut here = oracle(graph, sample, Arc::clone(&all[0]));
    let len = here.sample_len();
    let points = points(len, 6);
    for runtime in &all {
        let mut there = here.elsewhere(Arc::clone(runtime), Head::Fused(Loss::Dlr)).unwrap();
        let [a, b] = [&mut here, &mut there].map(|each| each.gradients_at(Climb::Loss(Loss::Dlr), &points, 3).unwrap());
        assert!(likeness(&a, &b, len).is_some_and(|likeness| likeness > 0.9999));
    }
}

#[test]
fn scale_changes_nothing_and_a_constant_model_tells_nothing() {
    let (graph, sample) = &models()[0];
    let scaled: Arc<dyn Runtime> = Arc::new(Wrong { inner: runtimes().remove(0), fault: |g| g.iter_mut().for_each(|v| *v *= 1e-3) });
    let mut oracle = oracle(graph, sample, scaled);
    let len = oracle.sample_len();
    let steps = |width: f32| Steps { widths: vec![width; len], least: 0.0, batch: 64 };
    let found = oracle.slopes(Climb::Loss(Loss::Margin), &points(len, 6), &steps(1.0)).unwrap();
    assert!(found.cosine.is_some_and(|cosine| cosine > RIGHT), "{found:?}");
    // Steps of no width move nothing.
    let found = oracle.slopes(Climb::Loss(Loss::Margin), &points(len, 6), &steps(0.0)).unwrap();
    assert_eq!((found.cosine, found.points), (None, 0));
}

#[test]
fn objectives_of_a_task_are_looked_at_as_losses_are() {
    for runtime in runtimes() {
        let (graph, sample) = &models()[0];
        let (mut oracle, task) = (oracle(graph, sample, Arc::clone(&runtime)), Classify::new(6));
        let len = oracle.sample_len();
        let steps = Steps { widths: vec![1.0; len], least: 0.0, batch: 32 };
        for objective in [Objective::LogOdds, Objective::Margin, Objective::RivalMargin, Objective::RivalRatio, Objective::Plane] {
            let slopes = oracle.slopes(Climb::Objective(&task, objective), &points(len, 6), &steps).unwrap();
            assert!(slopes.cosine.is_some_and(|cosine| cosine > RIGHT), "{objective:?} {slopes:?}");
        }
    }
}
