//! What all views promise.

use brinell_threat::{Ball, InputBox, Norm, fill_uniform};
use rand_chacha::ChaCha8Rng;

use super::join::Piece;
use super::view::{Dice, View};
use super::{ADMIX, BSR, DECOWA, DEM, DI, SI, SIA, SSA};
use crate::rng::keyed;
use crate::{AttackError, Need, Next, Reply, Start, recipe};

const SHAPES: [[usize; 3]; 3] = [[3, 13, 17], [16, 12, 3], [1, 28, 28]];
const EPS: f64 = 0.05;

/// Every view, with the transpose where that is a setting.
fn views(start: &Start<'_>) -> Vec<(&'static str, Box<dyn View>)> {
    let made = [
        DI.piece("p=1"),
        DEM.piece(""),
        SI.piece(""),
        ADMIX.piece(""),
        SSA.piece("pull=true"),
        BSR.piece(""),
        SIA.piece(""),
        DECOWA.piece(""),
    ];
    let view = |piece: Result<Piece, AttackError>| {
        let piece = piece.unwrap();
        (piece.name(), piece.view_of(start).unwrap())
    };
    made.into_iter().map(view).collect()
}

fn uniform(rng: &mut ChaCha8Rng, n: usize, centre: f32, half: f32) -> Vec<f32> {
    let mut v = vec![0.0; n];
    fill_uniform(rng, &mut v);
    v.iter().map(|v| centre + half * v).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn with_each_view(mut check: impl FnMut(&str, &mut dyn View, &[f32], &Dice, &mut ChaCha8Rng)) {
    let ball = Ball { norm: Norm::Linf, eps: EPS, bounds: InputBox::UNIT, features: None };
    for shape in &SHAPES {
        let d = shape.iter().product();
        let mut rng = keyed("views", 0, d as u64, 0);
        let x = uniform(&mut rng, d, 0.5, 0.2);
        let guide = uniform(&mut rng, 2 * d, 0.5, 0.5);
        for (name, mut view) in views(&Start { shape, guide: Some(&guide), ..Start::new(&x, &ball) }) {
            for (step, copy) in [(0, 0), (0, 1), (3, 4), (9, 0)] {
                let dice = Dice { seed: 7, sample: 5, step, copy };
                view.draw(&dice, copy % view.copies());
                check(name, view.as_mut(), &x, &dice, &mut rng);
            }
        }
    }
}

#[test]
fn every_view_has_the_adjoint_of_its_linear_part() {
    with_each_view(|name, view, x, _, rng| {
        let (d, mut before, mut after, mut back) = (x.len(), vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; x.len()]);
        // Far from the box, so that nothing is clipped.
        let h = uniform(rng, d, 0.0, 0.1);
        let v = uniform(rng, d, 0.0, 1.0);
        let moved: Vec<f32> = x.iter().zip(&h).map(|(x, h)| x + h).collect();
        view.apply(&moved, &mut after);
        view.apply(x, &mut before);
        view.adjoint(&v, &mut back);
        let change: Vec<f32> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        let (there, here) = (dot(&change, &v), dot(&h, &back));
        // Relative to the lengths, since the sums themselves may cancel.
        let scale = (dot(&h, &h) * dot(&v, &v)).sqrt();
        assert!((there - here).abs() <= 1e-5 * scale, "{name}, {d} values: {there} and {here}");
    });
}

#[test]
fn a_draw_hangs_on_its_key_alone() {
    with_each_view(|name, view, x, dice, _| {
        let (mut first, mut again) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        view.apply(x, &mut first);
        view.draw(&Dice { step: 77, ..*dice }, 0);
        view.draw(dice, dice.copy % view.copies());
        view.apply(x, &mut again);
        assert_eq!(first, again, "{name}");
    });
}

#[test]
fn where_a_view_clips_no_gradient_passes() {
    let ball = Ball { norm: Norm::Linf, eps: 0.5, bounds: InputBox::UNIT, features: None };
    let shape = [1, 12, 12];
    let x = vec![1.0; 144];
    let mut view = SIA.piece("").unwrap().view_of(&Start { shape: &shape, ..Start::new(&x, &ball) }).unwrap();
    let (mut u, mut back) = (vec![0.0; 144], vec![0.0; 144]);
    let mut clipped = 0;
    for step in 0..20 {
        view.draw(&Dice { seed: 0, sample: 0, step, copy: 0 }, 0);
        view.apply(&x, &mut u);
        view.adjoint(&[1.0; 144], &mut back);
        assert!(u.iter().all(|u| (0.0..=1.0).contains(u)));
        // Noise that would lead out of the box is cut, and nothing comes back from there; all else that is 1 was moved as it is.
        clipped += back.iter().filter(|g| **g == 0.0).count();
    }
    assert!(clipped > 100, "{clipped}");
}

