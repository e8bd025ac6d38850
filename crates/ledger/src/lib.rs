//! What runs and checks leave on disk: written line by line, read back and checked, compared.
//!
//! [`run::RunFolder`] is a run under way, [`run::read`] a finished one; [`evidence`] seals what a claim rests on; [`compare()`] and [`history()`] put
//! runs side by side. Nothing here links a runtime: whoever reads runs needs no model.

mod compare;
mod error;
pub mod evidence;
mod history;
pub mod machine;
mod rank;
pub mod reason;
pub mod run;
mod stored;

pub use compare::compare;
pub use error::LedgerError;
pub use history::{Found, history};
pub use rank::{RankEntry, rank};
pub use run::{Completed, read};
pub use stored::stored;
