//! Rules of features, and frames that keep them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use brinell_threat::{Ball, Change, Eps, Feature, Features, InputBox, Norm, Values, Violation};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const DIM: usize = 9;

/// Six features of all kinds, and a one-hot group of three.
fn features() -> impl Strategy<Value = Features> {
    let one = (-50.0f32..50.0, 1.0f32..100.0, 0.01f64..20.0, 0usize..3, 0usize..4);
    (prop::collection::vec(one, DIM - 3), 0.5f64..10.0).prop_map(|(ones, unit)| {
        let mut list: Vec<Feature> = ones
            .into_iter()
            .map(|(lo, width, unit, kind, change)| Feature {
                lo,
                hi: lo + width,
                unit,
                values: [Values::Real, Values::Whole, Values::OneOf(vec![lo, lo + width / 3.0, lo + width])][kind].clone(),
                change: [Change::Any, Change::Increase, Change::Decrease, Change::None][change],
                keep: Vec::new(),
            })
            .collect();
        list.resize(DIM, Feature { lo: 0.0, hi: 1.0, unit, values: Values::OneOf(vec![0.0, 1.0]), change: Change::Any, keep: Vec::new() });
        Features::new(list, vec![vec![DIM - 3, DIM - 2, DIM - 1]]).unwrap()
    })
}

fn cases() -> impl Strategy<Value = (Ball, Vec<f32>, Vec<f32>)> {
    let places = || prop::collection::vec(0.0f32..1.0, DIM);
    (features(), prop::sample::select(Norm::ALL.to_vec()), 0.01f64..3.0, places(), places()).prop_map(|(features, norm, eps, x, z)| {
        let clean = |(feature, &u): (&Feature, &f32)| {
            let v = feature.lo + u * (feature.hi - feature.lo);
            feature.nearest(f64::from(v), feature.lo, feature.hi).unwrap_or(v)
        };
        let mut clean: Vec<f32> = features.list().iter().zip(&x).map(clean).collect();
        clean[DIM - 3..].copy_from_slice(&[0.0, 1.0, 0.0]);
        let eps = if norm == Norm::L0 { (eps * 2.0).ceil() } else { eps };
        let mut ball = Ball::new(norm, &Eps::new(eps).unwrap(), InputBox::new(-50.0, 150.0).unwrap());
        let z = z.iter().map(|u| u * 300.0 - 100.0).collect();
        ball.features = Some(Arc::new(features));
        (ball, clean, z)
    })
}

proptest! {
    #[test]
    fn projected_points_keep_every_rule_and_the_radius((ball, x, z) in cases()) {
        let mut y = z;
        ball.project(&x, &mut y);
        prop_assert_eq!(ball.contains(&x, &y), Ok(()));
        prop_assert!(ball.distance(&x, &y) <= ball.eps, "{} > {}", ball.distance(&x, &y), ball.eps);
    }

    #[test]
    fn what_is_missing_stays_missing((ball, x, z) in cases(), place in 0..DIM - 3) {
        let mut x = x;
        x[place] = f32::NAN;
        let mut y = z;
        ball.project(&x, &mut y);
        prop_assert!(y[place].is_nan() && y.iter().enumerate().all(|(index, v)| index == place || v.is_finite()), "{:?}", y);
        prop_assert_eq!(ball.contains(&x, &y), Ok(()));
        y[place] = ball.features.as_ref().unwrap().list()[place].lo;
        prop_assert!(ball.contains(&x, &y).is_err(), "nothing fills it");
    }

    #[test]
    fn drawn_points_keep_every_rule_and_the_radius((ball, x, _) in cases(), seed in 0u64..1000) {
        let mut y = vec![0.0; DIM];
        ball.sample_uniform(&x, &mut ChaCha8Rng::seed_from_u64(seed), &mut y);
        prop_assert_eq!(ball.contains(&x, &y), Ok(()));
    }

    #[test]
    fn the_centre_is_the_clean_input_bit_for_bit((ball, x, _) in cases()) {
        for beyond in [false, true] {
            let frame = ball.frame(&x, beyond).unwrap();
            let mut y = vec![f32::NAN; DIM];
            frame.realise(frame.centre(), &mut y);
            prop_assert_eq!(&y, &x);
        }
    }

    #[test]
    fn a_frame_beyond_the_ball_keeps_the_rules_alone((ball, x, z) in cases()) {
        let frame = ball.frame(&x, true).unwrap();
        let mut y = vec![0.0; DIM];
        frame.realise(&frame.units(&z), &mut y);
        let beyond = Ball { eps: f64::INFINITY, ..ball };
        prop_assert_eq!(beyond.contains(&x, &y), Ok(()));
    }
}

