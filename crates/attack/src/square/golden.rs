//! Square tries the same points as auto-attack when it is given the same draws (tests/golden/attacks.py says how they were taken).

use std::collections::VecDeque;

use brinell_threat::{Ball, InputBox};
use serde_json::Value;

use super::{SquareConfig, dice::Dice, run::Run};
use crate::{Attack, Next, Reply, Start};

/// Draws from a file.
struct Loaded {
    places: VecDeque<usize>,
    coins: VecDeque<bool>,
}

impl Dice for Loaded {
    fn below(&mut self, n: usize) -> usize {
        let place = self.places.pop_front().unwrap();
        assert!(place < n);
        place
    }

    fn coin(&mut self) -> bool {
        self.coins.pop_front().unwrap()
    }
}

fn read(norm: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/attacks/square_{norm}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn whole(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| usize::try_from(v.as_u64().unwrap()).unwrap()).collect()
}

#[test]
fn points_and_choices_are_those_of_the_reference() {
    for norm in ["linf", "l2", "l1"] {
        let golden = read(norm);
        let (x, shape, losses) = (floats(&golden["x"]), whole(&golden["shape"]), floats(&golden["losses"]));
        let ball = Ball { norm: norm.parse().unwrap(), eps: golden["eps"].as_f64().unwrap(), bounds: InputBox::UNIT, features: None };
        let coins = golden["coins"].as_array().unwrap().iter().map(|coin| coin.as_bool().unwrap()).collect();
        let dice = Loaded { places: whole(&golden["places"]).into(), coins };
        let config =
            SquareConfig { queries: u32::try_from(golden["queries"].as_u64().unwrap()).unwrap(), rescale: true, ..SquareConfig::default() };
        let mut run = Run::new(&config, &Start { shape: &shape, ..Start::new(&x, &ball) }, dice);
        let mut asked = vec![0.0; x.len()];
        for (k, (point, &loss)) in golden["points"].as_array().unwrap().iter().zip(&losses).enumerate() {
            run.ask(&mut asked);
            let worst = asked.iter().zip(floats(point)).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(worst < 2e-5, "{norm} {k}: {worst:e}");
            let next = run.tell(&Reply { loss, ..Reply::UNTOLD });
            assert_eq!(next == Next::Done, k + 1 == losses.len());
        }
    }
}
