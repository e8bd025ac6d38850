//! What the search certifies of networks that others made is proved again.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use brinell_certify::{Limits, Network, Query, Verdict, decide};
use brinell_checker::{Atom, Certificate, Checker, Statement};
use brinell_testkit::shared_data;

fn setting(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One question of each family; `BRINELL_CHECK_EVERY` takes one in so many, `BRINELL_CHECK_SECONDS` gives the search more time, and `BRINELL_CHECK_ONLY`
/// names a family.
#[test]
fn certificates_of_real_networks_are_confirmed() {
    let Some(folder) = shared_data("certify") else { return };
    let (every, seconds) = (setting("BRINELL_CHECK_EVERY", 1e9) as usize, setting("BRINELL_CHECK_SECONDS", 0.5));
    let only = std::env::var("BRINELL_CHECK_ONLY").unwrap_or_default();
    let mut confirmed = 0;
    for family in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        if !family.display().to_string().contains(&only) {
            continue;
        }
        let verdicts = std::fs::read_to_string(family.join("verdicts.csv")).unwrap();
        for line in verdicts.lines().skip(1).filter(|line| line.contains(",unsat")).step_by(every) {
            let cells: Vec<&str> = line.split(',').collect();
            let graph = brinell_onnx::read_file(&family.join(cells[0])).unwrap().graph;
            let query = Query::read(&std::fs::read_to_string(family.join(cells[1])).unwrap()).unwrap();
            let network = Network::new(&graph, graph.outputs()[0]).unwrap();
            let checker = Checker::new(&graph, graph.outputs()[0]).unwrap();
            for case in &query.cases {
                let deadline = Some(Instant::now() + Duration::from_secs_f64(seconds));
                let limits = Limits { deadline, memory: 1 << 30, stop: None, deployed: false, evidence: true };
                let begun = Instant::now();
                let outcome = decide(&network, &case.region, &case.property, limits, &mut |_| false).unwrap();
                let searched = begun.elapsed();
                if outcome.verdict != Verdict::Certified {
                    println!("{line}: {:?}", outcome.verdict);
                    continue;
                }
                let atom = |atom: &brinell_certify::Atom| Atom { row: atom.row.clone(), shift: atom.shift };
                let clauses = case.property.clauses().iter().map(|clause| clause.iter().map(atom).collect()).collect();
                let (lo, hi) = case.region.hull();
                let statement = Statement { lo: lo.to_vec(), hi: hi.to_vec(), ball: None, clauses, deployed: false };
                let certificate = Certificate { model: [0; 32], statement: statement.digest(), evidence: outcome.evidence.unwrap() };
                let bytes = certificate.to_bytes();
                let begun = Instant::now();
                let read = Certificate::from_bytes(&bytes).unwrap();
                let checked = checker.check(&[0; 32], &statement, &read, &AtomicBool::new(false));
                println!(
                    "{line}: {} parts, {} bytes, searched in {:.2} s, checked in {:.2} s: {checked:?}",
                    outcome.parts,
                    bytes.len(),
                    searched.as_secs_f64(),
                    begun.elapsed().as_secs_f64()
                );
                assert!(checked.is_ok(), "{line}: {checked:?}");
                confirmed += 1;
            }
        }
    }
    assert!(confirmed > 0 || !only.is_empty());
}
