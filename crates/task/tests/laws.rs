//! The laws of [`Task`] on random rows. Each member is held to them by one call of `holds`.

use std::sync::Arc;

use brinell_task::{
    Classify, Embed, Ending, Gate, Goal, MultiLabel, Objective, Posed, Quantifier, Reading, Refuse, Regress, Rival, Task, TopK, Truth,
    Wanted,
};
use proptest::prelude::*;

const OBJECTIVES: [Objective; 6] =
    [Objective::LogOdds, Objective::Margin, Objective::Ratio, Objective::RivalMargin, Objective::RivalRatio, Objective::Plane];

/// How far apart two values must be for the derivative to be that of one piece.
const APART: f32 = 1e-2;

fn on_an_edge(z: &[f32]) -> bool {
    z.iter().enumerate().any(|(k, a)| z[..k].iter().any(|b| (a - b).abs() < APART))
}

fn absolute(z: &[f32]) -> Vec<f32> {
    z.iter().map(|z| z.abs()).collect()
}

/// Checks everything that a task promises about one row; `exact` where a margin that is not positive means that the goal is missed, `edge` where losses
/// may have two slopes.
fn holds(task: &dyn Task, z: &[f32], posed: Posed<'_>, exact: bool, edge: bool) -> Result<(), TestCaseError> {
    let (margin, reached) = (task.margin(z, posed), task.reached(z, posed));
    prop_assert!(margin <= 0.0 || reached, "margin {margin} of a goal that is missed");
    prop_assert!(!exact || margin == 0.0 || (margin > 0.0) == reached, "margin {margin}, reached {reached}");
    let mut rivals = Vec::new();
    task.rivals(z, posed, &mut rivals);
    prop_assert_eq!(rivals.len(), task.count(posed.wanted));
    prop_assert!(rivals.is_sorted_by(|a, b| a.margin >= b.margin));
    prop_assert_eq!(rivals.first().map(|rival| rival.id), task.leader(z, posed));
    for Rival { id, margin } in &rivals {
        prop_assert_eq!(*margin, task.rival(z, posed, *id));
        let plane = task.loss(Objective::Plane, z, posed, Some(*id));
        prop_assert!((f64::from(plane) - margin).abs() <= 1e-5 * margin.abs().max(1.0), "plane {plane}, margin {margin}");
    }
    if let Some(first) = rivals.first() {
        prop_assert_eq!(first.margin, margin, "the goal is as far as its nearest rival");
    }
    if edge {
        return Ok(());
    }
    let ids = rivals.iter().map(|rival| Some(rival.id)).chain([None]);
    for (rival, objective) in ids.flat_map(|rival| OBJECTIVES.map(|objective| (rival, objective))) {
        pulls(task, objective, z, posed, rival)?;
    }
    Ok(())
}

