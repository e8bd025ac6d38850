//! The checks of one attack on all cases.

use brinell_threat::Norm;

use crate::allowance::allowance;
use crate::harness::{Harness, HarnessError, Open, Way};
use crate::problem::{Problem, problems};
use crate::{degenerate, invariance};
use brinell_attack::{Recipe, recipe};

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// An example is found within a radius a hair above the optimum.
    Above,
    /// None is found below the optimum.
    Below,
    /// The nearest example is as near as the optimum, within the tolerance.
    Nearest,
    /// Changes of the model that change no prediction, and of how samples are batched, change no verdict.
    Invariant,
    /// Hostile cases end, without an example where there is none.
    Degenerate,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 5] = [Self::Above, Self::Below, Self::Nearest, Self::Invariant, Self::Degenerate];

    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
            Self::Nearest => "nearest",
            Self::Invariant => "invariant",
            Self::Degenerate => "degenerate",
        }
    }
}

/// What came of one check of one attack on one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the attack.
    pub attack: String,
    /// Norm of the ball.
    pub norm: Norm,
    /// What was checked.
    pub check: Check,
    /// Name of the case.
    pub case: String,
    /// True where the attack does what it must.
    pub passed: bool,
    /// Distance found over the optimum; for [`Check::Nearest`] only.
    pub ratio: Option<f64>,
    /// What was seen, where it did not pass.
    pub detail: String,
}

/// The radius a tolerance above an optimum; L0 counts elements, of which one more is the least that is more.
pub(crate) fn above(norm: Norm, optimum: f64, tolerance: f64) -> f64 {
    if norm == Norm::L0 { (optimum * (1.0 + tolerance)).ceil().max(optimum + 1.0) } else { optimum * (1.0 + tolerance) }
}

/// The largest radius that is safely below an optimum.
pub(crate) fn below(norm: Norm, optimum: f64) -> f64 {
    if norm == Norm::L0 { optimum - 1.0 } else { optimum * (1.0 - 1e-4) }
}

/// The settings under which an attack is held to the contract, where its defaults promise less or do more than such small inputs need: fixed steps
/// of PGD's default length leave some of the random start in place; gradients estimated from few pairs leave some of the way untaken; attacks that see
/// labels only would go on for tens of thousands of queries.
fn spec(name: &str) -> &str {
    match name {
        "pgd" => "pgd:steps=100,step=0.2",
        "boundary" => "boundary:steps=8000",
        "hopskipjump" => "hopskipjump:steps=25",
        "surfree" => "surfree:steps=1500",
        "nes" => "nes:pairs=50",
        "spsa" => "spsa:pairs=50",
        "cw" => "cw:steps=100",
        "ddn" => "ddn:steps=200",
        "ead" => "ead:steps=100",
        "fmn" => "fmn:steps=200",
        "pdpgd" => "pdpgd:steps=200",
        "sigma-zero" => "sigma-zero:steps=200",
        other => other,
    }
}

/// Runs every check of the attack called `name` in every norm that it works in.
///
/// # Errors
/// [`HarnessError`] where a case cannot be run; what an attack fails at is a [`Finding`].
pub fn check(name: &str, harness: &Harness, open: &mut Open<'_>) -> Result<Vec<Finding>, HarnessError> {
    let attack = recipe(spec(name))?;
    let mut findings = Vec::new();
    for &norm in attack.norms() {
        for problem in problems() {
            radius(attack.as_ref(), norm, &problem, harness, open, &mut findings)?;
            if attack.seeks_minimum() {
                nearest(attack.as_ref(), norm, &problem, harness, open, &mut findings)?;
            }
        }
        invariance::check(attack.as_ref(), norm, harness, open, &mut findings)?;
        degenerate::check(attack.as_ref(), norm, harness, open, &mut findings)?;
    }
    Ok(findings)
}

/// A fixed radius just above and just below the optimum; two classes also with a target.
fn radius(
    attack: &dyn Recipe,
    norm: Norm,
    problem: &Problem,
    harness: &Harness,
    open: &mut Open<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), HarnessError> {
    let optimum = problem.optimum(norm);
    let targets: &[Option<usize>] = if problem.net.n_classes() == 2 { &[None, Some(1)] } else { &[None] };
    for &target in targets {
        let case = if target.is_some() { format!("{}, targeted", problem.name) } else { problem.name.clone() };
        let mut run = |eps: f64| harness.run(open, attack, problem, norm, Way { target, ..Way::within(eps) });
        let found = |verdicts: &[brinell_attack::driver::Verdict]| verdicts.iter().any(|verdict| verdict.found.is_some());
        if let Some(allowance) = allowance(attack, norm, problem) {
            let eps = above(norm, optimum, allowance);
            let verdicts = run(eps)?;
            let passed = found(&verdicts);
            let margin = verdicts.first().map_or(f64::NAN, |verdict| verdict.margin);
            let detail = format!("no example within {eps:.6}, optimum {optimum:.6}; largest margin {margin:.3e}");
            findings.push(Finding {
                attack: attack.name().to_owned(),
                norm,
                check: Check::Above,
                case: case.clone(),
                passed,
                ratio: None,
                detail,
            });
        }
        let eps = below(norm, optimum);
        let passed = !found(&run(eps)?);
        let detail = format!("an example within {eps:.6}, below the optimum {optimum:.6}");
        findings.push(Finding { attack: attack.name().to_owned(), norm, check: Check::Below, case, passed, ratio: None, detail });
    }
    Ok(())
}

/// The nearest example without a radius.
fn nearest(
    attack: &dyn Recipe,
    norm: Norm,
    problem: &Problem,
    harness: &Harness,
    open: &mut Open<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), HarnessError> {
    let optimum = problem.optimum(norm);
    let verdicts = harness.run(open, attack, problem, norm, Way::nearest())?;
    let ball = brinell_threat::Ball::unlimited(norm, Problem::BOUNDS);
    let found = verdicts.first().and_then(|verdict| verdict.found.as_ref()).map(|found| ball.distance(&problem.x, &found.x_adv));
    let limit = above(norm, optimum, allowance(attack, norm, problem).unwrap_or(f64::INFINITY));
    let passed = found.is_some_and(|distance| distance <= limit && distance >= optimum * (1.0 - 1e-5));
    let detail = match found {
        Some(distance) => format!("nearest example at {distance:.6}, optimum {optimum:.6}"),
        None => format!("no example, optimum {optimum:.6}"),
    };
    findings.push(Finding {
        attack: attack.name().to_owned(),
        norm,
        check: Check::Nearest,
        case: problem.name.clone(),
        passed,
        ratio: found.map(|distance| distance / optimum),
        detail,
    });
    Ok(())
}
