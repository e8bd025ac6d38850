//! What a model's outputs mean ([`Task`]) and what its inputs are made of ([`Front`]). Pure: slices in, numbers out.
//!
//! A task reads one flat row of values for each sample (a [`Row`]) and says what the model's answer is, whether an attack has reached what
//! it wants, by how much, and along which combination of the values it should go on. Attacks know no task: they see a verdict, a margin, a
//! loss, a gradient and rivals ([`Rivals`]), and the driver puts the two together.
//!
//! [`Classify`] is the first member. Another one is a file that implements [`Task`]; nothing in attacks or driver is written for it.
//!
//! Shape vocabulary: Z values of one sample, K classes; `w` is the derivative of a loss by the values, `[Z]`.

mod classify;
mod error;
mod front;
mod loss;
mod reading;
mod rival;
mod task;
mod truth;
mod verdict;
mod wanted;

pub use classify::{Classify, argmax};
pub use error::TaskError;
pub use front::{Front, FrontError, Stored, Support};
pub use loss::Loss;
pub use reading::{Ending, Reading};
pub use rival::{Lead, Rival, Rivals};
pub use task::{Demand, Head, Objective, Posed, Row, Tap, Task};
pub use truth::{Answer, Truth};
pub use verdict::{Units, Verdict};
pub use wanted::{Goal, Quantifier, Wanted};
