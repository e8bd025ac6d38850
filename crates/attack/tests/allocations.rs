//! No attack and no part of the driver takes memory per step, and an attack holds as much as its documentation says.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::alloc::System;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Model, Pose, Ruling, Timing, Verdict};
use brinell_attack::{Knowledge, Loss, Recipe, Rivals, Start, attacks, recipe};
use brinell_engine::{Answer, OracleError};
use brinell_task::{Classify, Posed, Truth, Wanted};
use brinell_threat::{Ball, InputBox, Norm};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SHAPE: [usize; 3] = [2, 8, 8];
const DIM: usize = 128;
const CLASSES: usize = 4;

/// Calls after which everything must have taken its memory, calls that are watched together, and how often.
const WARM: usize = 10;
const WATCHED: usize = 15;
const LOOKS: usize = 4;

/// A smooth model without weights that never changes its mind; it notes what memory was taken between its calls.
struct Watch {
    calls: usize,
    region: Region<'static, System>,
    taken: Option<usize>,
    /// Stops the driver once enough was seen.
    stop: &'static AtomicBool,
}

impl Watch {
    fn call(&mut self, x: &[f32], answer: &mut Answer) {
        let batch = x.len() / DIM;
        answer.values.resize(batch * CLASSES, 0.0);
        for (x, z) in x.chunks_exact(DIM).zip(answer.values.chunks_exact_mut(CLASSES)) {
            let sum: f32 = x.iter().enumerate().map(|(k, v)| (v - 0.5) * ((k % 7) as f32 - 3.0)).sum();
            z.copy_from_slice(&[100.0, 1.0 + 0.01 * sum, 2.0 - 0.01 * sum, 3.0]);
        }
        self.calls += 1;
        let Some(since) = self.calls.checked_sub(WARM).filter(|since| since.is_multiple_of(WATCHED)) else { return };
        if since > 0 {
            // The least of several: a thread that steals its first job sets itself up, whenever that may be.
            let change = self.region.change();
            let taken = change.allocations + change.reallocations;
            self.taken = Some(self.taken.map_or(taken, |least| least.min(taken)));
        }
        self.stop.store(since == WATCHED * LOOKS, std::sync::atomic::Ordering::Relaxed);
        self.region = Region::new(MEMORY);
    }
}

impl Model for Watch {
    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        answer.loss.clear();
        answer.gradient.clear();
        self.call(x, answer);
        Ok(())
    }

    fn pull(&mut self, x: &[f32], _: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.fused(Loss::Margin, x, &[], answer)
    }

    fn fused(&mut self, _: Loss, x: &[f32], _: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        answer.loss.resize(x.len() / DIM, 0.0);
        answer.gradient.resize(x.len(), 0.0);
        for (k, g) in answer.gradient.iter_mut().enumerate() {
            *g = (k % 7) as f32 - 3.0;
        }
        self.call(x, answer);
        Ok(())
    }
}

struct NoCourt;

impl Court for NoCourt {
    type Error = Infallible;

    fn judge(&mut self, _: &Item, _: &[f32], _: &[f32]) -> Result<Ruling, Infallible> {
        Ok(Ruling::Refused)
    }

    fn decided(&mut self, _: &Item, _: Verdict) -> Result<(), Infallible> {
        Ok(())
    }
}

fn ball(norm: Norm) -> Ball {
    Ball { norm, eps: if norm == Norm::L0 { 8.0 } else { 0.5 }, bounds: InputBox::UNIT, features: None }
}

/// Held by whoever measures: the allocator counts for all threads of the program.
static MEASURING: Mutex<()> = Mutex::new(());

/// Allocations in the watched calls; nothing where the attack ends before.
fn taken(recipe: &dyn Recipe, norm: Norm) -> Option<usize> {
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let mut model = Watch { calls: 0, region: Region::new(MEMORY), taken: None, stop };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let x: Vec<f32> = (0..DIM).map(|k| (k as f32 * 0.37).fract()).collect();
    let found: Vec<f32> = x.iter().map(|v| 1.0 - v).collect();
    // Two groups of four, as the driver has while there are samples.
    let mut items = (0..8).map(|sample| Item {
        sample,
        x: x.clone(),
        truth: Truth::Class(0),
        values: vec![100.0, 1.0, 2.0, 3.0],
        found: (recipe.knowledge() == Knowledge::Label).then(|| found.clone()),
        guide: None,
    });
    let task = Classify::new(CLASSES);
    let pose = Pose { task: &task, wanted: &Wanted::BREAK };
    let settings = DriverSettings {
        pose,
        batch: 4,
        shape: &SHAPE,
        trees: None,
        seed: 0,
        max_queries: None,
        aim: Aim::First,
        grid: None,
        pool: &pool,
        stop,
    };
    match driver::run(&mut model, recipe, &ball(norm), &mut items, &mut NoCourt, &settings, &mut Timing::default()) {
        Ok(()) | Err(DriverError::Interrupted) => model.taken,
        Err(error) => unreachable!("{error}"),
    }
}