/// Checks a derivative against central differences of the loss.
fn pulls(task: &dyn Task, objective: Objective, z: &[f32], posed: Posed<'_>, rival: Option<usize>) -> Result<(), TestCaseError> {
    let mut w = vec![f32::NAN; z.len()];
    task.pull(objective, z, posed, rival, &mut w);
    let step = APART / 4.0;
    for place in 0..z.len() {
        let at = |by: f32| {
            let mut moved = z.to_vec();
            moved[place] += by;
            (f64::from(moved[place]), f64::from(task.loss(objective, &moved, posed, rival)))
        };
        let ((a, below), (b, above)) = (at(-step), at(step));
        let slope = (above - below) / (b - a);
        let tolerance = 2e-3 * (1.0 + slope.abs()) + 1e-6 * above.abs() / f64::from(step);
        prop_assert!(
            (slope - f64::from(w[place])).abs() <= tolerance,
            "{objective:?} of {rival:?} by value {place}: {} is not {slope}",
            w[place]
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn classification_keeps_the_laws(z in prop::collection::vec(-4.0f32..4.0, 2..7), label in 0usize..7, target in 0usize..7) {
        let task = Classify::new(z.len());
        let truth = Truth::Class(label % z.len());
        let wanted = Wanted::class(Some(target % z.len()).filter(|&target| target != label % z.len()));
        for wanted in [&Wanted::BREAK, &wanted] {
            holds(&task, &z, Posed { truth: &truth, wanted }, true, on_an_edge(&z))?;
        }
    }

    #[test]
    fn refusing_models_keep_the_laws(
        z in prop::collection::vec(-4.0f32..4.0, 2..7), room in -4.0f32..4.0, unit in 0.5f64..2.0, label in 0usize..7, target in 0usize..7,
    ) {
        let inner = Arc::new(Classify::new(z.len()));
        let truth = Truth::Class(label % z.len());
        let task = Refuse::new(Arc::clone(&inner) as Arc<dyn Task>, Gate { output: 1, threshold: 3.0, unit });
        let row: Vec<f32> = z.iter().copied().chain([room]).collect();
        let wanted = Wanted::class(Some(target % z.len()).filter(|&target| target != label % z.len()));
        for wanted in [&Wanted::BREAK, &wanted] {
            let posed = Posed { truth: &truth, wanted };
            // Where answer and room change places as the lesser one, or a part of a sum stops to count, there are two slopes.
            let turns = |objective| {
                let ids = (0..z.len()).map(Some).chain([None]);
                ids.into_iter().map(|rival| inner.loss(objective, &z, posed, rival)).any(|answer| {
                    let room = room / unit as f32;
                    (answer - room).abs() < 4.0 * APART || (answer - 0.05).abs() < 4.0 * APART || room.abs() < 4.0 * APART
                })
            };
            let edge = on_an_edge(&z) || OBJECTIVES.into_iter().any(turns);
            holds(&task, &row, posed, true, edge)?;
        }
    }

    #[test]
    fn the_best_k_keep_the_laws(z in prop::collection::vec(-4.0f32..4.0, 3..7), label in 0usize..7, k in 1usize..7) {
        let task = TopK::new(1 + k % (z.len() - 1), z.len(), 0, Reading::LOGITS);
        let truth = Truth::Class(label % z.len());
        holds(&task, &z, Posed { truth: &truth, wanted: &Wanted::BREAK }, true, on_an_edge(&z))?;
    }

    #[test]
    fn labels_keep_the_laws(
        rows in prop::collection::vec((-4.0f32..4.0, any::<bool>(), any::<bool>()), 1..7),
        threshold in 0.1f64..0.9,
        share in 0.1f64..1.0,
    ) {
        let z: Vec<f32> = rows.iter().map(|row| row.0).collect();
        let truth = Truth::Labels(rows.iter().map(|row| row.1).collect());
        let counted: Vec<usize> = (0..rows.len()).filter(|&label| label == 0 || rows[label].2).collect();
        for (ending, threshold) in [(Ending::Sigmoid, Some(threshold)), (Ending::Logits, None)] {
            let task = MultiLabel::new(z.len(), 0, ending, threshold).counting(&counted);
            let shift = threshold.map_or(0.0, |p| (p / (1.0 - p)).ln() as f32);
            let edge = on_an_edge(&absolute(&z.iter().map(|z| z - shift).collect::<Vec<_>>()));
            for of in [Quantifier::Any, Quantifier::All, Quantifier::Share(share)] {
                let wanted = Wanted { goal: Goal::Break, of };
                holds(&task, &z, Posed { truth: &truth, wanted: &wanted }, true, edge)?;
            }
        }
    }

    #[test]
    fn numbers_keep_the_laws(rows in prop::collection::vec((-4.0f32..4.0, -4.0f64..4.0), 1..5), tolerance in 0.01f64..3.0) {
        let z: Vec<f32> = rows.iter().map(|row| row.0).collect();
        let off: Vec<f32> = rows.iter().map(|row| row.0 - row.1 as f32).collect();
        let truth = Truth::Values(rows.iter().map(|row| row.1).collect());
        let task = Regress::new(z.len(), 0, tolerance);
        let edge = on_an_edge(&absolute(&off)) || off.iter().any(|off| off.abs() < APART);
        for of in [Quantifier::Any, Quantifier::All, Quantifier::Share(0.5)] {
            let wanted = Wanted { goal: Goal::Break, of };
            holds(&task, &z, Posed { truth: &truth, wanted: &wanted }, true, edge)?;
        }
    }

    #[test]
    fn pairs_keep_the_laws(
        rows in prop::collection::vec((-4.0f32..4.0, -4.0f32..4.0), 2..7),
        distance in 0.05f64..1.9,
        same in any::<bool>(),
    ) {
        let z: Vec<f32> = rows.iter().map(|row| row.0).collect();
        let truth = Truth::Pair { reference: rows.iter().map(|row| row.1).collect(), same };
        let short = z.iter().map(|z| z * z).sum::<f32>() < 0.5;
        holds(&Embed::new(z.len(), 0, distance), &z, Posed { truth: &truth, wanted: &Wanted::BREAK }, true, short)?;
    }
}
