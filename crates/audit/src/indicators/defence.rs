//! Whether attacks look through a defence in front of the model.

use brinell_engine::Oracle;
use brinell_record::Defence;

use super::super::setup::Run;
use crate::flags::{DEFENCE_UNSEEN, SURROGATE};

/// Names of nodes that a message lists.
const LISTED: usize = 4;

impl Run<'_> {
    pub(crate) fn flag_defence(&mut self, oracle: &Oracle) {
        let gradients = self.book.stages.iter().any(|stage| stage.recipe.needs_gradient());
        let subject = &self.case.subject;
        let defence = subject.defence.as_ref().map(Defence::name);
        let detects = subject.signature.gate.is_some();
        let ended = subject.artefact.defence_end.is_some();
        self.bridged = if gradients && ended { oracle.bridged() } else { Vec::new() };
        let (bridged, n) = (&self.bridged, self.bridged.len());
        self.flags.measure(&SURROGATE, n as f64, || {
            let of = if detects { "the detector" } else { "the defence in front of the model," };
            let what = defence.as_ref().map_or_else(|| "the defence in front of the model".to_owned(), |defence| format!("{of} {defence}"));
            let shown: Vec<&str> = bridged.iter().take(LISTED).map(String::as_str).collect();
            let more = if n > LISTED { format!(" and {} more", n - LISTED) } else { String::new() };
            format!(
                "gradients go straight through {n} rounding steps of {what} ({}{more}); values and verdicts are those of the file",
                shown.join(", ")
            )
        });
        let said = match &defence {
            Some(defence) => format!("the file says that it has a defence ({defence})"),
            None => "a defence in front of the model".to_owned(),
        };
        if let Some(problem) = &subject.defence_problem {
            self.flags.raise(
                &DEFENCE_UNSEEN,
                format!("what the file says of its defence cannot be used: {problem}; attacks do not look through it"),
            );
        } else if ended && !gradients {
            self.flags.raise(
                &DEFENCE_UNSEEN,
                format!("{said}, but no attack of this audit uses gradients: what survives may only be hidden from attackers who see less than the file"),
            );
        }
    }
}
