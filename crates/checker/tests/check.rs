//! Certificates of true statements are accepted, and nothing proves a false one.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use brinell_certify::{Limits, Network, Outcome, Property, Region, Verdict, decide};
use brinell_checker::{
    Atom, Ball, Bounding, Branch, Certificate, CheckError, Checked, Checker, Cut, Evidence, Neuron, Power, Statement, Tree,
};
use brinell_graph::Graph;
use brinell_testkit::{Rng, conv_net, perceptron};
use brinell_threat::Norm;

/// The proof of one clause.
type Clause = Tree<Bounding, Neuron>;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A network for both sides, and a question about it.
struct Case {
    network: Network,
    checker: Checker,
    region: Region,
    property: Property,
    statement: Statement,
}

fn case(graph: &Graph, norm: Norm, x: &[f64], eps: f64, deployed: bool) -> Case {
    let network = Network::new(graph, graph.outputs()[0]).unwrap();
    let checker = Checker::new(graph, graph.outputs()[0]).unwrap();
    let y = network.eval(x).unwrap();
    let label = (0..y.len()).max_by(|&i, &j| y[i].total_cmp(&y[j])).unwrap();
    let region = Region::ball(norm, x, eps, &vec![-9.0; x.len()], &vec![9.0; x.len()]).unwrap();
    let property = Property::misclassified(label, y.len()).unwrap();
    let (lo, hi) = region.hull();
    let power = match norm {
        Norm::L1 => Some(Power::One),
        Norm::L2 => Some(Power::Two),
        _ => None,
    };
    let ball = power.map(|power| Ball { power, centre: x.to_vec(), eps });
    let atom = |atom: &brinell_certify::Atom| Atom { row: atom.row.clone(), shift: atom.shift };
    let clauses = property.clauses().iter().map(|clause| clause.iter().map(atom).collect()).collect();
    let statement = Statement { lo: lo.to_vec(), hi: hi.to_vec(), ball, clauses, deployed };
    Case { network, checker, region, property, statement }
}

impl Case {
    fn decide(&self, seconds: f64) -> Outcome {
        let deadline = Some(Instant::now() + Duration::from_secs_f64(seconds));
        let limits = Limits { deadline, memory: 1 << 30, stop: None, deployed: self.statement.deployed, evidence: true };
        let mut judge = |x: &[f64]| self.property.is_violated(&self.network.eval(x).unwrap());
        decide(&self.network, &self.region, &self.property, limits, &mut judge).unwrap()
    }

    fn check(&self, evidence: &Evidence) -> Result<Checked, CheckError> {
        self.checker.proves(&self.statement, evidence, &GO_ON)
    }

    fn point(&self, rng: &mut Rng) -> Vec<f64> {
        let shares = rng.array(&[self.statement.lo.len()]).data;
        let x: Vec<f64> = self
            .statement
            .lo
            .iter()
            .zip(&self.statement.hi)
            .zip(shares)
            .map(|((lo, hi), s)| lo + (hi - lo) * (0.5 + 0.5 * s.clamp(-1.0, 1.0)))
            .collect();
        let Some(ball) = &self.statement.ball else { return x };
        let off = x.iter().zip(&ball.centre).map(|(x, c)| x - c);
        let size = match ball.power {
            Power::One => off.clone().map(f64::abs).sum::<f64>(),
            Power::Two => off.clone().map(|d| d * d).sum::<f64>().sqrt(),
        };
        off.zip(&ball.centre).map(|(d, c)| c + d * (ball.eps * (1.0 - 1e-9) / size).min(1.0)).collect()
    }
}

/// Cases of few and many inputs, images, and all norms, that the search certifies.
fn certified(deployed: bool) -> &'static [(Case, Outcome)] {
    static CASES: [OnceLock<Vec<(Case, Outcome)>>; 2] = [OnceLock::new(), OnceLock::new()];
    CASES[usize::from(deployed)].get_or_init(|| search(deployed))
}

fn search(deployed: bool) -> Vec<(Case, Outcome)> {
    let mut rng = Rng::new(3);
    let mut cases = Vec::new();
    for seed in 0..15 {
        let (graph, n): (Graph, usize) = match seed % 3 {
            0 => (perceptron(&[4, 14, 14, 3], seed).unwrap(), 4),
            1 => (perceptron(&[20, 16, 16, 3], seed).unwrap(), 20),
            _ => (conv_net(1, 6, 3, seed).unwrap(), 36),
        };
        let x = rng.array(&[n]).data;
        let boxes = [0.06, 0.12, 0.18, 0.24, 0.3, 0.36].map(|eps| (Norm::Linf, eps));
        for (norm, eps) in boxes.into_iter().chain([(Norm::L2, 0.3), (Norm::L1, 0.6)]) {
            let case = case(&graph, norm, &x, eps, deployed);
            let outcome = case.decide(0.5);
            if matches!(outcome.verdict, Verdict::Certified) {
                cases.push((case, outcome));
            }
        }
    }
    cases
}

