//! Attacks that see no gradient, on models whose nearest change is known in closed form and on models that give them nothing to see.

use crate::model::Case;
use brinell_attack::{Knowledge, Need, Next, Reply, Start, recipe};
use brinell_task::Task;
use brinell_threat::{Ball, InputBox, Norm};

const DIM: usize = 24;
/// Queries after which a run counts as endless.
const ENDLESS: usize = 60_000;

type Logits<'a> = &'a dyn Fn(&[f32]) -> Vec<f32>;

fn wave(k: usize, f: f64) -> f64 {
    (1.0 + k as f64 * f).sin()
}

/// A clean input; `inset` is how far it keeps away from the box's sides.
fn clean(inset: f64) -> Vec<f32> {
    (0..DIM).map(|k| (inset + (1.0 - 2.0 * inset) * (0.5 + 0.5 * wave(k, 1.9))) as f32).collect()
}

fn weights(f: f64) -> Vec<f32> {
    (0..DIM).map(|k| wave(k, f) as f32).collect()
}

fn dot(a: &[f32], b: impl Iterator<Item = f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum()
}

/// The logit `w . (x - x0) - lead`, which reaches zero at a distance of exactly `eps` from `x0`.
fn rival(w: &[f32], x0: &[f32], norm: Norm, eps: f64) -> impl Fn(&[f32]) -> f32 + use<> {
    let lead = Ball { norm, eps, bounds: InputBox::UNIT, features: None }.support(x0, w);
    let (w, x0) = (w.to_vec(), x0.to_vec());
    move |x| (dot(&w, x.iter().zip(&x0).map(|(x, x0)| f64::from(*x) - f64::from(*x0))) - lead) as f32
}

/// What a run of at most `limit` queries came to: the distance of the nearest adversarial point, queries, and the points.
struct Outcome {
    nearest: f64,
    points: Vec<Vec<f32>>,
}

fn attack_with(start: &Start<'_>, case: &Case, spec: &str, model: Logits<'_>, limit: usize) -> Outcome {
    let made = recipe(spec).unwrap();
    let mut attack = made.start(start);
    let mut outcome = Outcome { nearest: f64::INFINITY, points: Vec::new() };
    let mut x = vec![f32::NAN; start.x.len()];
    while outcome.points.len() < limit {
        let need = attack.ask(&mut x);
        assert!(x.iter().all(|v| start.ball.bounds.contains(*v)), "{spec} leaves the box");
        outcome.points.push(x.clone());
        let logits = model(&x);
        let reached = case.task.reached(&logits, case.posed());
        if reached {
            outcome.nearest = outcome.nearest.min(start.ball.distance(start.x, &x));
        }
        let reply = match need {
            Need::Verdict => Reply { reached, ..Reply::UNTOLD },
            Need::Values => case.reply(&logits, case.task.loss(made.objective(), &logits, case.posed(), None), &[]),
            Need::Gradient => unreachable!("{spec} asks for a gradient"),
        };
        if attack.tell(&reply) == Next::Done {
            break;
        }
    }
    outcome
}

fn attack(spec: &str, model: Logits<'_>, x: &[f32], ball: &Ball, target: Option<usize>, classes: usize) -> Outcome {
    // Another input of the data: here a corner of the box on the rival's side, which noise alone does not always find.
    let corner: Vec<f32> = weights(2.3).iter().map(|w| if *w > 0.0 { 1.0 } else { 0.0 }).collect();
    let case = Case::new(classes, 0, target);
    let start = Start { rivals: case.rivals(&[]), guide: Some(&corner), seed: 5, sample: 9, ..Start::new(x, ball) };
    attack_with(&start, &case, spec, model, ENDLESS)
}

/// Attacks that see labels only, with settings that bring them near their end on a small input.
const LABEL: [(&str, &[Norm]); 3] =
    [("hopskipjump:steps=25", &[Norm::L2, Norm::Linf]), ("surfree:steps=1500", &[Norm::L2]), ("boundary:steps=8000", &[Norm::L2])];
const SCORE: [&str; 2] = ["nes:pairs=50", "spsa:pairs=50"];
/// The same and short, where it does not matter how far they come.
const SHORT: [(&str, &[Norm]); 5] = [
    ("hopskipjump:steps=6", &[Norm::L2, Norm::Linf]),
    ("surfree:steps=150", &[Norm::L2]),
    ("boundary:steps=400", &[Norm::L2]),
    ("nes:steps=6,pairs=3", &[Norm::L2, Norm::Linf]),
    ("spsa:steps=6,pairs=3", &[Norm::L2, Norm::Linf]),
];

