//! What a model's outputs mean ([`Task`]) and what its inputs are made of ([`Front`]). Pure: slices in, numbers out.
//!
//! A task reads one flat row of values for each sample (a [`Row`]) and says what the model's answer is, whether an attack has reached what
//! it wants, by how much, and along which combination of the values it should go on. Attacks know no task: they see a verdict, a margin, a
//! loss, a gradient and rivals ([`Rivals`]), and the driver puts the two together.
//!
//! The members are [`Classify`], [`TopK`], [`MultiLabel`], [`Regress`] and [`Embed`], and [`Refuse`] around any of them. Another one is a file that implements [`Task`]; nothing in attacks or driver
//! is written for it.
//!
//! Shape vocabulary: Z values of one sample, K classes; `w` is the derivative of a loss by the values, `[Z]`.

mod classify;
mod embed;
mod error;
mod front;
mod loss;
mod multi_label;
mod reading;
mod refuse;
mod regress;
mod rival;
mod task;
mod top_k;
mod truth;
mod verdict;
mod wanted;

pub use classify::{Classify, argmax};
pub use embed::Embed;
pub use error::TaskError;
pub use front::{Front, FrontError, Stored, Support};
pub use loss::Loss;
pub use multi_label::MultiLabel;
pub use reading::{Ending, Reading};
pub use refuse::{Gate, Refuse};
pub use regress::Regress;
pub use rival::{Lead, Rival, Rivals};
pub use task::{Demand, Head, Objective, Posed, Row, Tap, Task};
pub use top_k::TopK;
pub use truth::{Answer, Truth};
pub use verdict::{Units, Verdict};
pub use wanted::{Goal, Quantifier, Wanted};
