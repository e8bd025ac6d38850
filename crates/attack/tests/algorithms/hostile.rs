//! Whatever the model answers, every point asked for is an allowed input.

use crate::model::Case;
use brinell_attack::{Need, Next, Reply, Start, recipe};
use brinell_threat::{Ball, InputBox, Norm};
use proptest::prelude::*;

const DIM: usize = 19;

/// One number of a gradient or a loss, as bad as a model can make it.
fn numbers() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -1.0..1.0f32,
        1 => Just(0.0f32),
        1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)],
        1 => prop_oneof![Just(f32::MAX), Just(f32::MIN), Just(f32::MIN_POSITIVE), Just(1e-45f32), Just(-1e-20f32)],
    ]
}

fn answers() -> impl Strategy<Value = Vec<(f32, Vec<f32>)>> {
    let gradient = prop_oneof![
        8 => prop::collection::vec(numbers(), DIM),
        1 => Just(vec![0.0; DIM]),
        1 => Just(vec![f32::NAN; DIM]),
        1 => Just(vec![1e-45; DIM]),
    ];
    prop::collection::vec((numbers(), gradient), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_point_asked_for_is_allowed(
        answers in answers(),
        x in prop::collection::vec(prop_oneof![1 => Just(0.0f32), 1 => Just(1.0f32), 4 => 0.0..1.0f32], DIM),
        eps in prop_oneof![Just(0.0), Just(8.0 / 255.0), 0.0..2.0f64, (-12.0..0.0f64).prop_map(|p| 10f64.powf(p))],
        seed in any::<u64>(),
    ) {
        let names = [
            "fgsm", "pgd:steps=12", "pgd:steps=5,random-start=false,step=1e9", "apgd-ce:steps=40", "apgd-dlr:steps=30,reference-quirk=true",
            "apgd-t:steps=10,order=malt", "apgd-ce:steps=10,eot=3", "fab:steps=20", "fab-t:steps=20", "square:queries=40",
        ];
        for norm in [Norm::Linf, Norm::L2, Norm::L1] {
            let ball = Ball { norm, eps, bounds: InputBox::UNIT, features: None };
            for name in names.into_iter().filter(|name| recipe(name).unwrap().norms().contains(&norm)) {
                // These come in from outside.
                let outside = name.starts_with("fab") || norm == Norm::L1 && name.starts_with("apgd");
                let allowed = if outside { Ball::unlimited(norm, InputBox::UNIT) } else { ball.clone() };
                let case = Case::new(4, 0, None);
                let start = Start { rivals: case.rivals(&[]), seed, sample: 1, run: 2, shape: &[1, 19], ..Start::new(&x, &ball) };
                let mut attack = recipe(name).unwrap().start(&start);
                let mut asked = vec![f32::NAN; DIM];
                for (loss, gradient) in answers.iter().cycle() {
                    let need = attack.ask(&mut asked);
                    prop_assert_eq!(allowed.contains(&x, &asked), Ok(()));
                    // Without any allowance, in f64.
                    prop_assert!(outside || ball.distance(&x, &asked) <= eps, "{} {}: {} > {}", name, norm, ball.distance(&x, &asked), eps);
                    let gradient = if need == Need::Gradient { gradient.as_slice() } else { &[] };
                    if attack.tell(&case.reply(&[0.0, f32::NAN], *loss, gradient)) == Next::Done {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn entries_that_are_not_finite_count_as_zero(
        x in prop::collection::vec(0.3..0.7f32, DIM),
        gradient in prop::collection::vec(numbers(), DIM),
    ) {
        let clean: Vec<f32> = gradient.iter().map(|g| if g.is_finite() { *g } else { 0.0 }).collect();
        for norm in [Norm::Linf, Norm::L2] {
            let ball = Ball { norm, eps: 0.1, bounds: InputBox::UNIT, features: None };
            for name in ["fgsm", "pgd:steps=3", "apgd-ce:steps=5"] {
                let walk = |gradient: &[f32]| {
                    let start = Start::new(&x, &ball);
                    let mut attack = recipe(name).unwrap().start(&start);
                    let mut points = Vec::new();
                    loop {
                        let mut asked = vec![f32::NAN; DIM];
                        attack.ask(&mut asked);
                        points.push(asked);
                        if attack.tell(&Reply { loss: points.len() as f32, gradient, ..Reply::UNTOLD }) == Next::Done {
                            return points;
                        }
                    }
                };
                prop_assert_eq!(walk(&gradient), walk(&clean));
            }
        }
    }
}
