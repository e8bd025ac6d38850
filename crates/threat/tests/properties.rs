//! Properties of projections, support functions and samplers.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_threat::{Ball, Eps, InputBox, Norm, ThreatError, Violation, fill_normal, fill_uniform, onto_plane};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const DIM: usize = 21;

/// A clean input in the box, two points anywhere near, and a ball.
#[derive(Debug, Clone)]
struct Case {
    ball: Ball,
    x: Vec<f32>,
    z: Vec<f32>,
    w: Vec<f32>,
}

fn norms() -> impl Strategy<Value = Norm> {
    prop::sample::select(Norm::ALL.to_vec())
}

fn radii() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(8.0 / 255.0), Just(1e-7), Just(1e-12), 0.0..3.0f64, (-9.0..0.0f64).prop_map(|p| 10f64.powf(p))]
}

fn boxes() -> impl Strategy<Value = InputBox> {
    prop_oneof![
        Just(InputBox::UNIT),
        Just(InputBox::new(0.0, 255.0).unwrap()),
        Just(InputBox::new(-1.0, 1.0).unwrap()),
        Just(InputBox::new(-2.117_9, 2.64).unwrap()),
    ]
}

/// Positions in units of the box, with its corners as frequent guests.
fn positions(reach: f64) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![1 => Just(0.0), 1 => Just(1.0), 4 => -reach..1.0 + reach], DIM)
}

fn cases() -> impl Strategy<Value = Case> {
    (norms(), radii(), boxes(), positions(0.0), positions(1.5), positions(1.5)).prop_map(|(norm, eps, bounds, x, z, w)| {
        let place = |v: Vec<f64>| -> Vec<f32> { v.iter().map(|u| (f64::from(bounds.lo()) + u * bounds.width()) as f32).collect() };
        let inside = place(x).iter().map(|v| v.max(bounds.lo()).min(bounds.hi())).collect();
        // Of the 21 elements of L0 some or all may change.
        let eps = if norm == Norm::L0 { (eps * 8.0).floor() } else { eps * bounds.width() };
        let ball = Ball::new(norm, &Eps::new(eps).unwrap(), bounds);
        Case { ball, x: inside, z: place(z), w: place(w) }
    })
}

/// Cases of the norms whose balls are convex.
fn convex_cases() -> impl Strategy<Value = Case> {
    cases().prop_filter("L0 has no convex ball", |case| case.ball.norm != Norm::L0)
}

fn assert_inside(case: &Case, y: &[f32]) {
    assert!(y.iter().all(|&v| case.ball.bounds.contains(v)), "outside the box");
    let distance = case.ball.distance(&case.x, y);
    assert!(distance <= case.ball.eps, "{distance} is above {}, by {:e}", case.ball.eps, distance - case.ball.eps);
}

