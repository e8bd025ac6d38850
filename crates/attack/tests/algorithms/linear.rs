//! On a linear model the best attack is known in closed form: attacks must succeed just above that radius and never below.

use crate::model::{Case, Linear, Trace, run};
use brinell_attack::{Recipe, Start, recipe};
use brinell_threat::{Ball, InputBox, Norm};

pub(crate) const DIM: usize = 24;

/// Two logits, `w . (x - x0) + offset` and 0, and the clean input `x0`.
pub(crate) struct Problem {
    pub(crate) model: Linear,
    pub(crate) x: Vec<f32>,
    pub(crate) w: Vec<f64>,
}

/// `inset` is how far the clean input keeps away from the box's sides; the true class wins by `lead`.
pub(crate) fn problem(inset: f32, lead: f64) -> Problem {
    let wave = |k: usize, f: f64| (1.0 + k as f64 * f).sin();
    let w: Vec<f64> = (0..DIM).map(|k| wave(k, 2.3) + 0.1 * wave(k, 0.7)).collect();
    let x: Vec<f32> = (0..DIM).map(|k| inset + (1.0 - 2.0 * inset) * (0.5 + 0.5 * wave(k, 1.9)) as f32).collect();
    let at: f64 = x.iter().zip(&w).map(|(x, w)| f64::from(*x) * w).sum();
    Problem { model: Linear { w: vec![w.clone(), vec![0.0; DIM]], b: vec![lead - at, 0.0] }, x, w }
}

/// The largest drop of `w . x` within radius eps: each element moves against w by at most its room; for L2 the movement is shared out
/// by a Lagrange multiplier, found by plain bisection here.
pub(crate) fn largest_drop(problem: &Problem, norm: Norm, eps: f64) -> f64 {
    let room: Vec<f64> =
        problem.x.iter().zip(&problem.w).map(|(x, w)| if *w > 0.0 { f64::from(*x) } else { 1.0 - f64::from(*x) }).collect();
    let moves = |t: f64| -> Vec<f64> { problem.w.iter().zip(&room).map(|(w, room)| (t * w.abs()).min(*room)).collect() };
    let moved = match norm {
        Norm::Linf => room.iter().map(|room| room.min(eps)).collect(),
        Norm::L2 => {
            let (mut low, mut high) = (0.0, 1e9);
            for _ in 0..200 {
                let t = 0.5 * (low + high);
                let length = moves(t).iter().map(|m| m * m).sum::<f64>().sqrt();
                if length <= eps { low = t } else { high = t }
            }
            moves(low)
        }
        // The largest weights first, each as far as it can go.
        Norm::L1 | Norm::L0 => {
            let mut order: Vec<usize> = (0..room.len()).collect();
            let size = |i: usize| problem.w[i].abs() * if norm == Norm::L0 { room[i] } else { 1.0 };
            order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
            let (mut left, mut moved) = (eps, vec![0.0; room.len()]);
            for i in order {
                moved[i] = if norm == Norm::L0 { room[i] * left.min(1.0).floor() } else { room[i].min(left) };
                left -= if norm == Norm::L0 { left.min(1.0) } else { moved[i] };
            }
            moved
        }
    };
    moved.iter().zip(&problem.w).map(|(m, w)| m * w.abs()).sum()
}

fn attack(recipe: &dyn Recipe, problem: &Problem, norm: Norm, eps: f64, target: Option<usize>) -> (Trace, f64) {
    let ball = Ball { norm, eps, bounds: InputBox::UNIT, features: None };
    let case = Case::new(2, 0, target);
    let start = Start { rivals: case.rivals(&[]), seed: 5, sample: 9, ..Start::new(&problem.x, &ball) };
    let trace = run(recipe.start(&start), &problem.model, recipe.objective(), &case, DIM);
    let margin = trace.best_margin(&ball, &problem.x);
    (trace, margin)
}