#[test]
fn each_rule_is_judged_by_itself() {
    let feature = |values, change| Feature { lo: 0.0, hi: 10.0, unit: 2.0, values, change, keep: Vec::new() };
    let list = vec![
        feature(Values::Whole, Change::Any),
        feature(Values::Real, Change::Increase),
        feature(Values::OneOf(vec![1.0, 5.0]), Change::Any),
        feature(Values::Real, Change::None),
    ];
    let mut ball = Ball::unlimited(Norm::Linf, InputBox::new(0.0, 10.0).unwrap());
    ball.features = Some(Arc::new(Features::new(list, Vec::new()).unwrap()));
    let x = [2.5, 4.0, 1.0, 12.0];
    let index = |point: [f32; 4]| match ball.contains(&x, &point) {
        Err(Violation::Feature { index, .. }) => Some(index),
        Err(other) => unreachable!("{other}"),
        Ok(()) => None,
    };
    // What stays as it is breaks no rule, be it half a number or outside the range.
    assert_eq!(index(x), None);
    assert_eq!(index([3.5, 4.0, 1.0, 12.0]), Some(0));
    assert_eq!(index([11.0, 4.0, 1.0, 12.0]), Some(0));
    assert_eq!(index([3.0, 3.9, 1.0, 12.0]), Some(1));
    assert_eq!(index([3.0, 4.1, 4.0, 12.0]), Some(2));
    assert_eq!(index([3.0, 4.1, 5.0, 11.0]), Some(3));
    assert_eq!(index([3.0, 4.1, 5.0, 12.0]), None);
    assert_eq!(ball.distance(&x, &[3.0, 4.1, 5.0, 12.0]), 2.0);
}

#[test]
fn the_one_of_a_group_moves_where_the_radius_allows_it() {
    let feature = Feature { lo: 0.0, hi: 1.0, unit: 4.0, values: Values::OneOf(vec![0.0, 1.0]), change: Change::Any, keep: Vec::new() };
    let features = Arc::new(Features::new(vec![feature; 3], vec![vec![0, 1, 2]]).unwrap());
    let moved = |eps: f64| {
        let mut ball = Ball::new(Norm::Linf, &Eps::new(eps).unwrap(), InputBox::UNIT);
        ball.features = Some(Arc::clone(&features));
        let frame = ball.frame(&[1.0, 0.0, 0.0], false).unwrap();
        let mut y = [0.0; 3];
        frame.realise(&[0.05, 0.1, 0.2], &mut y);
        y
    };
    // A changed category counts a quarter.
    assert_eq!(moved(0.25), [0.0, 0.0, 1.0]);
    assert_eq!(moved(0.2), [1.0, 0.0, 0.0]);
}

#[test]
fn values_that_are_kept_neither_change_nor_come() {
    let keep = vec![0.0, 4.0, 5.0, 10.0];
    let feature = |values| Feature { lo: 0.0, hi: 10.0, unit: 1.0, values, change: Change::Any, keep: keep.clone() };
    for (v, expected) in [(0.2, 1.0), (4.4, 3.0), (4.6, 6.0), (5.0, 6.0), (9.9, 9.0), (7.2, 7.0)] {
        assert_eq!(feature(Values::Whole).nearest(v, 0.0, 10.0), Some(expected), "{v}");
    }
    assert_eq!(feature(Values::Whole).nearest(4.4, 4.0, 5.0), None);
    assert_eq!(feature(Values::OneOf(vec![0.0, 2.0, 4.0])).nearest(4.0, 0.0, 10.0), Some(2.0));
    let beside = feature(Values::Real).nearest(4.0, 0.0, 10.0).unwrap();
    assert!(beside != 4.0 && (beside - 4.0).abs() < 1e-6);
    assert_eq!((feature(Values::Whole).reach(4.0, 3.0), feature(Values::Whole).reach(6.0, 3.0)), ((4.0, 4.0), (3.0, 9.0)));
    let features = Features::new(vec![feature(Values::Whole)], Vec::new()).unwrap();
    assert!(features.allows(&[4.0], &[4.0]).is_ok() && features.allows(&[3.0], &[6.0]).is_ok());
    assert!(features.allows(&[4.0], &[6.0]).is_err() && features.allows(&[6.0], &[4.0]).is_err());
    assert!(!features.leave_all());
    let narrow = Feature { lo: 1.0, hi: 9.0, ..feature(Values::Whole) };
    let features = std::sync::Arc::new(Features::new(vec![narrow], Vec::new()).unwrap());
    let ball = Ball { norm: Norm::L0, eps: 1.0, bounds: brinell_threat::InputBox::BYTE, features: Some(features) };
    assert!([0.0, 1.0, 9.0, 10.0].into_iter().all(|value| ball.expects(0, value)) && !ball.expects(0, 11.0));
    let wrong = Feature { keep: vec![f32::NAN], ..feature(Values::Real) };
    assert!(Features::new(vec![wrong], Vec::new()).is_err());
}
