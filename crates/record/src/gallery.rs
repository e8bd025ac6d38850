//! The examples that a report shows, kept beside it so that it can be drawn again from the record alone.

use serde::{Deserialize, Serialize};

use crate::Label;

/// Contents of `gallery.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gallery {
    /// Examples in the order in which they are shown.
    pub items: Vec<GalleryItem>,
}

/// One broken sample before and after the attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GalleryItem {
    /// Position of the sample in the data, counted from 0.
    pub sample: usize,
    /// What is right: of a classifier the class.
    pub label: Label,
    /// `[C, H, W]` or `[H, W]` for pictures, `[D]` for anything else.
    pub shape: Vec<usize>,
    /// Unchanged sample, row-major in `shape`, in input-scale units.
    #[serde(with = "crate::float::array")]
    pub x: Vec<f32>,
    /// Adversarial example, laid out like `x`.
    #[serde(with = "crate::float::array")]
    pub x_adv: Vec<f32>,
    /// What the model answers about `x`.
    pub clean_prediction: Label,
    /// Softmax probability of that class; NaN where the answer is no class.
    #[serde(with = "crate::float")]
    pub clean_confidence: f64,
    /// What the model answers about `x_adv`.
    pub adv_prediction: Label,
    /// Softmax probability of that class.
    #[serde(with = "crate::float")]
    pub adv_confidence: f64,
    /// Size of the change in the threat's norm, in input-scale units.
    #[serde(with = "crate::float")]
    pub norm: f64,
    /// Attack that found it.
    pub attack: String,
}
