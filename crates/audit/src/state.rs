//! What is known about each sample.

use std::collections::BTreeMap;

use brinell_attack::driver::Queries;

use brinell_record::Label;
use brinell_subject::Opinion;

/// How a sample was broken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Broken {
    pub(super) stage: usize,
    pub(super) restart: u32,
    pub(super) norm: f64,
    pub(super) opinion: Opinion,
    /// What the original file answers about the judged point, for the record.
    pub(super) prediction: Option<Label>,
    /// Goal margin of the judged point: positive.
    pub(super) margin: f64,
}

/// One sample, from the clean pass to the last stage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) label: Label,
    pub(super) clean: Opinion,
    /// What the model answers about the clean point, for the record.
    pub(super) prediction: Option<Label>,
    /// True where that answer is right.
    pub(super) correct: bool,
    /// Goal margin of the clean point and then the largest one seen.
    pub(super) margin: f64,
    pub(super) queries: Queries,
    pub(super) broken: Option<Broken>,
    /// True where the referee refused what an attack took for success.
    pub(super) refused: bool,
    /// True where an attack asked for gradients.
    pub(super) gradients: bool,
    /// The smallest [`late_gain`](brinell_attack::driver::Verdict::late_gain) of all stages whose loss rose.
    pub(super) late_gain: Option<f64>,
    /// The largest radius within which a stage has shown that there is no example.
    pub(super) none_within: Option<f64>,
    /// Whether bounds show that no allowed change breaks it; `None` before a proof was looked for.
    pub(super) certified: Option<bool>,
    /// Stages that are done with this sample.
    pub(super) stages_done: usize,
    /// True once its line stands in `record.jsonl`.
    pub(super) recorded: bool,
}

impl State {
    /// True where the sample was right and an attack changed that.
    pub(super) fn broken(&self) -> bool {
        self.correct() && self.broken.is_some()
    }

    /// True where the sample was right, was attacked and stands.
    pub(super) fn survived_attacks(&self) -> bool {
        self.correct() && self.broken.is_none() && self.stages_done > 0
    }

    /// True where the clean answer is right.
    pub(super) fn correct(&self) -> bool {
        self.correct
    }
}

/// The samples that were taken, by their number in the data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct States(BTreeMap<usize, State>);

impl States {
    pub(super) fn insert(&mut self, sample: usize, state: State) {
        self.0.insert(sample, state);
    }

    pub(super) fn get(&self, sample: usize) -> Option<&State> {
        self.0.get(&sample)
    }

    pub(super) fn get_mut(&mut self, sample: usize) -> Option<&mut State> {
        self.0.get_mut(&sample)
    }

    /// Number of samples taken: the denominator of all rates.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The states, by sample.
    pub(super) fn iter(&self) -> impl Iterator<Item = &State> {
        self.0.values()
    }

    /// Numbers of the samples with a state for which `which` is true, ascending.
    pub(super) fn samples(&self, which: impl Fn(&State) -> bool) -> Vec<usize> {
        self.0.iter().filter(|(_, state)| which(state)).map(|(&sample, _)| sample).collect()
    }
}

/// What the stages saw apart from verdicts, summed over samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) attacked: usize,
    /// Samples that no stage had broken before.
    pub(super) broken: usize,
    /// Samples for which the stage found a nearer example.
    pub(super) improved: usize,
    pub(super) queries: Queries,
    /// What the reference implementation would have spent on the same samples, where there is one.
    pub(super) reference: Option<Queries>,
    pub(super) seconds: f64,
    pub(super) model_seconds: f64,
    pub(super) rejected: usize,
    pub(super) astray: usize,
    pub(super) zero_gradients: usize,
    pub(super) non_finite: usize,
    pub(super) exhausted: usize,
}
