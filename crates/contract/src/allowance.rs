//! How near the optimum each attack is held to come, and why some are held to less.

use brinell_threat::Norm;

use crate::problem::Problem;
use brinell_attack::{Knowledge, Recipe};

/// How far above the optimum the attack must succeed, relative to it: 1 %, or 5 % where it sees labels only. `None` where the attack promises
/// nothing on the problem.
///
/// Less is asked of
///
/// - FGSM: one step of the gradient's sign is exact only in Linf where one plane decides and the box is away;
/// - Square in L2 and L1: its points are sums of bumps of one shape, which cannot follow a plane's slope element by element, however long it
///   tries, least of all on an image that is hardly larger than its smallest window; three times the optimum is asked;
/// - APGD in L1: the last share of its steps, which alone keeps to the radius, moves many elements at once, while the optimum may be one
///   single element; 10 % are asked;
/// - rules of transfer: their ten steps along a running sum end short of the optimum where a second piece of a ReLU net begins, and half of it is asked there. Views that move
///   pixels look at another model altogether where no neighbour resembles another, as in these nets: nothing is asked.
#[must_use]
pub fn allowance(attack: &dyn Recipe, norm: Norm, problem: &Problem) -> Option<f64> {
    let one_plane = problem.net.hidden.is_none() && problem.net.n_classes() == 2;
    match (attack.name(), norm) {
        // It reads trees, which none of the problems has.
        _ if attack.reads_trees() => None,
        (name, _) if attack.ends_where_it_points() => {
            let moves = name.split('+').any(|rule| ["dem", "bsr", "sia", "decowa"].contains(&rule));
            (!moves).then_some(if problem.net.hidden.is_some() { 0.5 } else { 0.01 })
        }
        ("fgsm", Norm::Linf) if one_plane => Some(0.01),
        ("fgsm", _) => None,
        ("square", Norm::L2 | Norm::L1) => Some(2.0),
        (name, Norm::L1) if name.starts_with("apgd") => Some(0.1),
        _ => Some(if attack.knowledge() == Knowledge::Label { 0.05 } else { 0.01 }),
    }
}
