//! `brinell selftest`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use brinell::proofs;
use brinell::selftest::{Tested, selftest, write_cases};
use brinell::{Check, Running};
use clap::Args;

use super::audit::json;
use crate::console::{print, say};
use crate::exit::Exit;
use crate::failure::Failure;

/// Seconds for which the search looks for a proof of each network that has none.
const SECONDS: f64 = 0.5;

#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// Test only this attack; may be repeated
    #[arg(long = "attack", value_name = "NAME")]
    attacks: Vec<String>,

    /// Software that executes the models: auto, onnxruntime or rten
    #[arg(long, value_name = "RUNTIME", default_value = "auto")]
    runtime: String,

    /// Write the test models and cases.json to this folder for other programs, and run no tests
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,

    /// Print every check as JSON
    #[arg(long)]
    json: bool,
}

impl Selftest {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if let Some(folder) = &self.write {
            let n = write_cases(folder)?;
            print(&format!("{n} cases in {}\n", folder.display()));
            return Ok(Exit::Done);
        }
        let running = Running::on(self.runtime.parse().map_err(Failure::from_error)?);
        if !self.json {
            print(&header());
        }
        let mut done = |tested: &Tested| {
            if !self.json {
                print(&rows(tested));
            }
        };
        let (ran_on, tested) = selftest(&self.attacks, &running, &mut done)?;
        let findings: Vec<_> = tested.iter().flat_map(|tested| &tested.findings).collect();
        let failed: Vec<_> = findings.iter().filter(|finding| !finding.passed).collect();
        if self.json {
            print(&json(&tested.iter().flat_map(|tested| tested.findings.iter().map(line)).collect::<Vec<_>>())?);
        } else {
            print(&format!("\n{} of {} checks passed on {ran_on}\n", findings.len() - failed.len(), findings.len()));
        }
        let unsound = self.soundness()?;
        for finding in &failed {
            say(&format!("failed: {} {} {}, {}: {}", finding.attack, finding.norm, finding.check.name(), finding.case, finding.detail));
        }
        Ok(if failed.is_empty() && unsound == 0 { Exit::Done } else { Exit::Internal })
    }

    /// Tries to certify networks with planted counterexamples; returns how many are certified. Where single attacks are asked for, nothing is tried.
    fn soundness(&self) -> Result<usize, Failure> {
        if !self.attacks.is_empty() {
            return Ok(0);
        }
        let found = proofs::soundness(SECONDS, &AtomicBool::new(false), &mut |_| {})?;
        let unsound: Vec<_> = found.iter().filter(|case| !case.passed).collect();
        let text = format!("{} of {} networks with a planted counterexample are certified\n", unsound.len(), found.len());
        if self.json {
            say(text.trim_end())
        } else {
            print(&text)
        }
        unsound.iter().for_each(|case| say(&format!("failed: certify, {}: {}", case.case, case.detail)));
        Ok(unsound.len())
    }
}

/// One check as other programs read it.
fn line(finding: &brinell::Finding) -> BTreeMap<&'static str, serde_json::Value> {
    let mut line = BTreeMap::from([
        ("attack", finding.attack.clone().into()),
        ("norm", finding.norm.name().into()),
        ("check", finding.check.name().into()),
        ("case", finding.case.clone().into()),
        ("passed", finding.passed.into()),
    ]);
    if let Some(ratio) = finding.ratio {
        line.insert("ratio", ratio.into());
    }
    if !finding.passed {
        line.insert("detail", finding.detail.clone().into());
    }
    line
}

fn header() -> String {
    let mut out = format!("{:<14} {:<5}", "attack", "norm");
    for check in Check::ALL {
        let _ = write!(out, " {:>10}", check.name());
    }
    out + "  worst\n"
}

/// One line per norm: checks passed of those made, and the worst distance found over the optimum.
fn rows(tested: &Tested) -> String {
    let mut out = String::new();
    let mut norms: Vec<_> = tested.findings.iter().map(|finding| finding.norm).collect();
    norms.dedup();
    for norm in norms {
        let of_norm = || tested.findings.iter().filter(move |finding| finding.norm == norm);
        let _ = write!(out, "{:<14} {:<5}", tested.attack, norm.name());
        for check in Check::ALL {
            let made = of_norm().filter(|finding| finding.check == check).count();
            let passed = of_norm().filter(|finding| finding.check == check && finding.passed).count();
            let cell = if made == 0 { "-".to_owned() } else { format!("{passed}/{made}") };
            let _ = write!(out, " {cell:>10}");
        }
        let worst = of_norm().filter_map(|finding| finding.ratio).fold(f64::NAN, f64::max);
        let _ = if worst.is_nan() { writeln!(out, "      -") } else { writeln!(out, "  {worst:.4}") };
    }
    out
}
