//! `brinell harden`

mod curve;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use brinell::Population;
use brinell::hardening::{Ask, Hardened, Job, harden};
use brinell::record::{HardenSummary, Method, Optimizer};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::audit::{command_line, json, stop_flag};
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Training, free_folder, give_back};
use watch::Shown;

#[derive(Debug, Args)]
pub(crate) struct Harden {
    #[command(flatten)]
    settings: Training,

    /// File to write, which must not exist yet
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// Validation samples, which decide which epoch is kept [default: a tenth of the training samples, not trained on]
    #[arg(long, value_name = "VAL", help_heading = "Validation and test")]
    val: Option<PathBuf>,

    /// Labels of --val, in the same form as --labels
    #[arg(long, value_name = "LABELS", requires = "val", help_heading = "Validation and test")]
    val_labels: Option<String>,

    /// Test samples, read only after training, to compare both models [default: a tenth of the training samples, not trained on]
    #[arg(long, value_name = "TEST", help_heading = "Validation and test")]
    test: Option<PathBuf>,

    /// Labels of --test, in the same form as --labels
    #[arg(long, value_name = "LABELS", requires = "test", help_heading = "Validation and test")]
    test_labels: Option<String>,

    /// Use only N test samples, spread evenly over the classes [default: all]
    #[arg(long, value_name = "N", requires = "test", help_heading = "Validation and test")]
    test_n: Option<usize>,

    /// Suite that audits both models at the end
    #[arg(long, value_name = "SUITE", default_value = "fast", help_heading = "Validation and test")]
    suite: String,

    /// Training method: pgd trains on adversarial examples, trades and mart also penalise changed predictions, fast and fgsm-rs use attacks of one step
    #[arg(long, value_name = "METHOD", default_value = "pgd", value_parser = PossibleValuesParser::new(Method::NAMES), help_heading = "Training")]
    method: String,

    /// Weight of the loss on clean samples, 0 to 1: larger values keep clean accuracy, smaller values gain robustness [default: 0.5]
    #[arg(long, value_name = "A", help_heading = "Training")]
    clean_weight: Option<f64>,

    /// Train once for each of these clean weights, and compare the results; the model of --clean-weight is written to OUT [default weights: 0,0.25,0.5,0.75]
    #[arg(long, value_name = "A,B,..", num_args = 0..=1, require_equals = true, default_missing_value = "0,0.25,0.5,0.75", value_delimiter = ',',
        help_heading = "Training")]
    curve: Option<Vec<f64>>,

    /// Weight of the divergence in trades and mart [default: 6; 5 for mart]
    #[arg(long, value_name = "BETA", help_heading = "Training")]
    beta: Option<f64>,

    /// Size of adversarial weight perturbations (AWP), relative to each tensor's norm, such as 0.01; 0 for none
    #[arg(long, value_name = "GAMMA", default_value_t = 0.0, help_heading = "Training")]
    awp: f64,

    /// Steps of the attack in training [default: 7]
    #[arg(long, value_name = "K", help_heading = "Training")]
    steps: Option<usize>,

    /// Step size of the attack in training, as a multiple of eps [default: 2.5 / steps]
    #[arg(long, value_name = "R", help_heading = "Training")]
    step_size: Option<f64>,

    /// Number of passes over the training samples [default: 5, or as many as --budget allows]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<usize>,

    /// Time for training, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Training")]
    budget: Option<Duration>,

    /// Number of samples in one training step
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Training")]
    train_batch: usize,

    /// sgd or adam [default: sgd; adam for models with attention]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Optimizer::NAMES), help_heading = "Training")]
    optimizer: Option<String>,

    /// Largest learning rate [default: depends on the model]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    lr: Option<f64>,

    /// Weight decay [default: 0.0005]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    weight_decay: Option<f64>,

    /// Label smoothing: share of each label that is spread over all classes
    #[arg(long, value_name = "S", default_value_t = 0.0, help_heading = "Training")]
    label_smoothing: f64,

    /// Decay of the moving average of weights; with 0, no average is used [default: 0; 0.999 for 5000 steps or more]
    #[arg(long, value_name = "DECAY", help_heading = "Training")]
    ema: Option<f64>,

    /// Shift images at random by up to this many pixels [default: 0; 4 for images of 32 pixels or more]
    #[arg(long, value_name = "PIXELS", help_heading = "Training")]
    crop: Option<usize>,

    /// Mirror images at random, half of the time; do not use it for digits or text
    #[arg(long, help_heading = "Training")]
    flip: bool,

    /// Standard deviation of Gaussian noise added to every sample, for a model that will be smoothed
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0, help_heading = "Training")]
    noise: f64,

    /// Train only the tensors with this name; * matches anything; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    only: Vec<String>,

    /// Do not train the tensors with this name; * matches anything; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    freeze: Vec<String>,

    /// Largest loss of clean accuracy on validation samples, in percentage points; if more is lost, the exit code is 2
    #[arg(long, value_name = "POINTS", default_value_t = 5.0, help_heading = "Training")]
    max_clean_loss: f64,

    /// Folder to write the run to [default: brinell-runs/MODEL-harden, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    folder: Option<PathBuf>,

    /// Continue the stopped run in --folder
    #[arg(long, requires = "folder", help_heading = "Running")]
    resume: bool,

    /// Print only summary.json on standard output
    #[arg(long)]
    json: bool,
}

