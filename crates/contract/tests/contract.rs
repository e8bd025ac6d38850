//! Every attack keeps the contract, on nets that are computed in f64.

use brinell_attack::driver::Model;
use brinell_contract::{Harness, check};

#[test]
fn every_attack_keeps_the_contract() {
    let harness = Harness::new(2).unwrap();
    let mut failed = Vec::new();
    // The models of the contract have no trees.
    for attack in brinell_attack::attacks().filter(|attack| !attack.reads_trees) {
        let mut open = |problem: &brinell_contract::Problem, _| Ok(Box::new(problem.net.clone()) as Box<dyn Model>);
        let findings = check(attack.name, &harness, &mut open).unwrap();
        assert!(findings.len() > 20, "{}: {} checks", attack.name, findings.len());
        failed.extend(findings.into_iter().filter(|finding| !finding.passed));
    }
    let lines: Vec<String> =
        failed.iter().map(|f| format!("{} {} {} {}: {}", f.attack, f.norm, f.check.name(), f.case, f.detail)).collect();
    assert!(failed.is_empty(), "{}", lines.join("\n"));
}
