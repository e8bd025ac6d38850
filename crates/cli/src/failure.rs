//! Errors as the user sees them: a chain of causes, what can be done about it, and how the program ends.

use std::error::Error;

use brinell::claims::ClaimError;
use brinell::defence::DefendError;
use brinell::hardening::HardenError;
use brinell::proofs::ProofError;
use brinell::report::ReportError;
use brinell::transfer::TransferError;
use brinell::{AuditError, LedgerError, SubjectError};

use crate::exit::Exit;
use crate::hint::hints;

/// An error on its way to the terminal.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hints: Vec<String>,
    exit: Exit,
}

impl Failure {
    /// A mistake in what the user gave.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), exit: Exit::Input }
    }

    /// An error that the user cannot have caused.
    pub(crate) fn from_internal(error: impl Error) -> Self {
        Self { message: chain(&error), hints: Vec::new(), exit: Exit::Internal }
    }

    /// An error of a library about what the user gave, with its causes.
    #[must_use]
    pub fn from_error(error: impl Error + 'static) -> Self {
        Self { message: chain(&error), hints: hints(&error), exit: Exit::Input }
    }

    /// Names the place of the mistake, such as a file with its line.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: &str) -> Self {
        let hints = self.hints.into_iter().chain([hint.to_owned()]).collect();
        Self { hints, ..self }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns what is wrong, with its causes, in one line or more.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what can be done about it, in the words of the command line.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the exit code of a program that ends with it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit.code()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl From<SubjectError> for Failure {
    fn from(error: SubjectError) -> Self {
        let exit = match error {
            SubjectError::Interrupted => Exit::Interrupted,
            SubjectError::Changed { .. } => Exit::Stale,
            SubjectError::NotEquivalent { .. } => Exit::Internal,
            _ => Exit::Input,
        };
        let hints = hints(&error);
        Self { message: chain(&error), hints, exit }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match error {
            LedgerError::Stale { .. }
            | LedgerError::Disagrees { .. }
            | LedgerError::Tampered { .. }
            | LedgerError::ShardsElsewhere { .. } => Exit::Stale,
            _ => Exit::Input,
        };
        Self { message: chain(&error), hints: hints(&error), exit }
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Subject(error) => error.into(),
            AuditError::Ledger(error) => error.into(),
            other => Self::from_error(other),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Ledger(error) => error.into(),
            TransferError::Interrupted => Self { exit: Exit::Interrupted, ..Self::from_error(TransferError::Interrupted) },
            other => Self::from_error(other),
        }
    }
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Audit(error) => error.into(),
            ClaimError::Ledger(error) => error.into(),
            ClaimError::Other { .. } => Self { exit: Exit::Stale, ..Self::from_error(error) },
            other => Self::from_error(other),
        }
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Subject(error) => error.into(),
            ProofError::Ledger(error) => error.into(),
            ProofError::Setting(error) => Self::from_error(error),
            ProofError::Other { .. } => Self { exit: Exit::Stale, ..Self::from_error(error) },
            ProofError::Contradiction { .. } => Self { exit: Exit::Internal, ..Self::from_error(error) },
            other => Self::from_error(other),
        }
    }
}

impl From<DefendError> for Failure {
    fn from(error: DefendError) -> Self {
        match error {
            DefendError::Subject(error) => error.into(),
            DefendError::Ledger(error) => error.into(),
            DefendError::Interrupted => Self { exit: Exit::Interrupted, ..Self::from_error(error) },
            DefendError::NotEquivalent { .. } => Self { exit: Exit::Internal, ..Self::from_error(error) },
            other => Self::from_error(other),
        }
    }
}

impl From<HardenError> for Failure {
    fn from(error: HardenError) -> Self {
        match error {
            HardenError::Subject(error) => error.into(),
            HardenError::Audit(error) => error.into(),
            HardenError::Ledger(error) => error.into(),
            HardenError::Interrupted => Self { exit: Exit::Interrupted, ..Self::from_error(error) },
            HardenError::Resume { .. } => Self { exit: Exit::Stale, ..Self::from_error(error) },
            HardenError::BrokeDown { .. } | HardenError::NoGain { .. } => Self { exit: Exit::Unreliable, ..Self::from_error(error) },
            HardenError::NotEquivalent { .. } | HardenError::Internal { .. } => Self { exit: Exit::Internal, ..Self::from_error(error) },
            other => Self::from_error(other),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let exit = match error {
            ReportError::Unreliable { .. } => Exit::Unreliable,
            ReportError::NothingToCompare | ReportError::NothingToExport | ReportError::OneAudit { .. } | ReportError::NoAudit { .. } => {
                Exit::Input
            }
            _ => Exit::Internal,
        };
        Self { message: chain(&error), hints: hints(&error), exit }
    }
}

/// Joins an error and its causes, leaving out what a message repeats.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}
