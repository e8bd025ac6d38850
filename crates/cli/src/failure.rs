//! Errors as the user sees them: a chain of causes, and how the program ends.

use std::error::Error;

use brinell_protocol::ProtocolError;
use brinell_protocol::replay::ReplayError;
use brinell_report::ReportError;

use crate::exit::Exit;

/// An error on its way to the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    /// A mistake in what the user gave.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Input }
    }

    /// An error that the user cannot have caused.
    pub(crate) fn from_internal(error: impl Error) -> Self {
        Self { message: chain(&error), exit: Exit::Internal }
    }

    /// An error of a library about what the user gave, with its causes.
    pub(crate) fn from_error(error: impl Error) -> Self {
        Self::input(chain(&error))
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        let exit = match error {
            ProtocolError::Stale { .. }
            | ProtocolError::Disagrees { .. }
            | ProtocolError::Replay(ReplayError::Tampered { .. } | ReplayError::Other { .. }) => Exit::Stale,
            ProtocolError::Interrupted => Exit::Interrupted,
            ProtocolError::NotEquivalent { .. } => Exit::Internal,
            _ => Exit::Input,
        };
        let full = matches!(&error, ProtocolError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull);
        let hint = if full { "\nhint: nothing that was decided is lost; free some space, then run again with --resume" } else { "" };
        Self { message: chain(&error) + hint, exit }
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
        Self { message: chain(&error), exit }
    }
}

/// Joins an error and its causes, leaving out what a message repeats.
fn chain(error: &dyn Error) -> String {
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