#[test]
fn attacks_from_labels_come_within_five_percent_of_the_nearest_change() {
    for (spec, norms) in LABEL {
        for &norm in norms {
            for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.1, 0.5)] {
                let (x, ball) = (clean(inset), Ball::unlimited(norm, InputBox::UNIT));
                let eps = if norm == Norm::L2 { 2.0 * eps } else { eps };
                let one = rival(&weights(2.3), &x, norm, eps);
                // A third class as far on the other side: wherever a search begins, the nearest change is the same.
                let mirrored: Vec<f32> = weights(2.3).iter().map(|w| -w).collect();
                let other = rival(&mirrored, &x, norm, eps);
                let models: [(Logits<'_>, usize); 2] = [(&|x| vec![0.0, one(x)], 2), (&|x| vec![0.0, one(x), other(x)], 3)];
                for (model, classes) in models {
                    let found = attack(spec, model, &x, &ball, None, classes).nearest;
                    assert!(found > eps * (1.0 - 1e-5) && found < 1.05 * eps, "{spec} {norm} {inset} {classes} classes: {found} of {eps}");
                }
                let found = attack(spec, models[0].0, &x, &ball, Some(1), 2).nearest;
                assert!(found < 1.05 * eps, "{spec} {norm} {inset} targeted: {found} of {eps}");
            }
        }
    }
}

#[test]
fn attacks_from_scores_succeed_above_the_threshold_and_never_below() {
    for spec in SCORE {
        for norm in [Norm::Linf, Norm::L2] {
            for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.1, 0.5)] {
                for target in [None, Some(1)] {
                    let (x, ball) = (clean(inset), Ball { norm, eps, bounds: InputBox::UNIT, features: None });
                    let easy = rival(&weights(2.3), &x, norm, eps / 1.05);
                    let found = attack(spec, &|x| vec![0.0, easy(x)], &x, &ball, target, 2);
                    assert!(found.nearest <= eps, "{spec} {norm} {inset} {eps}");
                    assert!(found.points.iter().all(|point| ball.distance(&x, point) <= eps), "{spec} {norm} leaves the ball");
                    let hard = rival(&weights(2.3), &x, norm, eps * 1.000_001);
                    let found = attack(spec, &|x| vec![0.0, hard(x)], &x, &ball, target, 2);
                    assert!(found.nearest.is_infinite(), "{spec} {norm} {inset} {eps}");
                }
            }
        }
    }
}

#[test]
fn what_does_not_change_the_decision_changes_no_point() {
    let (x, shift) = (clean(0.2), 32.0);
    let order = [2, 0, 1];
    for (spec, norm) in SHORT.into_iter().flat_map(|(spec, norms)| norms.iter().map(move |norm| (spec, *norm))) {
        let ball = Ball { norm, eps: 0.8, bounds: InputBox::UNIT, features: None };
        // Multiples of a power of two, so that neither shift nor scale rounds, and never zero, so that no two are equal.
        let grid = |v: f32| ((v * 4096.0).floor() + 0.5) / 4096.0;
        let (one, two) = (rival(&weights(2.3), &x, norm, 0.5), rival(&weights(0.7), &x, norm, 0.6));
        let logits = |x: &[f32]| vec![0.0, grid(one(x)), grid(two(x))];
        let points = |label: usize, model: Logits<'_>| {
            let case = Case::new(3, label, None);
            attack_with(&Start { seed: 5, sample: 9, ..Start::new(&x, &ball) }, &case, spec, model, 3000).points
        };
        let plain = points(0, &logits);
        assert!(plain == points(0, &|x| logits(x).iter().map(|z| z + shift).collect()), "{spec}: a constant added to all logits");
        assert!(plain == points(0, &|x| logits(x).iter().map(|z| z * 0.25 - 64.0).collect()), "{spec}: scaled and negative logits");
        assert!(
            plain
                == points(1, &|x| {
                    let z = logits(x);
                    order.iter().map(|&k| z[k]).collect()
                }),
            "{spec}: classes in another order"
        );
    }
}