impl Harden {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let ask = self.ask()?;
        let model = &ask.question.artefact.model;
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => free_folder(&format!("brinell-runs/{}-harden", model.file_stem().unwrap_or_default().to_string_lossy()))?,
        };
        let job = Job { folder: folder.clone(), output: self.out.clone(), resume: self.resume, command: command_line(), ..Job::default() };
        let stop = stop_flag()?;
        let ended = match &self.curve {
            Some(weights) => curve::answer(&ask, &job, weights, self.json, &stop),
            None => {
                answer(&ask, &job, &stop).and_then(|ended| Ok((if self.json { json(&ended.summary)? } else { ended.told }, ended.exit)))
            }
        };
        let (text, exit) = ended.inspect_err(|_| {
            if self.folder.is_none() {
                give_back(&folder);
            }
        })?;
        print(&text);
        Ok(exit)
    }

    fn ask(&self) -> Result<Ask, Failure> {
        let question = self.settings.question()?;
        let own = &question.population;
        let part = |data: &PathBuf, labels: &Option<String>, n: Option<usize>| {
            // The name of a column holds for all files; a file of labels belongs to one.
            let shared = own.labels.clone().filter(|labels| !Path::new(labels).exists());
            let labels = labels.clone().or(shared);
            Population { data: data.clone(), labels, classes: own.classes.clone(), drop: own.drop.clone(), n, ..Population::default() }
        };
        let word = |error: brinell::errors::WordError| Failure::from_error(error);
        Ok(Ask {
            validation: self.val.as_ref().map(|data| part(data, &self.val_labels, None)),
            test: self.test.as_ref().map(|data| part(data, &self.test_labels, self.test_n)),
            only: self.only.clone(),
            freeze: self.freeze.clone(),
            max_clean_loss: self.max_clean_loss,
            budget: self.budget.map(|budget| budget.as_secs_f64()),
            suite: self.suite.clone(),
            method: self.method.parse().map_err(word)?,
            clean_weight: self.clean_weight,
            beta: self.beta,
            awp: self.awp,
            steps: self.steps,
            step_size: self.step_size,
            optimizer: self.optimizer.as_deref().map(str::parse).transpose().map_err(word)?,
            lr: self.lr,
            weight_decay: self.weight_decay,
            batch: self.train_batch,
            epochs: self.epochs,
            label_smoothing: self.label_smoothing,
            ema: self.ema,
            crop: self.crop,
            flip: self.flip,
            noise: self.noise,
            question,
        })
    }
}

