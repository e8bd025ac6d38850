//! Attacks on tasks whose losses are no part of the graph: the same classification, and several labels for each sample, for which neither an attack nor
//! the driver has a line.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::convert::Infallible;
use std::sync::atomic::AtomicBool;

use brinell_attack::driver::{self, Aim, Court, DriverSettings, Item, Model, Pose, Queries, Ruling, Timing, Verdict};
use brinell_attack::{Loss, Objective, recipe};
use brinell_engine::{Answer, OracleError};
use brinell_task::{Classify, Goal, Lead, Posed, Quantifier, Rival, Row, Tap, Task, Truth, Units, Wanted};
use brinell_threat::{Ball, InputBox, Norm};

const DIM: usize = 12;
const WIDTH: usize = 5;

/// `z = 4 W tanh(2 (x - 0.5))`, with gradients in closed form.
struct Bent;

impl Bent {
    fn weight(value: usize, element: usize) -> f64 {
        (1.3 + 1.7 * value as f64 + 2.9 * element as f64 + 0.37 * (value * element) as f64).sin()
    }

    fn squashed(x: f32) -> f64 {
        (2.0 * (f64::from(x) - 0.5)).tanh()
    }

    fn row(x: &[f32]) -> Vec<f32> {
        let value = |value| 4.0 * x.iter().enumerate().map(|(k, &x)| Self::weight(value, k) * Self::squashed(x)).sum::<f64>();
        (0..WIDTH).map(|k| value(k) as f32).collect()
    }

    fn pull(x: &[f32], w: &[f32]) -> Vec<f32> {
        let slope = |k: usize, x: f32| {
            let along: f64 = w.iter().enumerate().map(|(value, &w)| f64::from(w) * Self::weight(value, k)).sum();
            8.0 * along * (1.0 - Self::squashed(x).powi(2))
        };
        x.iter().enumerate().map(|(k, &x)| slope(k, x) as f32).collect()
    }
}

impl Model for Bent {
    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        *answer = Answer { values: x.chunks(DIM).flat_map(Bent::row).collect(), ..Answer::default() };
        Ok(())
    }

    fn fused(&mut self, loss: Loss, x: &[f32], feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        let class = |row: &[f32]| row.iter().position(|v| *v == 1.0).unwrap();
        let rows = x.chunks(DIM).zip(feeds.chunks(loss.feeds().len() * WIDTH)).flat_map(|(x, feeds)| {
            let (label, mut w) = (class(&feeds[..WIDTH]), [0.0; WIDTH]);
            let target = feeds.get(WIDTH..).filter(|row| !row.is_empty()).map_or(label, class);
            loss.slope(&Bent::row(x), label, target, &mut w);
            w
        });
        let w: Vec<f32> = rows.collect();
        Model::pull(self, x, &w, answer)
    }

    fn pull(&mut self, x: &[f32], w: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        Model::values(self, x, answer)?;
        answer.loss = vec![0.0; x.len() / DIM];
        answer.gradient = x.chunks(DIM).zip(w.chunks(WIDTH)).flat_map(|(x, w)| Bent::pull(x, w)).collect();
        Ok(())
    }
}

/// Classification whose losses are no part of any graph.
#[derive(Debug)]
struct Apart(Classify);

impl Task for Apart {
    fn taps(&self) -> &[Tap] {
        self.0.taps()
    }
    fn answer(&self, z: &Row) -> Option<brinell_task::Answer> {
        self.0.answer(z)
    }
    fn decode(&self, output: &[f64]) -> Option<brinell_task::Answer> {
        self.0.decode(output)
    }
    fn row(&self, output: &[f64]) -> Vec<f32> {
        self.0.row(output)
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        self.0.output(z)
    }
    fn verdict(&self, answer: &brinell_task::Answer, posed: Posed<'_>) -> brinell_task::Verdict {
        self.0.verdict(answer, posed)
    }
    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        self.0.margin(z, posed)
    }
    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64 {
        self.0.scale(z, posed)
    }
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        self.0.loss(objective, z, posed, rival)
    }
    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        self.0.pull(objective, z, posed, rival, w);
    }
    fn count(&self, wanted: &Wanted) -> usize {
        self.0.count(wanted)
    }
    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        self.0.rivals(z, posed, out);
    }
    fn named(&self, wanted: &Wanted) -> Option<usize> {
        self.0.named(wanted)
    }
    fn ways(&self, posed: Posed<'_>) -> Vec<Vec<Lead>> {
        self.0.ways(posed)
    }
}

/// A label applies where its value is above 0; what is wanted is that labels turn.
#[derive(Debug)]
struct Labels([Tap; 1]);

impl Labels {
    fn new() -> Self {
        Self([Tap { output: 0, ending: brinell_task::Ending::Sigmoid, size: WIDTH }])
    }