#[test]
fn what_the_search_certifies_is_proved_again() {
    for deployed in [false, true] {
        let cases = certified(deployed);
        let mut kinds = [0; 3];
        for (case, outcome) in cases {
            let evidence = outcome.evidence.as_ref().unwrap();
            let checked = case.check(evidence).unwrap();
            assert!(checked.bound > 0.0 && checked.parts >= evidence.parts().min(outcome.parts), "{checked:?}");
            kinds[match evidence {
                Evidence::Inputs(tree) if tree.parts() == 1 => 0,
                Evidence::Inputs(_) => 1,
                Evidence::Neurons { .. } => 2,
            }] += 1;
        }
        assert!(cases.len() > 15 && kinds.iter().all(|n| *n > 2), "{} cases, {kinds:?}", cases.len());
    }
}

#[test]
fn both_compute_the_same_bound_where_nothing_is_split() {
    for (case, outcome) in certified(false) {
        if let Some(evidence @ Evidence::Inputs(tree)) = &outcome.evidence
            && tree.parts() == 1
            && case.statement.ball.is_none()
        {
            let bound = case.check(evidence).unwrap().bound;
            assert!((bound - outcome.bound).abs() <= 1e-9 * bound, "{bound} is not {}", outcome.bound);
        }
    }
}

/// The statement that the margin is nowhere below what it is at some point, and a little more, is false.
#[test]
fn no_evidence_proves_what_a_point_refutes() {
    let mut rng = Rng::new(5);
    let mut refused = 0;
    for (case, outcome) in certified(false) {
        let points: Vec<Vec<f64>> = (0..300).map(|_| case.point(&mut rng)).collect();
        let least = points.iter().map(|x| case.property.margin(&case.network.eval(x).unwrap())).fold(f64::INFINITY, f64::min);
        let mut statement = case.statement.clone();
        for atom in statement.clauses.iter_mut().flatten() {
            atom.shift -= least + 1e-9 * least.abs();
        }
        let own = outcome.evidence.clone().unwrap();
        let mut evidences = vec![own.clone()];
        if let Evidence::Neurons { slots, clauses } = &own {
            for _ in 0..4 {
                let (slots, mut clauses) = (slots.clone(), clauses.clone());
                for branch in clauses.iter_mut().flat_map(|tree| &mut tree.0) {
                    if let Branch::Leaf(leaf) = branch {
                        leaf.slopes.iter_mut().for_each(|slope| *slope = (rng.array(&[1]).data[0].abs() * 65535.0) as u16);
                        leaf.prices.iter_mut().for_each(|price| *price = rng.array(&[1]).data[0].abs() as f32);
                    }
                }
                evidences.push(Evidence::Neurons { slots, clauses });
            }
        }
        for evidence in evidences {
            let found = case.checker.proves(&statement, &evidence, &GO_ON);
            assert!(matches!(found, Err(CheckError::Open { .. })), "{found:?}");
            refused += 1;
        }
    }
    assert!(refused > 30);
}

#[test]
fn evidence_that_does_not_fit_is_refused() {
    let cases = certified(false);
    let (case, evidence) = cases
        .iter()
        .find_map(|(case, outcome)| match &outcome.evidence {
            Some(evidence @ Evidence::Neurons { clauses, .. }) if clauses[0].parts() > 2 => Some((case, evidence)),
            _ => None,
        })
        .unwrap();
    let Evidence::Neurons { slots, clauses } = evidence else { unreachable!() };
    let with = |change: &dyn Fn(&mut Vec<Neuron>, &mut Vec<Clause>)| {
        let (mut slots, mut clauses) = (slots.clone(), clauses.clone());
        change(&mut slots, &mut clauses);
        case.check(&Evidence::Neurons { slots, clauses })
    };
    fn leaf(trees: &mut [Tree<Bounding, Neuron>]) -> &mut Bounding {
        trees[0].0.iter_mut().find_map(|branch| if let Branch::Leaf(leaf) = branch { Some(leaf) } else { None }).unwrap()
    }
    // A part is left out, so that the others do not cover the region.
    let lacking = with(&|_, trees| drop(trees[0].0.pop()));
    assert!(matches!(lacking, Err(CheckError::Malformed { .. })), "{lacking:?}");
    // A split that is left out takes a part with it that its sibling does not cover.
    let uncovered = with(&|_, trees| trees[0].0.retain(|branch| matches!(branch, Branch::Leaf(_))));
    assert!(matches!(uncovered, Err(CheckError::Malformed { .. })), "{uncovered:?}");
    let merged = with(&|_, trees| {
        let first = leaf(trees).clone();
        trees[0].0 = vec![Branch::Leaf(Bounding { prices: Vec::new(), ..first })];
    });
    assert!(matches!(merged, Err(CheckError::Open { .. })), "{merged:?}");
    let other = with(&|_, trees| {
        for branch in &mut trees[0].0 {
            if let Branch::Split(neuron) = branch {
                neuron.element = (neuron.element + 1) % 16;
            }
        }
    });
    assert!(matches!(other, Err(CheckError::Open { .. })), "{other:?}");
    let negative = with(&|_, trees| leaf(trees).prices.iter_mut().for_each(|price| *price = -1.0));
    assert!(matches!(negative, Err(CheckError::Part { .. })), "{negative:?}");
    let infinite = with(&|_, trees| leaf(trees).prices.iter_mut().for_each(|price| *price = f32::NAN));
    assert!(matches!(infinite, Err(CheckError::Part { .. })), "{infinite:?}");
    let short = with(&|slots, _| {
        slots.pop();
    });
    assert!(matches!(short, Err(CheckError::Part { .. })), "{short:?}");
    let absent = with(&|slots, _| slots[0].node = 1 << 20);
    assert!(matches!(absent, Err(CheckError::Malformed { .. })), "{absent:?}");
    let fewer = with(&|_, trees| drop(trees.pop()));
    assert!(matches!(fewer, Err(CheckError::Malformed { .. })), "{fewer:?}");
    let atom = with(&|_, trees| leaf(trees).atom = 7);
    assert!(matches!(atom, Err(CheckError::Part { .. })), "{atom:?}");
    let index = case.check(&Evidence::Inputs(Tree(vec![Branch::Split(Cut { index: 99, at: 0.0 }), Branch::Leaf(()), Branch::Leaf(())])));
    assert!(matches!(index, Err(CheckError::Part { .. })), "{index:?}");
    let coarse = case.check(&Evidence::Inputs(Tree(vec![Branch::Leaf(())])));
    assert!(matches!(coarse, Err(CheckError::Open { .. })), "{coarse:?}");
}

