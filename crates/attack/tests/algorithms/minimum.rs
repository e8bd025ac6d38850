//! Minimum-norm attacks beyond the contract: with a target, on a model that bends, at their papers' settings, and from an example that is known.

use crate::linear::{Problem, largest_drop, problem};
use crate::model::{Linear, Model, Trace, run};
use brinell_attack::{Recipe, Start, recipe};
use brinell_threat::{Ball, InputBox, Norm};

/// Every minimum-norm attack, with fewer steps where the default would take long here.
const ATTACKS: [&str; 8] =
    ["deepfool", "cw:steps=200", "ddn:steps=300", "fmn:steps=300", "ead:steps=200", "pdpgd:steps=300", "sigma-zero:steps=300", "bim"];

fn each(mut check: impl FnMut(&dyn Recipe, Norm)) {
    for name in ATTACKS {
        let made = recipe(name).unwrap();
        made.norms().iter().for_each(|&norm| check(&*made, norm));
    }
}

/// Runs an attack from a clean input of class 0, of two, without a radius.
fn attack(recipe: &dyn Recipe, model: &dyn Model, x: &[f32], norm: Norm, target: Option<usize>, found: Option<&[f32]>) -> Trace {
    let ball = Ball::unlimited(norm, InputBox::UNIT);
    let logits: Vec<f32> = model.logits(x).iter().map(|&z| z as f32).collect();
    let start = Start { logits: &logits, target, found, seed: 5, sample: 9, ..Start::new(x, &ball, 0, logits.len()) };
    run(recipe.start(&start), model, recipe.loss(target.is_some(), logits.len()), 0, target, x.len())
}

/// Distance of the nearest point that reached the goal.
fn nearest(trace: &Trace, x: &[f32], norm: Norm) -> f64 {
    let ball = Ball::unlimited(norm, InputBox::UNIT);
    let found = trace.points.iter().zip(&trace.margins).filter(|(_, margin)| **margin > 0.0);
    found.map(|(point, _)| ball.distance(x, point)).fold(f64::INFINITY, f64::min)
}

/// A radius and a linear problem whose nearest example is there.
fn known(norm: Norm, inset: f32, eps: f64) -> (f64, Problem) {
    let eps = match norm {
        Norm::L0 => (10.0 * eps).ceil(),
        Norm::L1 => 3.0 * eps,
        _ => eps,
    };
    let lead = largest_drop(&problem(inset, 0.0), norm, eps);
    // A hair less than all of it, so that the whole number of elements is enough.
    (eps, problem(inset, if norm == Norm::L0 { lead * 0.999 } else { lead }))
}

fn assert_near(name: &str, norm: Norm, found: f64, optimum: f64) {
    assert!(found <= optimum * 1.01 && found >= optimum * (1.0 - 1e-5), "{name} {norm}: {found} for {optimum}");
}

#[test]
fn a_target_is_reached_as_near_as_it_can_be() {
    each(|recipe, norm| {
        for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.0, 0.9)] {
            let (optimum, Problem { model, x, .. }) = known(norm, inset, eps);
            let trace = attack(recipe, &model, &x, norm, Some(1), None);
            assert_near(recipe.name(), norm, nearest(&trace, &x, norm), optimum);
        }
    });
}

/// The margin of a linear model, bent: shallow up to three tenths of the way, then a hundred times steeper, then shallow again.
struct Bent {
    inner: Linear,
    lead: f64,
}

impl Bent {
    fn place(&self, x: &[f32]) -> f64 {
        let z = self.inner.logits(x);
        1.0 - (z[0] - z[1]) / self.lead
    }
}

impl Model for Bent {
    fn logits(&self, x: &[f32]) -> Vec<f64> {
        let u = self.place(x);
        let margin = if u < 0.3 { -7.07 + 0.1 * u } else { (u - 1.0).min(0.0) * 10.1 - 0.03 + 0.03 + (u - 1.0).max(0.0) * 0.1 };
        vec![0.0, margin]
    }

    fn pull_back(&self, x: &[f32], weights: &[f64]) -> Vec<f64> {
        let u = self.place(x);
        let slope = if (0.3..=1.0).contains(&u) { 10.1 } else { 0.1 };
        let difference = (weights[1] - weights[0]) * 0.5 / self.lead * slope;
        self.inner.pull_back(x, &[-difference, difference])
    }
}

#[test]
fn a_slope_that_changes_a_hundredfold_on_the_way_leads_no_attack_astray() {
    each(|recipe, norm| {
        for (inset, eps) in [(0.3, 0.1), (0.0, 0.4)] {
            let (optimum, Problem { model, x, .. }) = known(norm, inset, eps);
            let z = model.logits(&x);
            let bent = Bent { lead: z[0] - z[1], inner: model };
            let trace = attack(recipe, &bent, &x, norm, None, None);
            assert_near(recipe.name(), norm, nearest(&trace, &x, norm), optimum);
        }
    });
}

#[test]
fn without_polish_the_attacks_of_the_papers_come_near_by_themselves() {
    // DeepFool overshoots by its 2 %; the L1 shrinkage of PDPGD pulls back from the boundary at every step; sigma-zero counts whole elements.
    for (name, norm, within) in [
        ("deepfool:polish=0", Norm::L2, 1.03),
        ("deepfool:polish=0", Norm::Linf, 1.03),
        ("cw:polish=0", Norm::L2, 1.02),
        ("ddn:polish=0", Norm::L2, 1.01),
        ("fmn:polish=0", Norm::Linf, 1.01),
        ("fmn:polish=0", Norm::L2, 1.01),
        ("fmn:polish=0", Norm::L1, 1.01),
        ("pdpgd:polish=0", Norm::L2, 1.02),
        ("pdpgd:polish=0", Norm::Linf, 1.02),
        ("pdpgd:polish=0", Norm::L1, 1.06),
        ("sigma-zero:polish=0", Norm::L0, 1.26),
        ("bim:polish=0,searches=30", Norm::Linf, 1.01),
    ] {
        let (optimum, Problem { model, x, .. }) = known(norm, 0.0, 0.4);
        let found = nearest(&attack(&*recipe(name).unwrap(), &model, &x, norm, None, None), &x, norm);
        assert!(found <= optimum * within, "{name} {norm}: {found} for {optimum}");
    }
}

#[test]
fn what_is_known_is_polished_even_if_the_search_itself_finds_nothing() {
    for norm in Norm::ALL {
        let (optimum, Problem { model, x, w }) = known(norm, 0.0, 0.4);
        // The farthest corner, and a search that is over after one point.
        let corner: Vec<f32> = w.iter().map(|w| if *w > 0.0 { 0.0 } else { 1.0 }).collect();
        let trace = attack(&*recipe("fmn:steps=1").unwrap(), &model, &x, norm, None, Some(&corner));
        assert_near("fmn", norm, nearest(&trace, &x, norm), optimum);
        assert!(trace.points.len() <= 21, "{norm}: {} points", trace.points.len());
    }
}