fn euclidean(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

/// Error of rounding one point to f32, twice over since a point may be rounded and then pulled back inside.
fn rounding(case: &Case) -> f64 {
    let scale = f64::from(case.ball.bounds.lo().abs().max(case.ball.bounds.hi().abs()));
    4.0 * scale * f64::from(f32::EPSILON) * (DIM as f64).sqrt()
}

fn inner(a: &[f32], x: &[f32], y: &[f32]) -> f64 {
    a.iter().zip(x.iter().zip(y)).map(|(a, (x, y))| f64::from(*a) * (f64::from(*y) - f64::from(*x))).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn projections_are_inside_without_slack_and_idempotent(case in cases()) {
        for project in [Ball::project, Ball::project_reference] {
            let mut once = case.z.clone();
            project(&case.ball, &case.x, &mut once);
            assert_inside(&case, &once);
            prop_assert_eq!(case.ball.contains(&case.x, &once), Ok(()));
            let mut twice = once.clone();
            project(&case.ball, &case.x, &mut twice);
            prop_assert_eq!(&once, &twice);
        }
    }

    #[test]
    fn exact_projection_does_not_expand_distances(case in convex_cases()) {
        let (mut z, mut w) = (case.z.clone(), case.w.clone());
        case.ball.project(&case.x, &mut z);
        case.ball.project(&case.x, &mut w);
        prop_assert!(euclidean(&z, &w) <= euclidean(&case.z, &case.w) + 2.0 * rounding(&case));
    }

    #[test]
    fn projection_onto_few_elements_is_nearer_than_any_other_allowed_point(case in cases()) {
        let case = Case { ball: Ball { norm: Norm::L0, eps: case.ball.eps.min(30.0).floor(), ..case.ball }, ..case };
        let (mut y, mut other) = (case.z.clone(), case.w.clone());
        case.ball.project(&case.x, &mut y);
        case.ball.project(&case.x, &mut other);
        prop_assert!(euclidean(&case.z, &y) <= euclidean(&case.z, &other));
        // Of two elements, one changed and one not, none is better the other way round.
        for i in (0..DIM).filter(|&i| y[i] != case.x[i]) {
            for j in (0..DIM).filter(|&j| y[j] == case.x[j]) {
                let mut swapped = y.clone();
                swapped[i] = case.x[i];
                swapped[j] = case.z[j].max(case.ball.bounds.lo()).min(case.ball.bounds.hi());
                prop_assert!(euclidean(&case.z, &y) <= euclidean(&case.z, &swapped) * (1.0 + 1e-12));
            }
        }
    }

    #[test]
    fn exact_projection_is_nearer_than_any_other_allowed_point(case in convex_cases()) {
        let (mut y, mut other) = (case.z.clone(), case.w.clone());
        case.ball.project(&case.x, &mut y);
        case.ball.project_reference(&case.x, &mut other);
        // The variational form, <z - y, other - y> <= 0, holds for the nearest point of a convex set and for no other.
        let gain: f64 = (0..DIM).map(|i| (f64::from(case.z[i]) - f64::from(y[i])) * (f64::from(other[i]) - f64::from(y[i]))).sum();
        prop_assert!(gain <= rounding(&case) * (euclidean(&case.z, &y) + euclidean(&other, &y)) * 2.0, "{gain:e}");
    }

    #[test]
    fn hostile_points_come_back_finite_and_inside(case in cases(), at in 0..DIM, bad in prop_oneof![
        Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX), Just(f32::MIN)]) {
        for project in [Ball::project, Ball::project_reference] {
            let mut z = case.z.clone();
            z[at] = bad;
            project(&case.ball, &case.x, &mut z);
            assert_inside(&case, &z);
        }
    }

    #[test]
    fn radius_zero_gives_the_clean_input_back(mut case in cases()) {
        case.ball.eps = 0.0;
        for project in [Ball::project, Ball::project_reference] {
            let mut z = case.z.clone();
            project(&case.ball, &case.x, &mut z);
            prop_assert_eq!(&z, &case.x);
        }
        prop_assert_eq!(case.ball.support(&case.x, &case.w), 0.0);
    }

    #[test]
    fn support_bounds_every_allowed_point_and_is_reached(case in cases(), a in prop::collection::vec(prop_oneof![1 => Just(0.0f32), 5 => -2.0..2.0f32], DIM)) {
        // Slopes so small that a million of them do not leave the box are none.
        let a: Vec<f32> = a.into_iter().map(|a| if a.abs() < 1e-4 { 0.0 } else { a }).collect();
        let support = case.ball.support(&case.x, &a);
        let mut y = case.z.clone();
        case.ball.project(&case.x, &mut y);
        prop_assert!(inner(&a, &case.x, &y) <= support * (1.0 + 1e-12) + 1e-300, "{} > {support}", inner(&a, &case.x, &y));
        // The nearest allowed point to x + s a maximises <a, .> as s grows.
        let mut far: Vec<f32> = case.x.iter().zip(&a).map(|(x, a)| x + 1e6 * a).collect();
        case.ball.project(&case.x, &mut far);
        let slack = rounding(&case) * euclidean(&a, &[0.0; DIM]) + 1e-5 * support;
        prop_assert!(inner(&a, &case.x, &far) >= support - slack, "{} < {support}", inner(&a, &case.x, &far));
    }

    #[test]
    fn samples_are_inside_and_depend_on_the_generator_alone(case in cases(), seed in any::<u64>()) {
        let draw = || {
            let mut out = vec![f32::NAN; DIM];
            case.ball.sample_uniform(&case.x, &mut ChaCha8Rng::seed_from_u64(seed), &mut out);
            out
        };
        let first = draw();
        assert_inside(&case, &first);
        prop_assert_eq!(first, draw());
    }
}

#[test]
fn linf_bounds_are_the_widest_that_fit() {
    let ball = Ball::new(Norm::Linf, &"8/255".parse().unwrap(), InputBox::UNIT);
    for k in 0..=255u8 {
        let x = [f32::from(k) / 255.0];
        let mut high = [9.0f32];
        ball.project(&x, &mut high);
        let beyond = [high[0].next_up()];
        assert!(high[0] == 1.0 || ball.distance(&x, &beyond) > ball.eps, "{k}");
        let mut low = [-9.0f32];
        ball.project(&x, &mut low);
        let beyond = [low[0].next_down()];
        assert!(low[0] == 0.0 || ball.distance(&x, &beyond) > ball.eps, "{k}");
    }
}

#[test]
fn violations_name_the_element() {
    let ball = Ball::new(Norm::Linf, &"0.1".parse().unwrap(), InputBox::UNIT);
    let x = [0.5, 0.95];
    assert_eq!(ball.contains(&x, &[0.5]), Err(Violation::Length { expected: 2, found: 1 }));
    assert!(matches!(ball.contains(&x, &[0.5, f32::NAN]), Err(Violation::NotFinite { index: 1, .. })));
    assert!(matches!(ball.contains(&x, &[0.5, 1.0f32.next_up()]), Err(Violation::OutsideBox { index: 1, .. })));
    let error = ball.contains(&x, &[0.7, 0.95]).unwrap_err();
    assert!(error.to_string().starts_with("the linf distance is 0.19999"), "{error}");
    assert_eq!(ball.contains(&x, &[0.6, 0.85]), Ok(()));
}