/// A region that is too large for any proof is not covered by splits outside of it, or at NaN.
#[test]
fn splits_that_miss_the_region_prove_nothing() {
    let graph = perceptron(&[4, 14, 14, 3], 0).unwrap();
    let case = case(&graph, Norm::Linf, &[0.0; 4], 5.0, false);
    assert!(case.check(&Evidence::Inputs(Tree(vec![Branch::Leaf(())]))).is_err());
    for at in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 100.0, -100.0] {
        let tree = Tree(vec![Branch::Split(Cut { index: 0, at }), Branch::Leaf(()), Branch::Leaf(())]);
        let found = case.check(&Evidence::Inputs(tree));
        assert!(matches!(found, Err(CheckError::Open { .. })), "{at}: {found:?}");
    }
}

#[test]
fn bytes_come_back_as_they_were_and_no_other_bytes_do() {
    let cases = certified(false);
    let mut kinds = [false; 2];
    for (case, outcome) in cases {
        let evidence = outcome.evidence.clone().unwrap();
        let kind = usize::from(matches!(evidence, Evidence::Neurons { .. }));
        if std::mem::replace(&mut kinds[kind], true) {
            continue;
        }
        let certificate = Certificate { model: [7; 32], statement: case.statement.digest(), evidence };
        let bytes = certificate.to_bytes();
        assert_eq!(Certificate::from_bytes(&bytes).unwrap(), certificate);
        case.checker.check(&[7; 32], &case.statement, &certificate, &GO_ON).unwrap();
        let step = (bytes.len() / 500).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(Certificate::from_bytes(&flipped).is_err(), "byte {at} is flipped");
            assert!(Certificate::from_bytes(&bytes[..at]).is_err(), "it ends at {at}");
        }
        assert!(Certificate::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
        let found = case.checker.check(&[8; 32], &case.statement, &certificate, &GO_ON);
        assert_eq!(found, Err(CheckError::Model));
        let mut wider = case.statement.clone();
        wider.hi[0] = wider.hi[0].next_up();
        assert_eq!(case.checker.check(&[7; 32], &wider, &certificate, &GO_ON), Err(CheckError::Statement));
        let deployed = Statement { deployed: true, ..case.statement.clone() };
        assert_eq!(case.checker.check(&[7; 32], &deployed, &certificate, &GO_ON), Err(CheckError::Statement));
    }
    assert_eq!(kinds, [true; 2]);
}

#[test]
fn statements_that_make_no_sense_are_refused() {
    let graph = perceptron(&[4, 5, 3], 0).unwrap();
    let case = case(&graph, Norm::L2, &[0.0; 4], 0.1, false);
    let evidence = Evidence::Inputs(Tree(vec![Branch::Leaf(())]));
    let with = |change: &dyn Fn(&mut Statement)| {
        let mut statement = case.statement.clone();
        change(&mut statement);
        case.checker.proves(&statement, &evidence, &GO_ON)
    };
    assert!(matches!(with(&|s| s.lo[0] = f64::NAN), Err(CheckError::Numbers)));
    assert!(matches!(with(&|s| s.hi[0] = -1.0), Err(CheckError::Numbers)));
    assert!(matches!(with(&|s| s.ball.as_mut().unwrap().eps = -1.0), Err(CheckError::Numbers)));
    assert!(matches!(with(&|s| s.clauses[0][0].shift = f64::NAN), Err(CheckError::Numbers)));
    assert!(matches!(
        with(&|s| {
            s.lo.pop();
        }),
        Err(CheckError::Length { .. })
    ));
    assert!(matches!(with(&|s| s.clauses[0][0].row.push(0.0)), Err(CheckError::Length { .. })));
}
