//! The search for leaves beside a look at every cell that the thresholds of small random ensembles cut.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use brinell_attack::{Next, Reply, Rivals, Start, recipe};
use brinell_engine::{Branch, Decision, Ensemble, Spread};
use brinell_task::{Answer, Classify, Posed, Task, Truth, Wanted};
use brinell_threat::{Ball, Change, Eps, Feature, Features, InputBox, Norm, Values};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIM: usize = 4;

/// What is asked of one sample.
struct Case {
    task: Classify,
    truth: Truth,
    wanted: Wanted,
}

impl Case {
    fn new(classes: usize, label: usize, target: Option<usize>) -> Self {
        Self { task: Classify::new(classes), truth: Truth::Class(label), wanted: Wanted::class(target) }
    }

    fn posed(&self) -> Posed<'_> {
        Posed { truth: &self.truth, wanted: &self.wanted }
    }

    fn rivals(&self) -> Rivals<'_> {
        Rivals::at(&self.task, &[], self.posed())
    }

    fn reached(&self, class: usize) -> bool {
        self.task.verdict(&Answer::Class(class), self.posed()).reached
    }
}

/// Trees of depth up to 3 over few thresholds, the numbers next to them included. With `eighths` all sums are exact, and ties are common.
fn ensemble(rng: &mut impl Rng, n_trees: usize, decision: Decision, scores: usize, eighths: bool) -> Ensemble {
    let mut all = Ensemble {
        branches: Vec::new(),
        missing: Vec::new(),
        roots: Vec::new(),
        intervals: Vec::new(),
        weights: Vec::new(),
        base: vec![if eighths { 0.125 } else { f64::from(0.1f32) }; scores],
        decision,
        spread: Spread::default(),
        transforms: Vec::new(),
    };
    for _ in 0..n_trees {
        let root = all.branches.len();
        all.roots.push(root);
        grow(rng, &mut all, 3, scores, eighths);
    }
    let way = |(place, branch): (usize, &Branch)| {
        if matches!(branch, Branch::Leaf { .. }) { None } else { Some((place + n_trees).is_multiple_of(3)) }
    };
    all.missing = all.branches.iter().enumerate().map(way).collect();
    all
}

fn edge(rng: &mut impl Rng) -> f32 {
    let value = rng.random_range(0..8) as f32 / 8.0;
    [value, value.next_up(), value.next_down()][rng.random_range(0..3usize)]
}

fn grow(rng: &mut impl Rng, all: &mut Ensemble, depth: u32, scores: usize, eighths: bool) -> usize {
    let place = all.branches.len();
    if depth == 0 || rng.random_range(0..5) == 0 {
        let first = all.weights.len();
        for score in 0..scores {
            let weight = if eighths { rng.random_range(-8i8..=8).into() } else { 8.0 * rng.random_range(-1.0f32..1.0) };
            all.weights.push((score, f64::from(weight / 8.0)));
        }
        all.branches.push(Branch::Leaf { first, end: all.weights.len() });
        return place;
    }
    let feature = rng.random_range(0..DIM);
    all.branches.push(Branch::Leaf { first: 0, end: 0 });
    let yes = grow(rng, all, depth - 1, scores, eighths);
    let no = grow(rng, all, depth - 1, scores, eighths);
    all.branches[place] = if rng.random_range(0..3) == 0 {
        let mut ends: Vec<f32> = (0..4).map(|_| edge(rng)).collect();
        ends.sort_by(f32::total_cmp);
        let first = all.intervals.len();
        all.intervals.push((ends[0], if rng.random() { ends[0] } else { ends[1] }));
        if ends[2] > ends[1].next_up() {
            all.intervals.push((ends[2], ends[3]));
        }
        Branch::Among { feature, first, end: all.intervals.len(), yes, no }
    } else {
        Branch::Split { feature, value: edge(rng), yes, no }
    };
    place
}

/// What a file of these trees says: sums in single precision, the last tree first.
fn file(trees: &Ensemble, x: &[f32]) -> usize {
    let mut sums: Vec<f32> = vec![0.0; trees.base.len()];
    for &root in trees.roots.iter().rev() {
        let alone = Ensemble { roots: vec![root], base: vec![0.0; sums.len()], ..trees.clone() };
        sums.iter_mut().zip(alone.sums(x)).for_each(|(sum, weight)| *sum += weight as f32);
    }
    let sums: Vec<f64> = sums.iter().zip(&trees.base).map(|(sum, base)| f64::from(sum + *base as f32)).collect();
    trees.class(&sums)
}

