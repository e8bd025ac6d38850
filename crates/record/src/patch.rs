//! A patch that is put into images, and whom it fools: `patch.json`.

use serde::{Deserialize, Serialize};

use crate::{Control, Rate, TransferData, TransferModel};

/// Value of [`Patch::schema`] that this crate writes and reads.
pub const PATCH_SCHEMA: &str = "brinell.patch/1";

/// A patch, fitted to some images and tested on others under a grid of conditions. All of it is a simulation on stored images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// Always [`PATCH_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Side of the square in pixels of the shared images.
    pub side: usize,
    /// Its channels.
    pub channels: usize,
    /// Share of the image that it covers at its own scale.
    pub area: f64,
    /// Steps of the fit, and images of each.
    pub steps: u32,
    /// Images of one step, each under a condition of its own.
    pub views: usize,
    /// How several sources were put together.
    pub ensemble: String,
    /// Number of the class that it is to be seen as; absent where any mistake counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<usize>,
    /// Images that it was fitted to.
    pub n_fit: usize,
    /// Images that it was tested on.
    pub n_test: usize,
    /// The images.
    pub data: TransferData,
    /// Every model.
    pub models: Vec<TransferModel>,
    /// Numbers of the models that it was fitted on, together.
    pub sources: Vec<usize>,
    /// The conditions; the first is the plain one in the middle.
    pub conditions: Vec<PatchCondition>,
    /// What it does to each target.
    pub targets: Vec<PatchTarget>,
}

/// Where the patch lies in an image, and how it looks there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchCondition {
    /// From the top, as a share of the room that it has.
    pub down: f64,
    /// From the left.
    pub across: f64,
    /// Size as a multiple of its own.
    pub scale: f64,
    /// Degrees, counter-clockwise.
    pub angle: f64,
    /// What is added to its values.
    pub brightness: f64,
}

/// A patch on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchTarget {
    /// Number of the target among the models.
    pub target: usize,
    /// True where the patch was fitted on it.
    pub white_box: bool,
    /// On images that it was fitted to, under the plain condition: no claim.
    pub fit: Control,
    /// The patch on the other images.
    pub patch: PatchScore,
    /// A grey square of the same size: what covering alone does.
    pub grey: PatchScore,
    /// A square of random values of the same size.
    pub noise: PatchScore,
}

/// One square on the images that were kept for the test and that the target gets right; of a targeted patch, without those of its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchScore {
    /// Images that count: answered under every condition.
    pub n: usize,
    /// Images without an answer under some condition, which count nowhere.
    pub unobserved: usize,
    /// Images on which it succeeds under the plain condition.
    pub plain: Rate,
    /// Images on which it succeeds under at least half of the conditions.
    pub half: Rate,
    /// Mean share of the images over all conditions.
    pub mean: f64,
    /// Images on which it succeeds under each condition.
    pub successes: Vec<usize>,
}
