//! Exit codes, in one place.
//!
//! | Code | Meaning |
//! |---|---|
//! | 0 | done; every claim holds |
//! | 1 | a claim is refuted |
//! | 2 | undecided; done, but a blocking flag makes the result unreliable; a counterexample was not confirmed |
//! | 3 | stale: claim, model, data, settings or version differ from those on disk, or evidence was tampered with |
//! | 4 | usage or input error |
//! | 5 | internal error |
//! | 130 | interrupted |
//!
//! Where several claims are checked: an error or interruption ends the check; else refuted wins over stale, stale over undecided.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Refuted,
    Undecided,
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
            Self::Refuted => 1,
            Self::Undecided | Self::Unreliable => 2,
            Self::Stale => 3,
            Self::Input => 4,
            Self::Internal => 5,
            Self::Interrupted => 130,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_codes_are_those_of_the_table() {
        use Exit::{Done, Input, Internal, Interrupted, Refuted, Stale, Undecided, Unreliable};
        let codes = [Done, Refuted, Undecided, Unreliable, Stale, Input, Internal, Interrupted].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 2, 3, 4, 5, 130]);
    }
}