fn rules(rng: &mut impl Rng) -> Features {
    let feature = |lo: f32, hi: f32, unit, values, change| Feature { lo, hi, unit, values, change, keep: Vec::new() };
    let change = [Change::Any, Change::Increase, Change::Decrease, Change::None][rng.random_range(0..4usize)];
    let keep = [vec![], vec![0.5], vec![0.0, 0.9], vec![0.25]][rng.random_range(0..4usize)].clone();
    let list = vec![
        Feature { keep, ..feature(0.0, 1.0, 0.5, Values::OneOf(vec![0.0, 0.25, 0.5, 0.9]), Change::Any) },
        feature(0.1, 0.8, 2.0, Values::Real, change),
        feature(0.0, 1.0, 3.0, Values::OneOf(vec![0.0, 1.0]), Change::Any),
        feature(0.0, 1.0, 3.0, Values::OneOf(vec![0.0, 1.0]), Change::Any),
    ];
    Features::new(list, vec![vec![2, 3]]).unwrap()
}

/// Distance of the nearest allowed input that reaches the goal, and those found on the way to the same class of cells.
fn by_every_cell(trees: &Ensemble, ball: &Ball, x: &[f32], case: &Case) -> f64 {
    let mut axes: Vec<Vec<f32>> = Vec::new();
    for (feature, &clean) in x.iter().enumerate() {
        if clean.is_nan() {
            axes.push(vec![clean]);
            continue;
        }
        let (lo, hi) = ball.range(feature);
        let rule = ball.features.as_ref().map(|features| features.list()[feature].clone());
        let mut cuts: Vec<f32> = trees
            .branches
            .iter()
            .flat_map(|branch| match *branch {
                Branch::Split { feature: of, value, .. } if of == feature => vec![value],
                Branch::Among { feature: of, first, end, .. } if of == feature => {
                    trees.intervals[first..end].iter().flat_map(|ends| [ends.0.next_down(), ends.1]).collect()
                }
                _ => Vec::new(),
            })
            .filter(|value| (lo..hi).contains(value))
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
                    if case.reached(file(trees, &point)) && ball.contains(x, &point).is_ok() {
                        best = best.min(ball.distance(x, &point));
                    }
                }
            }
        }
    }
    best
}

/// Runs the attack against the file of the trees; returns the distance of the nearest example, and that within which there is none.
fn by_search(settings: &str, trees: &Arc<Ensemble>, ball: &Ball, x: &[f32], case: &Case) -> (f64, Option<f64>) {
    let recipe = recipe(settings).unwrap();
    let start = Start { trees: Some(trees), rivals: case.rivals(), ..Start::new(x, ball) };
    let mut run = recipe.start(&start);
    let mut point = vec![0.0; DIM];
    let mut best = f64::INFINITY;
    loop {
        run.ask(&mut point);
        let class = file(trees, &point);
        if case.reached(class) && ball.contains(x, &point).is_ok() {
            best = best.min(ball.distance(x, &point));
        }
        if run.tell(&Reply { reached: case.reached(class), ..Reply::UNTOLD }) == Next::Done {
            return (best, run.none_within());
        }
    }
}

