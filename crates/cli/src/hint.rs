//! What the user can do about an error. Libraries say what is the case; which flag helps is the front end's to know.
//!
//! One file for each crate's errors. Each reads facts out of variants, never out of messages.

mod attack;
mod audit;
mod claim;
mod data;
mod defend;
mod engine;
mod harden;
mod ledger;
mod onnx;
mod proof;
mod settings;
mod subject;
mod threat;
mod transfer;

use std::error::Error;

/// Gives what can be done about one error of a chain, if that error is known and something can be done.
type Reader = fn(&(dyn Error + 'static)) -> Option<String>;

const READERS: [Reader; 14] = [
    attack::hint,
    audit::hint,
    claim::hint,
    data::hint,
    defend::hint,
    engine::hint,
    harden::hint,
    ledger::hint,
    onnx::hint,
    proof::hint,
    settings::hint,
    subject::hint,
    threat::hint,
    transfer::hint,
];

/// Returns what can be done about an error and its causes, each thing once.
pub(crate) fn hints(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut hints = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        for hint in READERS.iter().filter_map(|read| read(error)) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        next = error.source();
    }
    hints
}

/// Returns what can be done about a flag, where a setting does it.
pub(crate) fn of_flag(id: &str) -> Option<&'static str> {
    match id {
        "one-score" => Some(
            "give --task regression --tolerance T if the model is a regression; if its output is a score, give --threshold (docs/tasks.md)",
        ),
        _ => None,
    }
}

/// Asks whether the nearest of what is known was meant.
fn meant(nearest: Option<&str>) -> Option<String> {
    nearest.map(|nearest| format!("did you mean `{nearest}`?"))
}

/// Returns the error as what it is, in a box or not: a boxed source stands in the chain as the box.
fn as_a<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    error.downcast_ref::<E>().or_else(|| error.downcast_ref::<Box<E>>().map(Box::as_ref))
}

#[cfg(test)]
mod tests {
    use brinell::errors::{EngineError, OracleError, SignatureError};

    use super::hints;

    /// An error with its cause in a box.
    #[derive(Debug)]
    struct Around(Box<OracleError>);

    impl std::fmt::Display for Around {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("around")
        }
    }

    impl std::error::Error for Around {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_hint_is_found_wherever_in_the_chain_its_error_stands() {
        let missing = || EngineError::NotFound { looked: "nowhere".to_owned() };
        let direct = hints(&missing());
        assert_eq!(direct.len(), 1);
        assert!(direct[0].contains("--runtime rten"), "{direct:?}");
        assert_eq!(hints(&OracleError::Engine(missing())), direct);
        assert_eq!(hints(&Around(Box::new(OracleError::Engine(missing())))), direct);
    }

    #[test]
    fn where_nothing_can_be_done_nothing_is_said() {
        assert!(hints(&OracleError::Signature(SignatureError::NoInput)).is_empty());
        assert!(hints(&std::io::Error::other("a fault")).is_empty());
    }
}