#[test]
fn a_goal_out_of_reach_ends_the_search() {
    let x = clean(0.2);
    for (spec, norms) in LABEL {
        let ball = Ball::unlimited(norms[0], InputBox::UNIT);
        let constant = attack(spec, &|_| vec![1.0, 0.0, -1.0], &x, &ball, None, 3);
        assert!(constant.nearest.is_infinite() && constant.points.len() < 200, "{spec}: {}", constant.points.len());
        let one = rival(&weights(2.3), &x, norms[0], 0.4);
        let never = attack(spec, &|x| vec![0.0, one(x), -99.0], &x, &ball, Some(2), 3);
        assert!(never.nearest.is_infinite() && never.points.len() < 200, "{spec}: {}", never.points.len());
        let silent = attack(spec, &|_| vec![f32::NAN, 0.0], &x, &ball, None, 2);
        assert!(silent.nearest.is_infinite() && silent.points.len() < 200, "{spec}: {}", silent.points.len());
    }
}

#[test]
fn a_guide_and_an_example_are_where_the_search_starts() {
    let x = clean(0.2);
    // The target is predicted in a corner that no noise finds.
    let corner: Vec<f32> = x.iter().map(|v| if *v > 0.5 { 0.0 } else { 1.0 }).collect();
    let near = |x: &[f32]| dot(&[1.0; DIM], x.iter().zip(&corner).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()));
    let model = |x: &[f32]| vec![0.0, if near(x) < 3.0 { 1.0 } else { -1.0 }];
    let ball = Ball::unlimited(Norm::L2, InputBox::UNIT);
    for (spec, _) in LABEL {
        let case = Case::new(2, 0, Some(1));
        let start = Start { rivals: case.rivals(&[]), ..Start::new(&x, &ball) };
        assert!(attack_with(&start, &case, spec, &model, 3000).nearest.is_infinite(), "{spec}");
        let from_corner = ball.distance(&x, &corner);
        for start in [Start { guide: Some(&corner), ..start }, Start { found: Some(&corner), ..start }] {
            let outcome = attack_with(&start, &case, spec, &model, 3000);
            assert_eq!(outcome.points[0], corner, "{spec}");
            assert!(outcome.nearest < 0.95 * from_corner, "{spec}: {} of {from_corner}", outcome.nearest);
        }
    }
}

#[test]
fn degenerate_inputs_give_finite_points_and_an_end() {
    for (spec, norms) in SHORT {
        for &norm in norms {
            for (shape, eps) in
                [(&[1, 1, 1][..], 0.3), (&[1][..], 0.3), (&[1, 4, 6][..], 0.5), (&[4, 6, 1][..], 0.5), (&[24][..], 0.5), (&[5, 3][..], 0.5)]
            {
                let n = shape.iter().product();
                for value in [0.0f32, 0.25, 1.0] {
                    let x = vec![value; n];
                    let ball = Ball { norm, eps, bounds: InputBox::UNIT, features: None };
                    let start = Start { shape, ..Start::new(&x, &ball) };
                    let mean = |x: &[f32]| x.iter().sum::<f32>() / x.len() as f32;
                    // Wrong already; wrong nearby; wrong nowhere; no answer at all.
                    let models: [Logits<'_>; 4] =
                        [&|_| vec![0.0, 1.0], &|x| vec![0.0, (mean(x) - value).abs() - 0.05], &|_| vec![1.0, 1.0], &|_| {
                            vec![f32::NAN, f32::INFINITY]
                        }];
                    for (k, model) in models.into_iter().enumerate() {
                        let outcome = attack_with(&start, &Case::new(2, 0, None), spec, model, ENDLESS);
                        assert!(outcome.points.len() < ENDLESS, "{spec} {shape:?} {value} model {k}");
                        assert!(k != 0 || outcome.nearest <= 1e-2, "{spec} {shape:?} {value}: {}", outcome.nearest);
                        assert!(k < 2 || outcome.nearest.is_infinite());
                    }
                }
            }
        }
    }
}

#[test]
fn every_attack_without_gradients_is_in_the_tables_of_this_file() {
    // Square and Sparse-RS have their own.
    let own = ["square", "sparse-rs"];
    for listed in brinell_attack::attacks().filter(|attack| attack.knowledge != Knowledge::White && !own.contains(&attack.name)) {
        let mut known = LABEL.map(|(spec, _)| spec).into_iter().chain(SCORE);
        assert!(known.any(|spec| spec.split(':').next() == Some(listed.name)), "{}", listed.name);
    }
}