#[test]
fn no_attack_takes_memory_per_step() {
    let _alone = MEASURING.lock().unwrap();
    let mut watched = 0;
    for listed in attacks() {
        for &norm in listed.norms {
            match taken(recipe(listed.name).unwrap().as_ref(), norm) {
                Some(allocations) => {
                    watched += 1;
                    assert_eq!(allocations, 0, "{} in {norm}", listed.name);
                }
                // One step is no steady state.
                None => println!("{} in {norm} ends too soon", listed.name),
            }
        }
    }
    assert!(watched >= 15, "{watched}");
}

/// What docs/attacks.md says an attack holds per element of a sample, from its start on.
const HELD: [(&str, &[(Norm, u32)]); 25] = [
    ("fgsm", &[(Norm::Linf, 3), (Norm::L2, 2)]),
    ("pgd", &[(Norm::Linf, 3), (Norm::L2, 2)]),
    ("apgd-ce", &[(Norm::Linf, 6), (Norm::L2, 6), (Norm::L1, 4)]),
    ("apgd-ce:eot=2", &[(Norm::Linf, 8), (Norm::L2, 8), (Norm::L1, 6)]),
    ("apgd-dlr", &[(Norm::Linf, 6), (Norm::L2, 6), (Norm::L1, 4)]),
    ("apgd-margin", &[(Norm::Linf, 6), (Norm::L2, 6), (Norm::L1, 4)]),
    ("apgd-t", &[(Norm::Linf, 6), (Norm::L2, 6), (Norm::L1, 4)]),
    ("fab", &[(Norm::Linf, 5), (Norm::L2, 5), (Norm::L1, 5)]),
    ("fab-t", &[(Norm::Linf, 4), (Norm::L2, 4), (Norm::L1, 4)]),
    ("square", &[(Norm::Linf, 4), (Norm::L2, 4), (Norm::L1, 4)]),
    ("sparse-rs", &[(Norm::L0, 4)]),
    ("bim", &[(Norm::Linf, 4), (Norm::L2, 4), (Norm::L1, 4)]),
    ("deepfool", &[(Norm::L2, 6), (Norm::Linf, 6)]),
    ("cw", &[(Norm::L2, 7)]),
    ("ddn", &[(Norm::L2, 4)]),
    ("fmn", &[(Norm::Linf, 4), (Norm::L2, 4), (Norm::L1, 4), (Norm::L0, 6)]),
    ("ead", &[(Norm::L1, 6)]),
    ("pdpgd", &[(Norm::Linf, 9), (Norm::L2, 9), (Norm::L1, 9), (Norm::L0, 11)]),
    ("sigma-zero", &[(Norm::L0, 8)]),
    ("nes", &[(Norm::Linf, 8), (Norm::L2, 7)]),
    ("spsa", &[(Norm::Linf, 8), (Norm::L2, 7)]),
    ("hopskipjump", &[(Norm::L2, 6), (Norm::Linf, 6)]),
    ("surfree", &[(Norm::L2, 7)]),
    ("boundary", &[(Norm::L2, 4)]),
    ("trees", &[(Norm::Linf, 1), (Norm::L2, 1), (Norm::L1, 1), (Norm::L0, 1)]),
];

/// Floats per element of a sample that a run holds.
fn held(name: &str, norm: Norm) -> f64 {
    let (d, logits) = (400_000, [0.0, 1.0, 2.0]);
    let x = vec![0.5; d];
    let made = recipe(name).unwrap();
    let ball = if made.seeks_minimum() { Ball::unlimited(norm, InputBox::UNIT) } else { ball(norm) };
    let task = Classify::new(logits.len());
    let rivals = Rivals::at(&task, &logits, Posed { truth: &Truth::Class(0), wanted: &Wanted::BREAK });
    let region = Region::new(MEMORY);
    let attack = made.start(&Start { rivals, shape: &[4, 250, 400], ..Start::new(&x, &ball) });
    let change = region.change();
    drop(attack);
    (change.bytes_allocated as isize - change.bytes_deallocated as isize) as f64 / 4.0 / d as f64
}

#[test]
fn an_attack_holds_as_many_floats_as_it_says() {
    let _alone = MEASURING.lock().unwrap();
    for (name, norms) in HELD {
        for &(norm, floats) in norms {
            let held = held(name, norm);
            assert!(held <= f64::from(floats) + 0.1 && held > f64::from(floats) - 0.5, "{name} in {norm}: {held} floats per element");
        }
    }
    for listed in attacks() {
        for norm in listed.norms {
            let known = HELD.iter().any(|(name, norms)| *name == listed.name && norms.iter().any(|(known, _)| known == norm));
            assert!(known, "what {} in {norm} holds is not in the table", listed.name);
        }
    }
}