#[test]
fn a_radius_in_wrong_units_is_named() {
    let eight = Ball::new(Norm::Linf, &"8".parse().unwrap(), InputBox::UNIT);
    assert!(matches!(eight.check_size(784).unwrap_err(), ThreatError::EpsBeyondBox { eps: 8.0, diameter: 1.0, .. }));
    let l2 = Ball::new(Norm::L2, &"27.9".parse().unwrap(), InputBox::UNIT);
    assert_eq!((l2.check_size(784), l2.check_size(778).is_err()), (Ok(()), true));
    let l1 = Ball::new(Norm::L1, &"784".parse().unwrap(), InputBox::UNIT);
    assert_eq!((l1.check_size(784), l1.check_size(783).is_err()), (Ok(()), true));
    let l0 = Ball::new(Norm::L0, &"2.5".parse().unwrap(), InputBox::UNIT);
    assert!(l0.check_size(784).unwrap_err().to_string().contains("whole number"));
}

#[test]
fn boxes_and_norms_refuse_what_is_none() {
    for (lo, hi) in [(1.0, 0.0), (0.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (f32::NEG_INFINITY, 0.0), (0.0, f32::INFINITY)] {
        assert!(InputBox::new(lo, hi).is_err(), "[{lo}, {hi}]");
    }
    assert!("l3".parse::<Norm>().unwrap_err().to_string().contains("'l3'"));
    assert_eq!("l2".parse::<Norm>().unwrap().to_string(), "l2");
}

#[test]
fn draws_have_the_moments_of_their_distributions() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let n = 100_001;
    let mut out = vec![0.0f32; n];
    let moment = |out: &[f32], p: i32| out.iter().map(|v| f64::from(*v).powi(p)).sum::<f64>() / out.len() as f64;
    fill_uniform(&mut rng, &mut out);
    assert!(out.iter().all(|v| (-1.0..1.0).contains(v)));
    // Limits of five standard errors: sqrt(1/3 / n) = 0.0018 and sqrt(4/45 / n) = 0.00094; normal: 0.0032, 0.0045, 0.031.
    assert!(moment(&out, 1).abs() < 0.009 && (moment(&out, 2) - 1.0 / 3.0).abs() < 0.0047);
    fill_normal(&mut rng, &mut out);
    assert!(moment(&out, 1).abs() < 0.016 && (moment(&out, 2) - 1.0).abs() < 0.023 && (moment(&out, 4) - 3.0).abs() < 0.16);
}

#[test]
fn uniform_l2_samples_have_uniform_radii() {
    let ball = Ball::new(Norm::L2, &"0.25".parse().unwrap(), InputBox::new(-1.0, 1.0).unwrap());
    let (mut rng, x, n) = (ChaCha8Rng::seed_from_u64(3), [0.0f32; 3], 20_000);
    let mut out = [0.0f32; 3];
    let half = (0..n)
        .filter(|_| {
            ball.sample_uniform(&x, &mut rng, &mut out);
            ball.distance(&x, &out) < 0.25 * 0.5f64.cbrt()
        })
        .count();
    // Binomial(20000, 1/2): five standard deviations are 354.
    assert!(half.abs_diff(n / 2) < 354, "{half}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_step_onto_a_plane_is_the_shortest_that_rises_as_much(case in cases(), share in prop_oneof![Just(0.0), Just(1.0), -1.2..1.2f64]) {
        let Case { ball: Ball { norm, bounds, .. }, x, w, .. } = case;
        let toward: Vec<f32> = w.iter().map(|w| if share < 0.0 { -w } else { *w }).collect();
        let most = Ball::unlimited(norm, bounds).support(&x, &toward);
        let rise = share.abs() * most;
        let mut delta = vec![f32::NAN; DIM];
        let size = onto_plane(norm, &x, &w, rise.copysign(share), bounds, &mut delta);
        let y: Vec<f32> = x.iter().zip(&delta).map(|(x, d)| (x + d).max(bounds.lo()).min(bounds.hi())).collect();
        let scale = w.iter().map(|w| f64::from(w.abs())).sum::<f64>();
        let rounding = 1e-6 * scale * f64::from(bounds.lo().abs().max(bounds.hi().abs()));
        prop_assert!(inner(&toward, &x, &y) >= rise.min(most) - rounding, "{} < {rise}", inner(&toward, &x, &y));
        // The same radius spent at best rises no more than was asked for, so that no shorter step would do; L0 is whole.
        let shorter = if norm == Norm::L0 { (size - 1.0).max(0.0) } else { size * (1.0 - 1e-5) };
        let best = Ball { norm, eps: shorter, bounds, features: None }.support(&x, &toward);
        prop_assert!(best <= rise + rounding, "{best} > {rise} at {shorter}");
    }
}
