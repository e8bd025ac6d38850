//! Gain and price over the dial between robust and clean accuracy.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use brinell_record::{HARDEN_CURVE_SCHEMA, HardenCurve, Method, WeightPoint};

use crate::ask::{CLEAN_WEIGHT, wrong};
use crate::folder::{RUN, json};
use crate::training::{Progress, Watcher};
use crate::{Ask, HardenError, Hardened, Job, harden};

/// Name of the curve in the folder of its runs.
pub const CURVE: &str = "curve.json";

/// The runs of a curve.
#[derive(Debug, Clone)]
pub struct Traced {
    /// What `curve.json` holds.
    pub curve: HardenCurve,
    /// The training runs that ended with a model, with their folders.
    pub runs: Vec<(PathBuf, Hardened)>,
    /// True where the run whose model is written is unreliable, or wrote none.
    pub unreliable: bool,
}

/// Trains once for each of some clean weights, each in a folder of its own, and judges all models on the same test samples.
///
/// The model of `ask.clean_weight`, which joins `weights` where it is not among them, goes to `job.output`; the others stay in their folders. The weight is not chosen
/// by the test samples: the curve shows what each would have given.
///
/// # Errors
/// As [`harden()`], for the first run that fails; a weight without a gain is a point without a model. [`HardenError::Setting`] for methods without a clean weight.
pub fn curve(ask: &Ask, job: &Job, weights: &[f64], stop: &AtomicBool, watcher: &mut dyn Watcher) -> Result<Traced, HardenError> {
    if matches!(ask.method, Method::Trades | Method::Mart) {
        return Err(wrong("the method of a curve", ask.method.name(), "a method with a clean weight is needed: pgd, fast or fgsm-rs"));
    }
    if let Some(weight) = weights.iter().find(|weight| !(0.0..=1.0).contains(*weight)) {
        return Err(wrong("clean weight", weight, "a number from 0 to 1 is needed"));
    }
    // Found before hours of training, not after those of the weights in front.
    if let Some(path) = [&job.output, &job.folder.join(RUN)].into_iter().find(|path| !job.resume && path.exists()) {
        return Err(HardenError::Exists { path: path.clone() });
    }
    let written = ask.clean_weight.unwrap_or(CLEAN_WEIGHT);
    let mut weights: Vec<f64> = weights.iter().copied().chain([written]).collect();
    weights.sort_by(f64::total_cmp);
    weights.dedup();
    let mut parent = None;
    let (mut points, mut runs, mut unreliable, mut headline) = (Vec::new(), Vec::new(), true, None);
    for weight in weights {
        watcher.progress(Progress::Weight(weight));
        let name = format!("clean-weight-{weight}");
        let folder = job.folder.join(&name);
        let is_written = weight == written;
        let own = Job {
            output: if is_written { job.output.clone() } else { folder.join("hardened.onnx") },
            resume: job.resume && folder.join(RUN).is_file(),
            parent: Some(job.folder.join("parent")),
            command: job.command.clone(),
            folder,
        };
        let own_ask = Ask { clean_weight: Some(weight), ..ask.clone() };
        let mut point = WeightPoint { clean_weight: weight, folder: name, clean: None, robust: None, note: None };
        match harden(&own_ask, &own, stop, watcher) {
            Ok(hardened) => {
                let [before, [clean, robust]] = hardened.summary.accuracy;
                (point.clean, point.robust) = (Some(clean), Some(robust));
                let child = &hardened.summary.comparison.b;
                parent = Some((before, child.data.n, child.brinell_version.clone(), child.created.clone()));
                if is_written {
                    unreliable = hardened.unreliable;
                    headline = Some(hardened.summary.headline.clone());
                }
                runs.push((own.folder, hardened));
            }
            Err(error @ HardenError::NoGain { .. }) => point.note = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        points.push(point);
    }
    let ([clean, robust], n, brinell_version, created) = parent.ok_or(HardenError::NoWeightGains { weights: points.len() })?;
    let curve =
        HardenCurve { schema: HARDEN_CURVE_SCHEMA.to_owned(), brinell_version, created, written, headline, clean, robust, n, points };
    json(&job.folder.join(CURVE), &curve)?;
    Ok(Traced { curve, runs, unreliable })
}
