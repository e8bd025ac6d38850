//! Errors as the user sees them: a chain of causes, what can be done about it, and how the program ends.

use std::error::Error;

use brinell_protocol::ProtocolError;
use brinell_protocol::replay::ReplayError;
use brinell_report::ReportError;

use crate::exit::Exit;
use crate::hint::hints;

/// An error on its way to the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
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
    pub(crate) fn from_error(error: impl Error + 'static) -> Self {
        Self { message: chain(&error), hints: hints(&error), exit: Exit::Input }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
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
        let mut hints = hints(&error);
        if matches!(&error, ProtocolError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull) {
            hints.push("nothing that was decided is lost; free some space, then run again with --resume".to_owned());
        }
        Self { message: chain(&error), hints, exit }
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
