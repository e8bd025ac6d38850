//! The trees of a model, for attacks that read them.

use std::sync::Arc;

use brinell_engine::{Ensemble, Preprocess};

use crate::data::{Dataset, Scale};
use crate::{ProtocolError, Referee, Subject};

/// Samples on which what was read is compared with the file.
const COMPARED: usize = 64;

/// Returns the trees of the model, or why they cannot be read.
///
/// # Guarantees
/// On the first samples the trees and the file say the same class.
///
/// # Errors
/// [`ProtocolError::Oracle`] where the file does not answer.
pub(super) fn trees_of(
    subject: &Subject,
    preprocess: &Preprocess,
    scale: Scale,
    data: &Dataset,
    referee: &mut Referee,
) -> Result<Result<Arc<Ensemble>, String>, ProtocolError> {
    if subject.endpoint.is_some() {
        return Ok(Err("the model is behind an address".to_owned()));
    }
    // The largest score in single precision that is below the threshold.
    let below = subject.signature.reading.threshold.map(|threshold| {
        let near = threshold as f32;
        if f64::from(near) < threshold { near } else { near.next_down() }
    });
    let trees = match Ensemble::of(&subject.model.graph, subject.signature.output, below) {
        Ok(trees) => trees,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let (mut x, mut ready) = (vec![0.0; data.sample_len()], Vec::new());
    for sample in 0..data.n.min(COMPARED) {
        data.sample(sample, scale, &mut x);
        preprocess.apply(&x, &mut ready);
        if x != ready {
            return Ok(Err("preprocessing stands before them".to_owned()));
        }
        let (found, sums) = (referee.ask(preprocess, &x, sample)?, trees.sums(&x));
        if found.prediction != Some(trees.class(&sums)) {
            return Ok(Err(format!("for sample {sample} they say class {}, the file {:?}", trees.class(&sums), found.prediction)));
        }
    }
    Ok(Ok(Arc::new(trees)))
}
