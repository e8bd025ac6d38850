//! Runs models on a whole batch, whatever batch they allow.

use std::collections::BTreeMap;

use brinell_engine::{Elements, Session, View};
use brinell_graph::TensorData;

use crate::reference::Tensor;

/// What inputs are held at, by name.
pub(crate) type Held = BTreeMap<String, brinell_graph::Tensor>;

/// Runs a session; where it fixes its batch at 1 or has inputs that are held, once for every sample. Feeds that it does not have are left out.
pub(crate) fn run(session: &mut dyn Session, feeds: &[(&str, &Tensor)], held: &Held) -> Result<Vec<Tensor>, String> {
    let held: Vec<_> = held.iter().filter(|(name, _)| session.inputs().iter().any(|port| port.name == **name)).collect();
    let feeds: Vec<_> = feeds.iter().filter(|(name, _)| session.inputs().iter().any(|port| port.name == *name)).collect();
    let batch = feeds.first().and_then(|(_, tensor)| tensor.shape.first()).copied().ok_or("nothing to feed")?;
    let single = !held.is_empty() || session.inputs().iter().any(|port| port.shape.first() == Some(&Some(1)));
    let calls = if single { batch } else { 1 };
    // In a single call shapes are what they are: not everything has the batch first.
    let part = |shape: &[usize], rows: usize| if calls == 1 { shape.to_vec() } else { with_batch(shape, rows) };
    let mut outputs: Vec<Tensor> = session.outputs().iter().map(|_| Tensor { shape: Vec::new(), data: Vec::new() }).collect();
    for call in 0..calls {
        let mut views = Vec::new();
        let shapes: Vec<Vec<usize>> = feeds.iter().map(|(_, tensor)| part(&tensor.shape, batch / calls)).collect();
        for ((name, tensor), shape) in feeds.iter().zip(&shapes) {
            let rows = tensor.data.len() / calls;
            views.push((*name, View::f32(shape, &tensor.data[call * rows..(call + 1) * rows])));
        }
        for (name, tensor) in &held {
            let data = match tensor.data() {
                TensorData::F32(data) => Elements::F32(data),
                TensorData::I64(data) => Elements::I64(data),
                _ => continue,
            };
            views.push((name.as_str(), View { shape: tensor.shape(), data }));
        }
        let mut wrong = None;
        let mut sink = |i: usize, view: View<'_>| match view.data.as_f32() {
            Some(data) => {
                outputs[i].shape = part(view.shape, batch);
                outputs[i].data.extend_from_slice(data);
            }
            None => wrong = Some(format!("output {i} is not float32")),
        };
        session.run(&views, &mut sink).map_err(|e| e.to_string())?;
        wrong.map_or(Ok(()), Err)?;
    }
    Ok(outputs)
}

fn with_batch(shape: &[usize], batch: usize) -> Vec<usize> {
    std::iter::once(batch).chain(shape.iter().skip(1).copied()).collect()
}

/// Returns the largest difference, relative to the largest magnitude that was expected.
pub(crate) fn difference(found: &[Tensor], expected: &[Tensor]) -> Result<f64, String> {
    if found.len() != expected.len() {
        return Err(format!("{} outputs instead of {}", found.len(), expected.len()));
    }
    let mut worst = 0.0f64;
    for (found, expected) in found.iter().zip(expected) {
        if found.shape != expected.shape {
            return Err(format!("an output has shape {:?} instead of {:?}", found.shape, expected.shape));
        }
        let scale = expected.data.iter().fold(f64::MIN_POSITIVE, |scale, &x| scale.max(f64::from(x).abs()));
        for (&a, &b) in found.data.iter().zip(&expected.data) {
            let far = (f64::from(a) - f64::from(b)).abs() / scale;
            worst = if far.is_nan() { f64::INFINITY } else { worst.max(far) };
        }
    }
    Ok(worst)
}

/// Returns, for every sample, the length of the difference relative to the length of what was expected; the smallest first.
pub(crate) fn distances(found: &Tensor, expected: &Tensor) -> Result<Vec<f64>, String> {
    if found.shape != expected.shape {
        return Err(format!("the gradient has shape {:?} instead of {:?}", found.shape, expected.shape));
    }
    let width = expected.data.len() / expected.shape.first().copied().unwrap_or(1).max(1);
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let each = found.data.chunks(width.max(1)).zip(expected.data.chunks(width.max(1))).map(|(found, expected)| {
        let apart = length(&mut found.iter().zip(expected).map(|(&a, &b)| f64::from(a) - f64::from(b)));
        apart / length(&mut expected.iter().map(|&x| f64::from(x)))
    });
    let mut each: Vec<f64> = each.map(|distance| if distance.is_nan() { f64::INFINITY } else { distance }).collect();
    each.sort_by(f64::total_cmp);
    Ok(each)
}