#[test]
fn attacks_succeed_just_above_the_threshold_and_never_below() {
    // PGD gets longer steps than its default, whose 2.5 eps in all leave some of the random start in place.
    let every: &[Norm] = &[Norm::Linf, Norm::L2, Norm::L1];
    for (name, norms) in [
        ("pgd:steps=100,step=0.2", &every[..2]),
        ("apgd-ce", every),
        ("apgd-dlr", every),
        ("apgd-margin", every),
        ("apgd-t", every),
        ("apgd-t:order=malt", every),
        ("fab", every),
        ("fab-t", every),
        ("square", &every[..1]),
    ] {
        let recipe = recipe(name).unwrap();
        for &norm in norms {
            // Radius at which the class flips, small enough for the box to stay away, or large enough for it to matter.
            for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.0, 0.9)] {
                for target in [None, Some(1)] {
                    let drop = largest_drop(&problem(inset, 0.0), norm, eps);
                    let easy = problem(inset, largest_drop(&problem(inset, 0.0), norm, eps / 1.01));
                    let (_, margin) = attack(&*recipe, &easy, norm, eps, target);
                    assert!(margin > 0.0, "{name} {norm} {inset} {eps}: {margin:e} of {drop}");
                    let hard = problem(inset, largest_drop(&problem(inset, 0.0), norm, eps * 1.000_001));
                    let (_, margin) = attack(&*recipe, &hard, norm, eps, target);
                    assert!(margin < 0.0, "{name} {norm} {inset} {eps}: {margin:e} of {drop}");
                }
            }
        }
    }
}

#[test]
fn one_step_of_the_full_radius_is_exact_for_a_linear_model_in_linf() {
    let fgsm = recipe("fgsm").unwrap();
    for (inset, eps) in [(0.3, 0.1), (0.0, 0.4)] {
        let lead = largest_drop(&problem(inset, 0.0), Norm::Linf, eps / 1.0001);
        assert!(attack(&*fgsm, &problem(inset, lead), Norm::Linf, eps, None).1 > 0.0);
        let lead = largest_drop(&problem(inset, 0.0), Norm::Linf, eps * 1.0001);
        assert!(attack(&*fgsm, &problem(inset, lead), Norm::Linf, eps, None).1 < 0.0);
    }
}

#[test]
fn the_closed_form_agrees_with_the_support_function() {
    for norm in Norm::ALL {
        for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.0, 0.9), (0.0, 100.0)] {
            let eps = if norm == Norm::L0 { f64::ceil(10.0 * eps) } else { eps };
            let problem = problem(inset, 0.0);
            let against: Vec<f32> = problem.w.iter().map(|w| -*w as f32).collect();
            let support = Ball { norm, eps, bounds: InputBox::UNIT, features: None }.support(&problem.x, &against);
            let drop = largest_drop(&problem, norm, eps);
            assert!((support - drop).abs() < 1e-6 * drop, "{norm} {eps}: {support} {drop}");
        }
    }
}

#[test]
fn radius_zero_asks_only_for_the_clean_input() {
    // FAB and those that look for the smallest change leave the ball.
    let stays = |name: &str| !name.starts_with("fab") && !recipe(name).unwrap().seeks_minimum();
    for listed in brinell_attack::attacks().filter(|attack| stays(attack.name)) {
        for &norm in listed.norms {
            let problem = problem(0.0, 1.0);
            let (trace, _) = attack(&*recipe(listed.name).unwrap(), &problem, norm, 0.0, None);
            assert!(trace.points.iter().all(|x| *x == problem.x), "{} {norm}", listed.name);
        }
    }
}

#[test]
fn runs_cost_what_they_say() {
    for (name, steps) in [("fgsm", 1), ("pgd:steps=40", 40), ("pgd:steps=1", 1), ("apgd-ce:steps=25", 25), ("apgd-margin:steps=1", 1)] {
        let made = recipe(name).unwrap();
        let (trace, _) = attack(&*made, &problem(0.0, 1.0), Norm::Linf, 0.1, None);
        assert_eq!((trace.points.len(), trace.backwards, made.steps()), (steps + 1, steps, steps as u32), "{name}");
    }
}

#[test]
fn random_starts_differ_between_restarts_and_touch_the_ball_in_apgd() {
    let problem = problem(0.45, 1.0);
    for norm in [Norm::Linf, Norm::L2] {
        let ball = Ball { norm, eps: 0.05, bounds: InputBox::UNIT, features: None };
        for (name, touches) in [("pgd", false), ("apgd-ce", true)] {
            let made = recipe(name).unwrap();
            let first = |restart| {
                let mut x = vec![0.0; DIM];
                made.start(&Start { run: restart, ..Start::new(&problem.x, &ball) }).ask(&mut x);
                x
            };
            assert_eq!(first(0), first(0));
            assert_ne!(first(0), first(1));
            let near = ball.distance(&problem.x, &first(0)) / ball.eps;
            assert!(if touches { near > 0.999_99 } else { near < 1.0 }, "{name} {norm} {near}");
        }
    }
}