/// A training run that came to its end, with its page written.
pub(super) struct Ended {
    pub(super) summary: HardenSummary,
    /// What a user reads of it.
    pub(super) told: String,
    pub(super) exit: Exit,
}

/// Trains, audits, and renders the page into the folder of the run.
///
/// # Errors
/// A [`Failure`] as the command line would end with; an interrupted run can be resumed.
pub(super) fn answer(ask: &Ask, job: &Job, stop: &AtomicBool) -> Result<Ended, Failure> {
    let hardened = harden(ask, job, stop, &mut Shown::new())?;
    let page = page(&job.folder, &hardened)?;
    let (told, exit) = (told(&hardened.summary, &page), exit(&hardened));
    Ok(Ended { summary: hardened.summary, told, exit })
}

/// Renders the page of a training run into its folder.
fn page(folder: &Path, hardened: &Hardened) -> Result<PathBuf, Failure> {
    let path = folder.join(crate::command::audit::REPORT);
    let html = brinell::report::harden::page(&hardened.summary, &hardened.steps).map_err(Failure::from_internal)?;
    super::write(&path, &html)?;
    Ok(path)
}

/// Returns how a training run exits.
fn exit(hardened: &Hardened) -> Exit {
    if hardened.unreliable { Exit::Unreliable } else { Exit::Done }
}

/// A share with its interval.
fn rate(rate: &brinell::record::Rate) -> String {
    format!("{:.1} % ({:.1}-{:.1})", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high)
}

/// Says what was gained and what was lost.
fn told(summary: &HardenSummary, page: &Path) -> String {
    let comparison = &summary.comparison;
    let mut text = format!("{}\n\n", summary.headline);
    for (what, paired) in [("robust", &comparison.robust), ("clean", &comparison.clean)] {
        let line =
            format!("{what:>8}: {} samples gained, {} lost, exact McNemar p = {:.1e}\n", paired.only_b, paired.only_a, paired.p_value);
        text.push_str(&line);
    }
    for ([clean, robust], name) in summary.accuracy.iter().zip(["before", "after"]) {
        text.push_str(&format!("{name:>8}: robust {}, clean {}\n", rate(robust), rate(clean)));
    }
    for one in &summary.elsewhere {
        let [before, after] = one.survived.map(|survived| 100.0 * survived as f64 / one.n.max(1) as f64);
        text.push_str(&format!(
            "{:>8} at {:.4}, by two short attacks on {} samples: {before:.1} % -> {after:.1} %\n",
            one.norm, one.eps, one.n
        ));
    }
    if summary.clean_loss > summary.max_clean_loss {
        text.push_str(&format!(
            "\nClean accuracy fell by {:.1} points on validation samples, but only {} are allowed: try a larger --clean-weight or a smaller --eps.\n",
            summary.clean_loss, summary.max_clean_loss
        ));
    }
    for incident in &summary.incidents {
        text.push_str(&format!("step {}: {}\n", incident.step, incident.what));
    }
    for note in &summary.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let n = summary.epochs.len().saturating_sub(1);
    text.push_str(&format!(
        "\nEpoch {} of {n} was kept, chosen on {} validation samples; {:.0} s of training\nModel: {}\nReport: {}\n",
        summary.chosen,
        summary.epochs.first().map_or(0, |line| line.n),
        summary.seconds,
        summary.output,
        page.display()
    ));
    text
}

/// Reads a time: a number with s, m or h behind it; seconds without.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (text.get(..at), 1.0),
        Some((at, 'm')) => (text.get(..at), 60.0),
        Some((at, 'h')) => (text.get(..at), 3600.0),
        _ => (Some(text), 1.0),
    };
    let seconds = number.and_then(|number| number.trim().parse::<f64>().ok()).map(|number| number * unit);
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds < 1e9);
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "write a time such as 90s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, seconds) in [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0)] {
            assert_eq!(duration(text).map(|time| time.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "m", "-1s", "0", "10d", "nan"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
