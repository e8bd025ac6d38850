//! APGD under answers written by hand, where its choices show.

use brinell_attack::{Apgd, ApgdConfig, ApgdLoss, Next, Recipe, Reply, Start};
use brinell_threat::{Ball, InputBox, Norm};

/// All points of a run of 100 steps on one element, with these losses and gradients at the k-th point.
fn path(reference_quirk: bool, answer: impl Fn(u32) -> (f32, f32)) -> Vec<f32> {
    let apgd = Apgd::new(ApgdConfig { reference_quirk, ..ApgdConfig::new(ApgdLoss::Dlr) }).unwrap();
    let ball = Ball { norm: Norm::Linf, eps: 1.0, bounds: InputBox::new(-8.0, 8.0).unwrap(), features: None };
    let start = Start::new(&[0.0], &ball);
    let mut attack = apgd.start_at(&start, &[0.25]);
    let (mut points, mut x) = (Vec::new(), [f32::NAN]);
    assert_eq!(apgd.steps(), 100);
    loop {
        attack.ask(&mut x);
        let (loss, gradient) = answer(points.len() as u32);
        points.push(x[0]);
        if attack.tell(&Reply { loss, gradient: &[gradient], ..Reply::UNTOLD }) == Next::Done {
            return points;
        }
    }
}

/// First point that differs.
fn parting(a: &[f32], b: &[f32]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b)
}

#[test]
fn the_reference_quirk_shows_at_the_first_checkpoint() {
    // Seventeen rises below zero, the first update's among them, are just enough not to halve the step.
    let slow = |k: u32| (if k <= 17 { -100.0 + k as f32 } else { -90.0 }, if k.is_multiple_of(2) { 1.0 } else { -1.0 });
    assert_eq!(parting(&path(false, slow), &path(true, slow)), Some(23));
    // Above zero there is nothing to miss.
    let above = |k: u32| (slow(k).0 + 101.0, slow(k).1);
    assert_eq!(parting(&path(false, above), &path(true, above)), None);
}

#[test]
fn the_first_of_equally_good_points_is_the_best() {
    // The loss never rises, so that every checkpoint goes back to the start, 0.25, and takes a halved step from there along its gradient;
    // the momentum that is kept comes from where the run was before.
    let flat = path(false, |k| (1.0, if k == 0 { 1.0 } else { -1.0 }));
    let (before, after) = (flat[21], flat[23]);
    let expected = (0.25 + 0.75 * 0.75 + 0.25 * (0.25 - before)).min(1.0);
    assert_eq!(after, expected);
}
