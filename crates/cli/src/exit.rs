//! Exit codes, in one place.
//!
//! | Code | Meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | a claim is refuted |
//! | 2 | done, but a blocking flag makes the result unreliable or undecided |
//! | 3 | stale: model, data or settings differ from those of the run on disk |
//! | 4 | usage or input error |
//! | 5 | internal error |
//! | 130 | interrupted |

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Unreliable,
    Stale,
    Input,
    Internal,
    Interrupted,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unreliable => 2,
            Self::Stale => 3,
            Self::Input => 4,
            Self::Internal => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_codes_are_those_of_the_table() {
        let codes = [Exit::Done, Exit::Unreliable, Exit::Stale, Exit::Input, Exit::Internal, Exit::Interrupted].map(Exit::code);
        assert_eq!(codes, [0, 2, 3, 4, 5, 130]);
    }
}