#[test]
fn the_warp_learns_along_the_gradient_of_its_node() {
    let ball = Ball { norm: Norm::Linf, eps: EPS, bounds: InputBox::UNIT, features: None };
    let shape = [2, 20, 16];
    let d = 640;
    // A smooth picture, whose slope is that of its bilinear reading.
    let x: Vec<f32> = (0..d).map(|i| (0.5 + 0.3 * ((i % 16) as f64 * 0.3).sin() * ((i / 16 % 20) as f64 * 0.2).cos()) as f32).collect();
    let v = uniform(&mut keyed("node", 0, 0, 0), d, 0.0, 1.0);
    let rise = |rho: &str| {
        let mut view =
            DECOWA.piece(&format!("noise=0.2,rho={rho}")).unwrap().view_of(&Start { shape: &shape, ..Start::new(&x, &ball) }).unwrap();
        view.draw(&Dice { seed: 3, sample: 0, step: 0, copy: 0 }, 0);
        let mut u = vec![0.0; d];
        view.apply(&x, &mut u);
        let before = dot(&u, &v);
        view.learn(&x, &v);
        view.apply(&x, &mut u);
        before - dot(&u, &v)
    };
    let (half, whole) = (rise("0.00005"), rise("0.0001"));
    // To first order the fall is rho |slope|^2: positive, and in proportion to rho.
    assert!(half > 0.0 && (whole / half - 2.0).abs() < 0.1, "{half} {whole}");
}

/// Runs an attack whose model has the gradient `g(x)`, and returns the points at which values were asked for.
fn end(spec: &str, shape: &[usize], x: &[f32], eps: f64, g: impl Fn(&[f32], &mut [f32])) -> Vec<f32> {
    let ball = Ball { norm: Norm::Linf, eps, bounds: InputBox::UNIT, features: None };
    let mut attack = recipe(spec).unwrap().start(&Start { shape, seed: 1, ..Start::new(x, &ball) });
    let (mut asked, mut gradient) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    loop {
        let need = attack.ask(&mut asked);
        g(&asked, &mut gradient);
        let gradient = if need == Need::Gradient { gradient.as_slice() } else { &[] };
        if attack.tell(&Reply { loss: -1.0, gradient, ..Reply::UNTOLD }) == Next::Done {
            assert!(ball.contains(x, &asked).is_ok() && ball.distance(x, &asked) <= eps, "{spec}");
            return asked;
        }
    }
}

/// Every rule alone, and combinations of many.
const SPECS: [&str; 23] = [
    "mi",
    "ni",
    "pi",
    "emi",
    "vt:points=3",
    "gra:points=3",
    "pgn:points=3",
    "mi:steps=5+mef:points=3",
    "di",
    "dem",
    "ti:kernel=5",
    "si",
    "admix",
    "ssa:copies=2",
    "bsr:copies=2",
    "sia:copies=2",
    "decowa:copies=2",
    "mi+di+ti:kernel=3+si",
    "ni+vt:points=2+si:copies=2+di",
    "mi+decowa:copies=2+si:copies=2",
    "si:copies=2+decowa:copies=2+di",
    "pi+di",
    "mi:loss=ce+emi+si",
];

#[test]
fn whatever_the_model_answers_the_last_point_is_in_the_ball() {
    let shape = [3, 9, 8];
    let mut rng = keyed("ball", 0, 0, 0);
    let x = uniform(&mut rng, 216, 0.5, 0.5);
    for spec in SPECS {
        for eps in [0.0, 8.0 / 255.0, 0.3] {
            end(spec, &shape, &x, eps, |u, g| g.iter_mut().zip(u).for_each(|(g, u)| *g = (37.0 * u).sin()));
            end(spec, &shape, &x, eps, |u, g| {
                g.iter_mut().zip(u).enumerate().for_each(|(i, (g, u))| *g = [f32::NAN, f32::INFINITY, f32::MAX, 1e-45, *u][i % 5])
            });
        }
        // A gradient that is zero everywhere leads nowhere, instead of to NaN.
        assert_eq!(end(spec, &shape, &x, 0.1, |_, g| g.fill(0.0)), x, "{spec}");
    }
}

#[test]
fn what_is_no_picture_is_attacked_without_views_of_pictures() {
    let x = vec![0.5; 12];
    for spec in ["di", "bsr:copies=2", "pi", "ti:kernel=3", "mi+ssa+si"] {
        let out = end(spec, &[12], &x, 0.1, |_, g| g.iter_mut().enumerate().for_each(|(i, g)| *g = if i % 2 == 0 { 1.0 } else { -1.0 }));
        assert!(out.iter().enumerate().all(|(i, v)| (v - if i % 2 == 0 { 0.6 } else { 0.4 }).abs() < 1e-6), "{spec}: {out:?}");
        assert!(recipe(spec).unwrap().of_pictures());
    }
    assert!(!recipe("mi+ni+si").unwrap().of_pictures());
}

#[test]
fn defaults_of_a_rule_hold_where_nobody_says_otherwise() {
    for (spec, described) in [
        ("ni+mef", "mi:steps=20,step=0.1,momentum=0.5,loss=log-odds+ni+mef:points=20,gamma=2,kappa=0.15,inner=0.9"),
        ("mi:steps=3+dem", "mi:steps=3,step=1,momentum=1,loss=log-odds+dem"),
        ("mi:momentum=0.25+pi", "mi:steps=10,step=0.1,momentum=0.25,loss=log-odds+pi:beta=10,gamma=1"),
        ("mi:steps=4", "mi:steps=4,step=0.25,momentum=1,loss=log-odds"),
        ("di:rate=1.2+mi:loss=margin", "mi:steps=10,step=0.1,momentum=1,loss=margin+di:p=0.5,rate=1.2"),
    ] {
        let made = recipe(spec).unwrap();
        assert_eq!(made.describe(), described);
        assert_eq!(recipe(described).unwrap().describe(), described);
    }
}
