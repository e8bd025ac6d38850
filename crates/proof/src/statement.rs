//! What is to be proved of a sample, as a checker reads it.

use brinell_certify::{CertifyError, Property, Region};
use brinell_checker::{Atom, Power, Statement};
use brinell_threat::{Ball, Norm, ROUNDING_ALLOWANCE};

use crate::ProofError;

/// The statement that no allowed change of `x` makes another class than `label` the largest of `classes` outputs, or, with a target, makes that class the
/// largest; a tie counts as one.
///
/// The ball is taken with the allowance that the referee grants. It holds for f32 arithmetic, too.
///
/// # Errors
/// [`ProofError::Kind`] for rules of features and L0, [`ProofError::Network`] where there is no such class.
pub(crate) fn statement(x: &[f32], label: usize, target: Option<usize>, classes: usize, ball: &Ball) -> Result<Statement, ProofError> {
    if ball.features.is_some() {
        return Err(ProofError::Kind { reason: "certificates do not support rules for features" });
    }
    let winner = target.unwrap_or(label);
    if winner >= classes {
        return Err(ProofError::Network(CertifyError::Length { what: "the label", expected: classes, found: winner }));
    }
    let centre: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let eps = ball.eps * (1.0 + ROUNDING_ALLOWANCE);
    let range = |i: usize| ball.range(i);
    let lo = centre.iter().enumerate().map(|(i, x)| (x - eps).next_down().max(f64::from(range(i).0))).collect();
    let hi = centre.iter().enumerate().map(|(i, x)| (x + eps).next_up().min(f64::from(range(i).1))).collect();
    let power = match ball.norm {
        Norm::Linf => None,
        Norm::L2 => Some(Power::Two),
        Norm::L1 => Some(Power::One),
        Norm::L0 => return Err(ProofError::Kind { reason: "certificates do not support the norm l0" }),
    };
    let ahead = |of: usize, other: usize| {
        let mut row = vec![0.0; classes];
        (row[of], row[other]) = (1.0, -1.0);
        Atom { row, shift: 0.0 }
    };
    let others = (0..classes).filter(|&other| other != winner);
    let clauses = match target {
        None => others.map(|rival| vec![ahead(label, rival)]).collect(),
        Some(target) => vec![others.map(|rival| ahead(rival, target)).collect()],
    };
    Ok(Statement { lo, hi, ball: power.map(|power| brinell_checker::Ball { power, centre, eps }), clauses, deployed: true })
}

/// The same as a question of the search.
///
/// # Errors
/// [`CertifyError`] where the statement makes no sense.
pub(crate) fn question(statement: &Statement, outputs: usize) -> Result<(Region, Property), CertifyError> {
    let region = match &statement.ball {
        None => Region::between(statement.lo.clone(), statement.hi.clone())?,
        Some(ball) => {
            let norm = if ball.power == Power::One { Norm::L1 } else { Norm::L2 };
            Region::ball(norm, &ball.centre, ball.eps, &statement.lo, &statement.hi)?
        }
    };
    let atom = |atom: &Atom| brinell_certify::Atom { row: atom.row.clone(), shift: atom.shift };
    let clauses = statement.clauses.iter().map(|clause| clause.iter().map(atom).collect()).collect();
    Ok((region, Property::new(clauses, outputs)?))
}