    /// How far each label has turned.
    fn margins<'a>(z: &'a Row, truth: &'a Truth) -> impl Iterator<Item = f64> + 'a {
        let Truth::Labels(labels) = truth else { unreachable!("labels only") };
        z.iter().zip(labels).map(|(&z, &applies)| f64::from(if applies { -z } else { z }))
    }
}

impl Task for Labels {
    fn taps(&self) -> &[Tap] {
        &self.0
    }
    fn answer(&self, z: &Row) -> Option<brinell_task::Answer> {
        z.iter().all(|z| z.is_finite()).then(|| brinell_task::Answer::Labels(z.iter().map(|z| *z > 0.0).collect()))
    }
    fn decode(&self, output: &[f64]) -> Option<brinell_task::Answer> {
        output.iter().all(|p| p.is_finite()).then(|| brinell_task::Answer::Labels(output.iter().map(|p| *p > 0.5).collect()))
    }
    fn row(&self, output: &[f64]) -> Vec<f32> {
        output.iter().map(|p| (p / (1.0 - p)).ln() as f32).collect()
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        z.iter().map(|&z| 1.0 / (1.0 + (-f64::from(z)).exp())).collect()
    }
    fn verdict(&self, answer: &brinell_task::Answer, posed: Posed<'_>) -> brinell_task::Verdict {
        let (brinell_task::Answer::Labels(said), Truth::Labels(right)) = (answer, posed.truth) else { unreachable!("labels only") };
        let turned = said.iter().zip(right).map(|(a, b)| if a == b { -1.0 } else { 1.0 });
        let kept = turned.clone().filter(|turned| *turned < 0.0).count();
        let reached = posed.wanted.of.attained(turned).is_some_and(|(_, margin)| margin > 0.0);
        brinell_task::Verdict { reached, units: Units { total: right.len(), kept } }
    }
    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        posed.wanted.of.attained(Self::margins(z, posed.truth)).map_or(f64::NEG_INFINITY, |(_, margin)| margin)
    }
    fn scale(&self, z: &Row, _: Posed<'_>) -> f64 {
        z.iter().fold(0.0, |scale, z| scale.max(f64::from(z.abs())))
    }
    fn loss(&self, _: Objective, z: &Row, posed: Posed<'_>, _: Option<usize>) -> f32 {
        self.margin(z, posed) as f32
    }
    fn pull(&self, _: Objective, z: &Row, posed: Posed<'_>, _: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        if let (Some((unit, _)), Truth::Labels(labels)) = (posed.wanted.of.attained(Self::margins(z, posed.truth)), posed.truth) {
            w[unit] = if labels[unit] { -1.0 } else { 1.0 };
        }
    }
}

/// Judges by the task, and keeps what was decided.
struct Judge<'a> {
    pose: Pose<'a>,
    ball: Ball,
    verdicts: Vec<(u64, Verdict)>,
}

impl Court for Judge<'_> {
    type Error = Infallible;

    fn judge(&mut self, item: &Item, x_adv: &[f32], values: &[f32]) -> Result<Ruling, Infallible> {
        let alone = Bent::row(x_adv);
        let is_example = self.ball.contains(&item.x, x_adv).is_ok() && self.pose.task.reached(&alone, self.pose.of(&item.truth));
        assert!(values.is_empty() || values == alone, "a court is told what the model answered about the candidate");
        Ok(if is_example { Ruling::Confirmed } else { Ruling::Refused })
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), Infallible> {
        self.verdicts.push((item.sample, verdict));
        Ok(())
    }
}

fn input(sample: usize) -> Vec<f32> {
    (0..DIM).map(|k| 0.5 + 0.4 * ((sample * 5 + k * 3) as f32).sin()).collect()
}

