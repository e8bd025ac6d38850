//! A short run of the fuzz targets in `fuzz/`, with numbers that are the same on every machine.

#[path = "../../../fuzz/bodies.rs"]
mod bodies;

use brinell_testkit::{Rng, node_cases};

#[test]
fn changed_models_never_panic_the_reader() {
    let cases = node_cases().unwrap();
    let mut rng = Rng::new(7);
    for round in 0..3000 {
        let mut bytes = cases[rng.below(cases.len())].bytes();
        for _ in 0..=rng.below(6) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.below(256) as u8,
                1 => bytes[at] ^= 1 << rng.below(8),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, rng.below(256) as u8),
            }
        }
        if round % 50 == 0 {
            bytes.truncate(rng.below(bytes.len().max(1)));
        }
        bodies::reader(&bytes);
    }
}

#[test]
fn any_operators_on_any_shapes_never_panic_the_inference() {
    let mut rng = Rng::new(11);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..rng.below(200)).map(|_| rng.below(256) as u8).collect();
        bodies::shapes(&bytes);
    }
}
