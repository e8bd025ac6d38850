//! Where training stands: all that a step needs and changes.

use std::path::Path;

use brinell_record::{FileError, Incident, Optimizer};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::HardenError;
use crate::optimiser::Moments;

/// Weights, optimiser and counters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) weights: Vec<Vec<f32>>,
    pub(crate) moments: Moments,
    /// Mean of the weights that is judged and kept; empty where the last weights are.
    pub(crate) mean: Vec<Vec<f32>>,
    pub(crate) count: Count,
}

/// What of the state are single numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    /// Steps done.
    pub(crate) step: usize,
    /// Epochs done.
    pub(crate) epoch: usize,
    /// Factor of the learning rate: smaller after a roll-back.
    pub(crate) rate: f64,
    /// Factor of the length of the attack's steps.
    pub(crate) reach: f64,
    /// Steps of the attack.
    pub(crate) steps: usize,
    /// Share of all steps in which the radius grows.
    pub(crate) ramp: f64,
    /// Running mean of the loss.
    pub(crate) loss: Option<f64>,
    /// Steps in a row that were skipped.
    pub(crate) skipped: usize,
    /// Attacked training samples that were right at the last check for collapse.
    pub(crate) checked: Option<usize>,
    /// Sum of the losses of the epoch so far.
    pub(crate) sum: f64,
    /// Seconds spent before this process.
    pub(crate) seconds: f64,
    /// What went wrong.
    pub(crate) incidents: Vec<Incident>,
    /// Kinds of breakdown after which training was rolled back.
    pub(crate) rolled_back: Vec<String>,
    /// The best epoch so far, by validation samples that survive, and its clean ones.
    pub(crate) best: Option<(usize, usize, usize)>,
}

impl State {
    pub(crate) fn new(optimizer: Optimizer, weights: Vec<Vec<f32>>, steps: usize, averages: bool) -> Self {
        let moments = Moments::new(optimizer, &weights);
        let mean = if averages { weights.clone() } else { Vec::new() };
        let count = Count {
            step: 0,
            epoch: 0,
            rate: 1.0,
            reach: 1.0,
            steps,
            ramp: 0.1,
            loss: None,
            skipped: 0,
            checked: None,
            sum: 0.0,
            seconds: 0.0,
            incidents: Vec::new(),
            rolled_back: Vec::new(),
            best: None,
        };
        Self { weights, moments, mean, count }
    }

    /// Returns the weights that are judged and kept.
    pub(crate) fn judged(&self) -> &[Vec<f32>] {
        if self.mean.is_empty() { &self.weights } else { &self.mean }
    }

    /// Writes a checkpoint that appears whole or not at all; `parent` is the digest of the model that is trained.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn save(&self, path: &Path, parent: &str) -> Result<(), HardenError> {
        let internal = |what: String| HardenError::Internal { what };
        let groups = [("weight", &self.weights), ("first", &self.moments.first), ("second", &self.moments.second), ("mean", &self.mean)];
        let bytes: Vec<(String, Vec<u8>)> = groups
            .iter()
            .flat_map(|(group, tensors)| tensors.iter().enumerate().map(move |(i, values)| (format!("{group}.{i}"), to_bytes(values))))
            .collect();
        let views = bytes
            .iter()
            .map(|(name, bytes)| Ok((name.clone(), TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| internal(error.to_string()))?;
        let count = serde_json::to_string(&self.count).map_err(|error| internal(error.to_string()))?;
        let metadata = [("count", count), ("parent_sha256", parent.to_owned()), ("taken", self.moments.taken.to_string())];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let whole = safetensors::serialize(views, Some(metadata)).map_err(|error| internal(error.to_string()))?;
        replace(path, &whole)
    }

    /// Reads a checkpoint into the form of this state.
    ///
    /// # Errors
    /// [`HardenError::Resume`] where it is of another model or another form.
    pub(crate) fn load(&self, path: &Path, parent: &str) -> Result<Self, HardenError> {
        let wrong = |what: &str| HardenError::Resume { folder: path.to_path_buf(), what: what.to_owned() };
        let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| wrong("it is not a checkpoint"))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|_| wrong("it is not a checkpoint"))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| metadata.get(key).map(String::as_str).unwrap_or_default();
        if entry("parent_sha256") != parent {
            return Err(wrong("it belongs to another model"));
        }
        let count: Count = serde_json::from_str(entry("count")).map_err(|_| wrong("its counters cannot be read"))?;
        let group = |name: &str, like: &[Vec<f32>]| -> Result<Vec<Vec<f32>>, HardenError> {
            let read = |(i, like): (usize, &Vec<f32>)| {
                let values = file.tensor(&format!("{name}.{i}")).ok().map(|tensor| from_bytes(tensor.data()));
                values.filter(|values| values.len() == like.len()).ok_or_else(|| wrong("its tensors differ from those of the model"))
            };
            like.iter().enumerate().map(read).collect()
        };
        let moments = Moments {
            first: group("first", &self.moments.first)?,
            second: group("second", &self.moments.second)?,
            taken: entry("taken").parse().map_err(|_| wrong("its counters cannot be read"))?,
        };
        Ok(Self { weights: group("weight", &self.weights)?, moments, mean: group("mean", &self.mean)?, count })
    }
}

/// Returns numbers as little-endian bytes.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
}

/// Writes a file that appears whole or not at all.
///
/// # Errors
/// [`HardenError::File`].
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), HardenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = std::path::PathBuf::from(beside);
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&beside, path)).map_err(FileError::on("write", path))?;
    Ok(())
}