/// Attacks eight samples and returns the verdicts in their order.
fn attack(spec: &str, norm: Norm, eps: f64, pose: Pose<'_>, truth: fn(&[f32]) -> Truth) -> Vec<Verdict> {
    let recipe = recipe(spec).unwrap();
    let ball = Ball { norm, eps, bounds: InputBox::UNIT, features: None };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let stop = AtomicBool::new(false);
    let mut items = (0..8).map(|sample| {
        let x = input(sample);
        let values = Bent::row(&x);
        Item { sample: sample as u64, truth: truth(&values), x, values, found: None, guide: None }
    });
    let aim = if eps.is_finite() { Aim::First } else { Aim::Nearest };
    let settings = DriverSettings {
        pose,
        batch: 3,
        shape: &[1, 3, 4],
        trees: None,
        seed: 7,
        max_queries: Some(3000),
        aim,
        grid: None,
        pool: &pool,
        stop: &stop,
    };
    let mut judge = Judge { pose, ball: ball.clone(), verdicts: Vec::new() };
    driver::run(&mut Bent, recipe.as_ref(), &ball, &mut items, &mut judge, &settings, &mut Timing::default()).unwrap();
    judge.verdicts.sort_by_key(|(sample, _)| *sample);
    judge.verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

fn class(values: &[f32]) -> Truth {
    Truth::Class(brinell_task::argmax(values).unwrap())
}

#[test]
fn a_loss_outside_of_the_graph_costs_one_forward_more_and_changes_nothing_else() {
    let (fused, apart) = (Classify::new(WIDTH), Apart(Classify::new(WIDTH)));
    for (spec, norm, eps) in [
        ("pgd:steps=10", Norm::Linf, 0.1),
        ("apgd-ce:steps=20", Norm::L2, 0.2),
        ("apgd-dlr:steps=20", Norm::Linf, 0.05),
        ("apgd-t:steps=20,targets=3", Norm::Linf, 0.05),
        ("apgd-t:steps=20,order=malt", Norm::L2, 0.2),
        ("fab:steps=20", Norm::L2, 0.2),
        ("fab-t:steps=20", Norm::Linf, 0.1),
        ("deepfool", Norm::L2, f64::INFINITY),
        ("fmn:steps=60", Norm::L2, f64::INFINITY),
        ("square:queries=50", Norm::Linf, 0.1),
    ] {
        for target in [None, Some(2)] {
            let wanted = Wanted::class(target);
            let inside = attack(spec, norm, eps, Pose { task: &fused, wanted: &wanted }, class);
            let outside = attack(spec, norm, eps, Pose { task: &apart, wanted: &wanted }, class);
            assert!(inside.iter().any(|verdict| verdict.found.is_some()), "{spec} {target:?} finds nothing");
            for (inside, outside) in inside.into_iter().zip(outside) {
                let Queries { forwards, backwards } = inside.queries;
                let queries = Queries { forwards: forwards + backwards, backwards };
                assert_eq!(outside, Verdict { queries, ..inside }, "{spec} {target:?}");
            }
        }
    }
}

#[test]
fn the_query_limit_counts_the_forward_for_the_values() {
    let apart = Apart(Classify::new(WIDTH));
    let pose = Pose { task: &apart, wanted: &Wanted::BREAK };
    for verdict in attack("pgd:steps=5000", Norm::Linf, 0.0, pose, class) {
        assert!(verdict.exhausted);
        assert_eq!((verdict.queries.forwards, verdict.queries.backwards), (2000, 1000));
    }
}

#[test]
fn attacks_turn_labels_that_they_know_nothing_of() {
    let task = Labels::new();
    let labels: fn(&[f32]) -> Truth = |values| Truth::Labels(values.iter().map(|z| *z > 0.0).collect());
    let mut nearest = Vec::new();
    for of in [Quantifier::Any, Quantifier::Share(0.4), Quantifier::All] {
        let wanted = Wanted { goal: Goal::Break, of };
        let pose = Pose { task: &task, wanted: &wanted };
        for (spec, norm, eps) in [
            ("pgd:steps=40", Norm::Linf, 0.5),
            ("apgd-margin:steps=40", Norm::L2, 3.0),
            ("bim", Norm::Linf, f64::INFINITY),
            ("fmn:steps=200", Norm::L2, f64::INFINITY),
            ("square:queries=500", Norm::Linf, 0.5),
            ("hopskipjump:steps=6", Norm::L2, f64::INFINITY),
        ] {
            let verdicts = attack(spec, norm, eps, pose, labels);
            let found: Vec<&Vec<f32>> = verdicts.iter().filter_map(|verdict| Some(&verdict.found.as_ref()?.x_adv)).collect();
            if of == Quantifier::Any {
                assert_eq!(found.len(), 8, "{spec}");
            }
            for (sample, verdict) in verdicts.iter().enumerate() {
                let Some(found) = &verdict.found else { continue };
                let right = Bent::row(&input(sample));
                let turned = Bent::row(&found.x_adv).iter().zip(&right).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count();
                let needed = match of {
                    Quantifier::Any => 1,
                    Quantifier::Share(_) => 2,
                    Quantifier::All => WIDTH,
                };
                assert!(turned >= needed, "{spec} {of:?}: {turned} labels turned");
            }
            if spec.starts_with("fmn") {
                let ball = Ball::unlimited(norm, InputBox::UNIT);
                nearest.push(
                    verdicts
                        .iter()
                        .enumerate()
                        .map(|(k, verdict)| verdict.found.as_ref().map_or(f64::INFINITY, |found| ball.distance(&input(k), &found.x_adv)))
                        .collect::<Vec<f64>>(),
                );
            }
        }
    }
    // More labels are no nearer.
    for (any, two) in nearest[0].iter().zip(&nearest[1]) {
        assert!(*any <= two * 1.01, "one label at {any}, two at {two}");
    }
}
