//! The trait of what comes out of a model.

use crate::{Answer, Ending, Lead, Loss, Rival, Truth, Verdict, Wanted};

/// The values of all taps for one sample, one after the other `[Z]`.
pub type Row = [f32];

/// A value of the graph that a task reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// Place of the output among those of the file.
    pub output: usize,
    /// What the graph ends in there; the tap is what stands before it.
    pub ending: Ending,
    /// Values of one sample.
    pub size: usize,
}

/// What an attack climbs, whatever the task; which formula that is, the task says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Objective {
    /// The likelihood of what is wanted, in the form that attacks differentiate: it does not vanish where the model is sure.
    LogOdds,
    /// How far the goal is exceeded: [`Task::margin`].
    Margin,
    /// The margin beside the spread of the values, which scaling the values does not change.
    Ratio,
    /// As the margin, for the goal that the rival in hand is.
    RivalMargin,
    /// As the ratio, for the rival in hand.
    RivalRatio,
    /// How far the rival in hand is ahead of what it has to beat: the function whose zeros are the decision plane between the two.
    Plane,
}

/// What is asked of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posed<'a> {
    /// What is right.
    pub truth: &'a Truth,
    /// What the attack wants.
    pub wanted: &'a Wanted,
}

/// What is asked of one sample, kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// What is right.
    pub truth: Truth,
    /// What the attack wants.
    pub wanted: Wanted,
}

impl Demand {
    /// Returns what is asked of a sample of this class: another one, or the target.
    #[must_use]
    pub fn class(label: usize, target: Option<usize>) -> Self {
        Self { truth: Truth::Class(label), wanted: Wanted::class(target) }
    }

    /// Returns the same for a task.
    #[must_use]
    pub fn posed(&self) -> Posed<'_> {
        Posed { truth: &self.truth, wanted: &self.wanted }
    }
}

/// How a loss gets into the graph whose gradient is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Head {
    /// As nodes of its own: values, loss and gradient come out of one call.
    Fused(Loss),
    /// As the sum of the values times fed weights, which are the loss's derivative at values that were asked for before.
    Linear,
}

impl Head {
    /// Returns the names of what the graph is fed beside its own inputs, `[B, Z]` each.
    #[must_use]
    pub fn feeds(self) -> &'static [&'static str] {
        match self {
            Self::Fused(loss) => loss.feeds(),
            Self::Linear => &["w"],
        }
    }
}

/// What a model's outputs mean.
///
/// # Guarantees
/// Every member keeps these laws, which `tests/laws.rs` holds it to on random rows: a positive [`margin`](Task::margin) is a reached goal;
/// [`pull`](Task::pull) is the derivative of [`loss`](Task::loss); the goal is as far as its nearest rival. The nodes of [`fused`](Task::fused) compute the same
/// loss, to which autodiff's tests hold them. A truth or a goal of a kind that the task does not know is never reached and has a margin of minus infinity.
pub trait Task: std::fmt::Debug + Send + Sync {
    /// Returns the values that are read, in the order in which they make up a row.
    fn taps(&self) -> &[Tap];

    /// Returns the answer that a row of values stands for; `None` where a value is not finite.
    fn answer(&self, z: &Row) -> Option<Answer>;

    /// Returns the answer that the outputs of the original file stand for, as deployed: after what the taps stand before.
    fn decode(&self, output: &[f64]) -> Option<Answer>;

    /// Returns the row of values that the outputs of the original file stand for: the inverse of what the taps stand before.
    fn row(&self, output: &[f64]) -> Vec<f32>;

    /// Returns the outputs that a row of values would have led to: the inverse of [`row`](Task::row).
    fn output(&self, z: &Row) -> Vec<f64>;

    /// Returns the probability of an answer, where the outputs of the original file say one.
    fn confidence(&self, _output: &[f64], _answer: &Answer) -> Option<f64> {
        None
    }

    /// True where rounding by this share of the values may change what the row says of the truth: then the original file is asked.
    fn is_close(&self, z: &Row, posed: Posed<'_>, rounding: f32) -> bool {
        let margin = self.margin(z, posed);
        !margin.is_finite() || margin.abs() <= f64::from(rounding) * self.scale(z, posed)
    }

    /// Judges an answer.
    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict;

    /// Returns how far the goal is exceeded: positive if reached; minus infinity where a value is not finite.
    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64;

    /// Returns the size of the values that the margin compares: what their rounding is relative to.
    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64;

    /// Returns what an attack climbs; `rival` is the one in hand.
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32;

    /// Writes the derivative of the loss by the values into `w` `[Z]`.
    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]);

    /// Returns the same loss as nodes of a graph, where there are such.
    fn fused(&self, _objective: Objective, _wanted: &Wanted) -> Option<Loss> {
        None
    }

    /// Writes what the nodes of [`fused`](Task::fused) are fed for one sample, one row of Z for each of [`Loss::feeds`].
    fn feed(&self, _posed: Posed<'_>, _rival: Option<usize>, _out: &mut [f32]) {}

    /// Returns the number of rivals.
    fn count(&self, _wanted: &Wanted) -> usize {
        0
    }

    /// Appends the rivals by falling margin; in a fixed order, with margins of NaN, where `z` is empty.
    fn rivals(&self, _z: &Row, _posed: Posed<'_>, _out: &mut Vec<Rival>) {}

    /// Returns the margin of one rival; NaN where it is none or `z` is empty.
    fn rival(&self, z: &Row, posed: Posed<'_>, id: usize) -> f64 {
        let mut rivals = Vec::new();
        self.rivals(z, posed, &mut rivals);
        rivals.iter().find(|rival| rival.id == id).map_or(f64::NAN, |rival| rival.margin)
    }

    /// Returns the rival with the largest margin.
    fn leader(&self, z: &Row, posed: Posed<'_>) -> Option<usize> {
        let mut rivals = Vec::new();
        self.rivals(z, posed, &mut rivals);
        rivals.first().map(|rival| rival.id)
    }

    /// Returns the rival that the goal names, where it names one.
    fn named(&self, _wanted: &Wanted) -> Option<usize> {
        None
    }

    /// Returns the leads that together reach the goal, one list for each way there is; nothing where the goal is not made of such.
    fn ways(&self, _posed: Posed<'_>) -> Vec<Vec<Lead>> {
        Vec::new()
    }

    /// Returns the number of values of one sample, Z.
    fn width(&self) -> usize {
        self.taps().iter().map(|tap| tap.size).sum()
    }

    /// True where the row is an answer that the attack wants.
    fn reached(&self, z: &Row, posed: Posed<'_>) -> bool {
        self.answer(z).is_some_and(|answer| self.verdict(&answer, posed).reached)
    }

    /// Returns how the loss gets into the graph.
    fn head(&self, objective: Objective, wanted: &Wanted) -> Head {
        self.fused(objective, wanted).map_or(Head::Linear, Head::Fused)
    }
}
