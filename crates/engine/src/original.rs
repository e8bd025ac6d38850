//! The original file as it is: fed in its own types, read in its own types.

use std::sync::Arc;

use brinell_task::Gate;

use crate::black_box::reals;
use crate::held::HeldFeeds;
use crate::signature::order;
use crate::together::OwnFeeds;
use crate::{Elements, EngineError, Held, OracleError, Session, Signature, View};

/// A session on an unmodified file, asked about one sample at a time.
pub struct Original {
    session: Box<dyn Session>,
    own: OwnFeeds,
    /// Samples of one call: a fixed batch is filled with copies of the sample.
    copies: usize,
    held: Arc<Held>,
    feeds: HeldFeeds,
    output: usize,
    /// Place of the output that names the class beside the scores.
    label: Option<usize>,
    /// What it said last.
    said: Option<String>,
    output_name: String,
    width: usize,
    columns: Option<Vec<usize>>,
    gate: Option<Gate>,
}

impl Original {
    /// Wraps a session on the file that `signature` was read off.
    ///
    /// # Errors
    /// [`EngineError::FeedType`] where the attacked input holds what cannot be fed.
    pub fn new(session: Box<dyn Session>, signature: &Signature, held: Arc<Held>) -> Result<Self, EngineError> {
        Ok(Self {
            session,
            own: OwnFeeds::new(signature)?,
            copies: signature.fixed_batch.unwrap_or(1),
            feeds: HeldFeeds::new(&held, true),
            held,
            output: signature.output_index,
            label: signature.label_index,
            said: None,
            output_name: signature.output_name.clone(),
            width: signature.width(),
            columns: signature.columns.clone(),
            gate: signature.gate.as_ref().map(|port| port.gate),
        })
    }

    /// Returns what is worth knowing about how the file runs, see [`Session::note`].
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.session.note()
    }

    /// Returns the class that the file named beside its scores when it was asked last, where it names one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// Returns the output of the file, and behind it the room that its suspicion leaves where it refuses samples, for one `ready` input, which becomes numbers of the file's type; the other inputs are held at what the data has
    /// for `sample`.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails or the output has another size than it declares.
    pub fn ask(&mut self, ready: &[f32], sample: usize) -> Result<Vec<f64>, OracleError> {
        self.ask_exactly(ready, None, sample)
    }

    /// As [`Original::ask`]; inputs in double precision get the `exact` numbers that `ready` stands for, where these are given.
    ///
    /// # Errors
    /// As [`Original::ask`].
    pub fn ask_exactly(&mut self, ready: &[f32], exact: Option<&[f64]>, sample: usize) -> Result<Vec<f64>, OracleError> {
        self.own.clear();
        (0..self.copies).for_each(|_| self.own.push(ready, exact));
        self.feeds.fill(&self.held, &[sample], self.copies);
        let feeds: Vec<(&str, View<'_>)> = self.own.views().chain(self.feeds.views()).collect();
        let (wanted, label, width) = (self.output, self.label, self.width);
        let gate = self.gate;
        let (mut output, mut rows, mut said, mut suspicion) = (Vec::with_capacity(width + 1), None, None, Vec::new());
        self.session.run(&feeds, &mut |index, view| {
            if index == wanted {
                rows = view.shape.first().copied();
                reals(view.data, &mut output);
            } else if Some(index) == label {
                said = first_name(view.data);
            } else if gate.is_some_and(|gate| gate.output == index) {
                reals(view.data, &mut suspicion);
            }
        })?;
        self.said = said;
        if let Some(rows) = rows.filter(|_| output.len() != self.copies * width) {
            return Err(EngineError::Rows { output: self.output_name.clone(), rows, samples: self.copies }.into());
        }
        output.truncate(width);
        let mut output = order(self.columns.as_deref(), width, output);
        if output.len() != width {
            return Err(OracleError::Output { output: "logits", found: output.len(), expected: width });
        }
        if let Some(gate) = gate {
            let found = suspicion.len();
            let expected = self.copies;
            let first =
                suspicion.first().filter(|_| found == expected).ok_or(OracleError::Output { output: "suspicion", found, expected })?;
            output.push(gate.threshold - first);
        }
        Ok(output)
    }
}

/// The first of the names that an output holds.
fn first_name(data: Elements<'_>) -> Option<String> {
    match data {
        Elements::I64(data) => data.first().map(ToString::to_string),
        Elements::I32(data) => data.first().map(ToString::to_string),
        Elements::Text(data) => data.first().cloned(),
        _ => None,
    }
}