#[test]
fn the_search_is_exact_on_small_ensembles() {
    let (mut found, mut short, mut ties) = (0, 0, 0);
    for seed in 0..480u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let one_score = seed % 3 == 0;
        let classes = if one_score { 2 } else { 3 };
        let eighths = seed % 8 >= 4;
        let decision = if one_score { Decision::Above(0.125) } else { Decision::Largest };
        let n_trees = rng.random_range(1..7);
        let trees = Arc::new(ensemble(&mut rng, n_trees, decision, if one_score { 1 } else { 3 }, eighths));
        let norm = Norm::ALL[seed as usize % 4];
        let ruled = seed % 5 < 2;
        let outside = seed % 11 == 0;
        let mut x: Vec<f32> = match (ruled, outside) {
            // A value outside its range may stay, and one between them may not be moved to.
            (true, true) => vec![0.25, 0.95, 0.0, 1.0],
            (true, false) => vec![0.25, rng.random_range(0.1f32..0.8), 0.0, 1.0],
            (false, _) => (0..DIM).map(|_| rng.random_range(0.0f32..1.0)).collect(),
        };
        // Only rules keep what is missing.
        for place in [0, 1].into_iter().filter(|place| ruled && (seed / 5 + place).is_multiple_of(3)) {
            x[place as usize] = f32::NAN;
        }
        let eps = [0.07, 0.3, 1.0, f64::INFINITY][rng.random_range(0..4usize)];
        let eps = if norm == Norm::L0 { (eps * 4.0_f64).ceil() } else { eps };
        let mut ball = Ball::unlimited(norm, InputBox::UNIT);
        ball.eps = eps;
        if ruled {
            ball.features = Some(Arc::new(rules(&mut rng)));
        }
        let label = file(&trees, &x);
        let case = Case::new(classes, label, (seed % 7 == 0).then_some((label + 1) % classes));
        let every = by_every_cell(&trees, &ball, &x, &case);
        let (search, none) = by_search("trees:precision=1e-9,nodes=1000000", &trees, &ball, &x, &case);
        let same = every == search || (every - search).abs() <= 1e-8 * every;
        let what = format!("seed {seed} {norm} eps {eps} ruled {ruled}");
        assert!(same, "{what}: {search} where every cell gives {every}");
        // More ties than are asked about leave nothing shown.
        match none {
            Some(none) if every.is_finite() => assert!(none < every && none >= every * (1.0 - 1e-8), "{what}: {none} shown, {every}"),
            Some(none) => assert!(none >= eps.min(ball.diameter(DIM)), "{what}: {none}"),
            None => ties += u32::from(every > 0.0),
        }
        found += u32::from(every.is_finite());
        // What a search that is cut short says it has shown holds all the same.
        let nodes = rng.random_range(1..12);
        if let (_, Some(none)) = by_search(&format!("trees:nodes={nodes}"), &trees, &ball, &x, &case) {
            assert!(none < every, "{what}: {none} shown with {nodes} nodes, {every}");
            short += u32::from(none < eps);
        }
    }
    assert!((120..460).contains(&found) && short > 30 && ties < 24, "{found} {short} {ties}");
}

#[test]
fn a_model_that_is_not_its_trees_shows_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let trees = Arc::new(ensemble(&mut rng, 5, Decision::Above(0.125), 1, false));
    let ball = Ball::unlimited(Norm::Linf, InputBox::UNIT);
    let x = vec![0.4; DIM];
    let case = Case::new(2, file(&trees, &x), None);
    let mut run = recipe("trees").unwrap().start(&Start { trees: Some(&trees), rivals: case.rivals(), ..Start::new(&x, &ball) });
    let mut point = vec![0.0; DIM];
    loop {
        run.ask(&mut point);
        if run.tell(&Reply::UNTOLD) == Next::Done {
            break;
        }
    }
    assert_eq!(run.none_within(), None);
}

#[test]
fn a_change_of_exactly_the_radius_counts() {
    // 0.29 of 100 is 28.999999999999996 in double precision, and 29 / 100 is 0.29.
    let split = Branch::Split { feature: 0, value: 28.5, yes: 1, no: 2 };
    let leaf = |first| Branch::Leaf { first, end: first + 1 };
    let trees = Arc::new(Ensemble {
        branches: vec![split, leaf(0), leaf(1)],
        missing: vec![Some(false), None, None],
        roots: vec![0],
        intervals: Vec::new(),
        weights: vec![(0, 0.0), (0, 1.0)],
        base: vec![0.0],
        decision: Decision::Above(0.5),
        spread: Spread::default(),
        transforms: Vec::new(),
    });
    for norm in [Norm::Linf, Norm::L2, Norm::L1] {
        let mut ball = Ball::new(norm, &Eps::new(0.29).unwrap(), InputBox::UNIT);
        let whole = Feature { lo: 0.0, hi: 100.0, unit: 100.0, values: Values::Whole, change: Change::Any, keep: Vec::new() };
        ball.features = Some(Arc::new(Features::new(vec![whole], Vec::new()).unwrap()));
        let case = Case::new(2, 0, None);
        let mut run = recipe("trees").unwrap().start(&Start { trees: Some(&trees), rivals: case.rivals(), ..Start::new(&[0.0], &ball) });
        let mut point = [0.0];
        run.ask(&mut point);
        assert_eq!(point, [29.0], "{norm}");
    }
}
