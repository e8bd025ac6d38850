//! The search against answers that others established (`../shared/data/certify`), and against planted counterexamples.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use brinell_certify::{Limits, Network, Property, Query, Region, Verdict, decide};
use brinell_testkit::{Rng, perceptron, shared_data};
use brinell_threat::Norm;

fn limits(seconds: f64) -> Limits<'static> {
    Limits {
        deadline: Some(Instant::now() + Duration::from_secs_f64(seconds)),
        memory: 1 << 30,
        stop: None,
        deployed: false,
        evidence: false,
    }
}

fn network(path: &std::path::Path) -> Network {
    let model = brinell_onnx::read_file(path).unwrap();
    Network::new(&model.graph, model.graph.outputs()[0]).unwrap()
}

#[test]
fn a_planted_counterexample_is_never_certified() {
    let mut rng = Rng::new(7);
    for seed in 0..30 {
        let sizes: &[usize] = if seed % 2 == 0 { &[4, 12, 12, 3] } else { &[20, 16, 16, 3] };
        let network = Network::new(&perceptron(sizes, seed).unwrap(), perceptron(sizes, seed).unwrap().outputs()[0]).unwrap();
        let x = rng.array(&[sizes[0]]).data;
        // The label is what the network says at a corner of the box; at the centre of the box that is asked about it may be another.
        let eps = 0.3;
        let corner: Vec<f64> = x.iter().map(|x| x + eps * if rng.array(&[1]).data[0] > 0.0 { 1.0 } else { -1.0 }).collect();
        let y = network.eval(&corner).unwrap();
        let label = (0..3).max_by(|&i, &j| y[j].total_cmp(&y[i])).unwrap();
        let region = Region::ball(Norm::Linf, &x, eps, &[-9.0; 20][..sizes[0]], &[9.0; 20][..sizes[0]]).unwrap();
        let property = Property::misclassified(label, 3).unwrap();
        let outcome = decide(&network, &region, &property, limits(2.0), &mut |x| property.is_violated(&network.eval(x).unwrap())).unwrap();
        assert!(!matches!(outcome.verdict, Verdict::Certified), "seed {seed}: the label loses at a corner of the box");
    }
}

#[test]
fn small_questions_are_decided_and_agree_with_sampling() {
    let mut rng = Rng::new(11);
    let mut counts = [0; 2];
    for seed in 0..40 {
        let sizes: &[usize] = if seed % 2 == 0 { &[3, 10, 10, 3] } else { &[16, 12, 12, 3] };
        let graph = perceptron(sizes, 100 + seed).unwrap();
        let network = Network::new(&graph, graph.outputs()[0]).unwrap();
        let x = rng.array(&[sizes[0]]).data;
        let y = network.eval(&x).unwrap();
        let label = (0..3).max_by(|&i, &j| y[i].total_cmp(&y[j])).unwrap();
        let region = Region::ball(Norm::Linf, &x, 0.15, &[-9.0; 20][..sizes[0]], &[9.0; 20][..sizes[0]]).unwrap();
        let property = Property::misclassified(label, 3).unwrap();
        let outcome = decide(&network, &region, &property, limits(20.0), &mut |x| property.is_violated(&network.eval(x).unwrap())).unwrap();
        match outcome.verdict {
            Verdict::Certified => {
                counts[0] += 1;
                for _ in 0..300 {
                    let point: Vec<f64> = x.iter().map(|x| x + 0.15 * rng.array(&[1]).data[0].clamp(-1.0, 1.0)).collect();
                    let margin = property.margin(&network.eval(&point).unwrap());
                    assert!(margin >= outcome.bound, "seed {seed}: {margin} is below the bound {}", outcome.bound);
                }
            }
            Verdict::Falsified { x } => {
                counts[1] += 1;
                assert!(property.is_violated(&network.eval(&x).unwrap()));
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(counts[0] > 5 && counts[1] > 2, "{counts:?}");
}

/// Every known counterexample lies in the box of its question, so that nothing of it may be certified.
#[test]
fn no_satisfiable_question_is_certified() {
    let Some(folder) = shared_data("certify") else { return };
    let stride = std::env::var("BRINELL_CERTIFY_ALL").map_or(23, |_| 1);
    let seconds: f64 = std::env::var("BRINELL_CERTIFY_ALL").ok().and_then(|s| s.parse().ok()).unwrap_or(0.2);
    let only = std::env::var("BRINELL_CERTIFY_ONLY").unwrap_or_default();
    let mut asked = 0;
    for family in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        if !family.display().to_string().contains(&only) {
            continue;
        }
        let verdicts = std::fs::read_to_string(family.join("verdicts.csv")).unwrap();
        let mut tally = std::collections::BTreeMap::new();
        let named = std::env::var("BRINELL_CERTIFY_LINE").unwrap_or_default();
        for line in verdicts.lines().skip(1).filter(|line| line.contains(&named)).step_by(stride) {
            let cells: Vec<&str> = line.split(',').collect();
            let query = Query::read(&std::fs::read_to_string(family.join(cells[1])).unwrap()).unwrap();
            let network = network(&family.join(cells[0]));
            let begun = Instant::now();
            let mut answer = "unsat";
            for case in &query.cases {
                let verify = &mut |x: &[f64]| case.property.is_violated(&network.eval(x).unwrap());
                let outcome = decide(&network, &case.region, &case.property, limits(seconds), verify).unwrap();
                if stride == 1 {
                    println!("  {} parts, bound {}", outcome.parts, outcome.bound);
                }
                match outcome.verdict {
                    Verdict::Certified => {}
                    Verdict::Falsified { .. } => answer = "sat",
                    _ if answer == "unsat" => answer = "unknown",
                    _ => {}
                }
            }
            let wrong = (answer, cells[3]) == ("unsat", "sat") || (answer, cells[3]) == ("sat", "unsat");
            assert!(!wrong, "{line}: {answer}");
            if stride == 1 {
                println!("{} {} {} {answer} {:.2}", cells[0], cells[1], cells[3], begun.elapsed().as_secs_f64());
            }
            *tally.entry((cells[3].to_owned(), answer)).or_insert(0) += 1;
            asked += 1;
        }
        println!("{} {tally:?}", family.display());
    }
    assert!(asked > 0);
}
