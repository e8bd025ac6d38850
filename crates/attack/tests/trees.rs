//! The search for leaves beside a look at every cell that the thresholds of small random ensembles cut.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use brinell_attack::{Next, Reply, Start, recipe};
use brinell_engine::{Branch, Decision, Ensemble};
use brinell_threat::{Ball, Change, Eps, Feature, Features, Goal, InputBox, Norm, Values};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIM: usize = 4;

/// Trees of depth up to 3 over few thresholds, the numbers next to them included.
fn ensemble(rng: &mut impl Rng, n_trees: usize, decision: Decision, scores: usize) -> Ensemble {
    let mut all = Ensemble { branches: Vec::new(), roots: Vec::new(), weights: Vec::new(), base: vec![0.1; scores], decision };
    for _ in 0..n_trees {
        let root = all.branches.len();
        all.roots.push(root);
        grow(rng, &mut all, 3, scores);
    }
    all
}

fn grow(rng: &mut impl Rng, all: &mut Ensemble, depth: u32, scores: usize) -> usize {
    let place = all.branches.len();
    if depth == 0 || rng.random_range(0..5) == 0 {
        let first = all.weights.len();
        for score in 0..scores {
            all.weights.push((score, rng.random_range(-1.0f32..1.0)));
        }
        all.branches.push(Branch::Leaf { first, end: all.weights.len() });
        return place;
    }
    let value = rng.random_range(0..8) as f32 / 8.0;
    let value = [value, value.next_up(), value.next_down()][rng.random_range(0..3usize)];
    let feature = rng.random_range(0..DIM);
    all.branches.push(Branch::Leaf { first: 0, end: 0 });
    let yes = grow(rng, all, depth - 1, scores);
    let no = grow(rng, all, depth - 1, scores);
    all.branches[place] = Branch::Split { feature, value, yes, no };
    place
}

fn rules(rng: &mut impl Rng) -> Features {
    let feature = |lo: f32, hi: f32, unit, values, change| Feature { lo, hi, unit, values, change, keep: Vec::new() };
    let change = [Change::Any, Change::Increase, Change::Decrease, Change::None][rng.random_range(0..4usize)];
    let list = vec![
        feature(0.0, 1.0, 0.5, Values::OneOf(vec![0.0, 0.25, 0.5, 0.9]), Change::Any),
        feature(0.1, 0.8, 2.0, Values::Real, change),
        feature(0.0, 1.0, 3.0, Values::OneOf(vec![0.0, 1.0]), Change::Any),
        feature(0.0, 1.0, 3.0, Values::OneOf(vec![0.0, 1.0]), Change::Any),
    ];
    Features::new(list, vec![vec![2, 3]]).unwrap()
}

/// Distance of the nearest allowed input that reaches the goal, and those found on the way to the same class of cells.
fn by_every_cell(trees: &Ensemble, ball: &Ball, x: &[f32], goal: Goal) -> f64 {
    let mut axes: Vec<Vec<f32>> = Vec::new();
    for (feature, &clean) in x.iter().enumerate() {
        let (lo, hi) = ball.range(feature);
        let rule = ball.features.as_ref().map(|features| features.list()[feature].clone());
        let mut cuts: Vec<f32> = trees
            .branches
            .iter()
            .filter_map(|branch| match branch {
                Branch::Split { feature: of, value, .. } if *of == feature && (lo..hi).contains(value) => Some(*value),
                _ => None,
            })
            .collect();
        cuts.sort_by(f32::total_cmp);
        cuts.dedup();
        let starts = std::iter::once(lo).chain(cuts.iter().map(|cut| cut.next_up()));
        let ends = cuts.iter().copied().chain([hi]);
        let nearest = |(a, b): (f32, f32)| match &rule {
            Some(rule) => rule.nearest(f64::from(clean), a, b),
            None => Some(clean.clamp(a, b)),
        };
        let mut axis: Vec<f32> = starts.zip(ends).filter_map(nearest).collect();
        axis.extend(rule.filter(|rule| matches!(rule.values, Values::OneOf(_))).map_or_else(Vec::new, |rule| match rule.values {
            Values::OneOf(values) => values,
            _ => Vec::new(),
        }));
        axis.push(clean);
        axes.push(axis);
    }
    let mut best = f64::INFINITY;
    for &a in &axes[0] {
        for &b in &axes[1] {
            for &c in &axes[2] {
                for &d in &axes[3] {
                    let point = [a, b, c, d];
                    if goal.reached(trees.class(&trees.sums(&point))) && ball.contains(x, &point).is_ok() {
                        best = best.min(ball.distance(x, &point));
                    }
                }
            }
        }
    }
    best
}

/// Runs the attack against the trees themselves; returns the distance of the nearest example.
fn by_search(trees: &Arc<Ensemble>, ball: &Ball, x: &[f32], goal: Goal, classes: usize) -> f64 {
    let recipe = recipe("trees:precision=1e-9,nodes=1000000").unwrap();
    let (label, target) = match goal {
        Goal::Untargeted { label } => (label, None),
        Goal::Targeted { target } => (usize::from(target == 0), Some(target)),
    };
    let start = Start { trees: Some(trees), target, ..Start::new(x, ball, label, classes) };
    let mut run = recipe.start(&start);
    let mut point = vec![0.0; DIM];
    let mut best = f64::INFINITY;
    loop {
        run.ask(&mut point);
        let class = trees.class(&trees.sums(&point));
        if goal.reached(class) && ball.contains(x, &point).is_ok() {
            best = best.min(ball.distance(x, &point));
        }
        if run.tell(&Reply { prediction: Some(class), logits: &[], loss: f32::NAN, gradient: &[] }) == Next::Done {
            return best;
        }
    }
}

#[test]
fn the_search_is_exact_on_small_ensembles() {
    let mut found = 0;
    for seed in 0..240u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let one_score = seed % 3 == 0;
        let classes = if one_score { 2 } else { 3 };
        let decision = if one_score { Decision::Above(0.1) } else { Decision::Largest };
        let n_trees = rng.random_range(1..7);
        let trees = Arc::new(ensemble(&mut rng, n_trees, decision, if one_score { 1 } else { 3 }));
        let norm = Norm::ALL[seed as usize % 4];
        let ruled = seed % 5 < 2;
        let x: Vec<f32> = if ruled {
            vec![0.25, rng.random_range(0.1f32..0.8), 0.0, 1.0]
        } else {
            (0..DIM).map(|_| rng.random_range(0.0f32..1.0)).collect()
        };
        let eps = [0.07, 0.3, 1.0][rng.random_range(0..3usize)];
        let eps = if norm == Norm::L0 { (eps * 4.0_f64).ceil() } else { eps };
        let mut ball = Ball::new(norm, &Eps::new(eps).unwrap(), InputBox::UNIT);
        if ruled {
            ball.features = Some(Arc::new(rules(&mut rng)));
        }
        let label = trees.class(&trees.sums(&x));
        let goal = if seed % 7 == 0 { Goal::Targeted { target: (label + 1) % classes } } else { Goal::Untargeted { label } };
        let (every, search) = (by_every_cell(&trees, &ball, &x, goal), by_search(&trees, &ball, &x, goal, classes));
        let same = every == search || (every - search).abs() <= 1e-8 * every;
        assert!(same, "seed {seed} {norm} eps {eps} ruled {ruled}: {search} where every cell gives {every}");
        found += u32::from(every.is_finite());
    }
    assert!((60..230).contains(&found), "{found}");
}
