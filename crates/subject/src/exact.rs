//! Models in double precision on numbers that single precision rounds.
//!
//! Attacks move in single precision. The loader refuses numbers that lie closer together than that tells apart; what is left is rounded by next to
//! nothing, and still a test such as `x <= 0.3` may turn out otherwise for the number next to 0.3.

use brinell_data::{Dataset, Scale};
use brinell_engine::Preprocess;
use brinell_task::Answer;

use crate::{Opinion, Referee, SubjectError};

/// Asks the file about every sample as the data hold it and as attacks see it.
///
/// # Errors
/// [`SubjectError::Rounded`] names the first sample that gets another class.
pub(crate) fn check(referee: &mut Referee, preprocess: &Preprocess, scale: Scale, data: &Dataset) -> Result<(), SubjectError> {
    let mut x = vec![0.0; data.sample_len()];
    for (sample, exact) in data.samples().zip(data.exact.chunks_exact(data.sample_len().max(1))) {
        data.sample(sample, scale, &mut x);
        if exact.iter().zip(&x).all(|(exact, &x)| exact.to_bits() == f64::from(x).to_bits()) {
            continue;
        }
        let own = class(&referee.ask_exactly(preprocess, &x, Some(exact), sample)?);
        let rounded = class(&referee.ask(preprocess, &x, sample)?);
        if own != rounded {
            return Err(SubjectError::Rounded { path: data.path.clone(), sample, own, rounded });
        }
    }
    Ok(())
}

/// The class that an opinion names, where it names one.
fn class(opinion: &Opinion) -> Option<usize> {
    match opinion.answer {
        Some(Answer::Class(class)) => Some(class),
        _ => None,
    }
}
