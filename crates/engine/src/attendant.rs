//! Who is told while a call waits, and may end the wait.

use std::sync::OnceLock;
use std::time::Duration;

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait<'a> {
    /// A server cannot answer now and is asked again after a pause.
    Again {
        /// The address.
        url: &'a str,
        /// Why, in the server's words where it has some.
        reason: &'a str,
        /// How long the pause is.
        pause: Duration,
    },
    /// A server has not answered yet.
    Silent {
        /// The address.
        url: &'a str,
        /// How long it has been waited for.
        since: Duration,
        /// After how long the question counts as not answered.
        most: Duration,
    },
}

/// Attends calls that may wait for long.
pub trait Attendant: Send + Sync {
    /// Returns true once the user wants to stop: waits then end with [`EngineError::Interrupted`](crate::EngineError::Interrupted) within 100 ms.
    fn stopped(&self) -> bool;

    /// Hears what is waited for.
    fn waiting(&self, wait: Wait<'_>);
}

/// Calls run on many threads, deep below whoever started the work, and a process has one user.
static ATTENDANT: OnceLock<Box<dyn Attendant>> = OnceLock::new();

/// Makes `attendant` the one of this process; returns false where there is one already, which stays.
pub fn attend(attendant: Box<dyn Attendant>) -> bool {
    ATTENDANT.set(attendant).is_ok()
}

pub(crate) fn stopped() -> bool {
    ATTENDANT.get().is_some_and(|attendant| attendant.stopped())
}

pub(crate) fn tell(wait: Wait<'_>) {
    if let Some(attendant) = ATTENDANT.get() {
        attendant.waiting(wait);
    }
}
