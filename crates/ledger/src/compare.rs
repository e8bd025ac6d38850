//! Two runs on the same samples, sample by sample.

use std::path::Path;

use brinell_record::{Artefact, COMPARISON_SCHEMA, Comparison, Difference, Layout, Norm, Outcome, RunEntry, SampleRecord, Summary, Turned};

use brinell_stats::paired;

use crate::history::entry;
use crate::{Completed, LedgerError, run};

/// Compares run B with run A.
///
/// # Guarantees
/// Both runs took the same samples of the same data, with the same labels. Other settings may differ, and are listed.
///
/// # Errors
/// [`LedgerError::NotPaired`], and those of [`run::read`].
pub fn compare(folder_a: &Path, folder_b: &Path) -> Result<Comparison, LedgerError> {
    let (run_a, run_b) = (run::read(folder_a)?, run::read(folder_b)?);
    check_same_samples(folder_a, folder_b, &run_a, &run_b)?;
    let (a, b) = (entry(folder_a, &run_a.summary), entry(folder_b, &run_b.summary));
    let pairs = || run_a.samples.iter().zip(&run_b.samples);
    let survived = |record: &SampleRecord| record.outcome == Outcome::Survived;
    let right = |record: &SampleRecord| record.outcome != Outcome::Misclassified;
    Ok(Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        differences: differences(&a, &b),
        classes: run_a.summary.classes.clone(),
        clean: paired(pairs().map(|(a, b)| (right(a), right(b)))),
        robust: paired(pairs().map(|(a, b)| (survived(a), survived(b)))),
        lost: pairs().filter(|(a, b)| survived(a) && !survived(b)).map(|(a, b)| turned(a, b, b)).collect(),
        gained: pairs().filter(|(a, b)| !survived(a) && survived(b)).map(|(a, b)| turned(a, b, a)).collect(),
        a,
        b,
    })
}

pub(crate) fn check_same_samples(folder_a: &Path, folder_b: &Path, a: &Completed, b: &Completed) -> Result<(), LedgerError> {
    let differ = |what, in_a: String, in_b: String| {
        Err(LedgerError::NotPaired { run_a: folder_a.to_path_buf(), run_b: folder_b.to_path_buf(), what, a: in_a, b: in_b })
    };
    let task = |summary: &Summary| task_of(&summary.question.artefact);
    if task(&a.summary) != task(&b.summary) {
        return differ("the tasks differ, so a right answer means something else in each", task(&a.summary), task(&b.summary));
    }
    let (data_a, data_b) = (&a.summary.data, &b.summary.data);
    if data_a.sha256 != data_b.sha256 {
        let name = |summary: &Summary| {
            let digest = &summary.data.sha256;
            format!("{} ({})", summary.question.population.data.display(), digest.get(..12).unwrap_or(digest))
        };
        return differ("the data (SHA-256) differ", name(&a.summary), name(&b.summary));
    }
    if data_a.n != data_b.n {
        return differ("the numbers of samples differ", data_a.n.to_string(), data_b.n.to_string());
    }
    let numbers = a.samples.iter().zip(&b.samples).find(|(a, b)| a.sample != b.sample);
    if let Some((a, b)) = numbers {
        return differ("the runs took different samples", format!("sample {}", a.sample), format!("sample {}", b.sample));
    }
    let labels = a.samples.iter().zip(&b.samples).find(|(a, b)| a.label != b.label);
    labels.map_or(Ok(()), |(a, b)| {
        let name = |record: &SampleRecord| format!("{} for sample {}", record.label, record.sample);
        differ("the labels differ", name(a), name(b))
    })
}

/// Says what makes an answer right, in words.
pub(crate) fn task_of(artefact: &Artefact) -> String {
    let number = |name: &str, number: Option<f64>| number.map(|number| format!(", {name} {number}"));
    let k = artefact.top_k.map(|k| format!(" with the best {k}"));
    let only = (!artefact.only_labels.is_empty()).then(|| format!(" of {}", artefact.only_labels.join(", ")));
    let parts = [k, only, number("tolerance", artefact.tolerance), number("distance", artefact.distance)];
    format!("{}{}", artefact.task(), parts.into_iter().flatten().collect::<String>())
}

/// Describes how a sample fell in the audit `fell`, in which it did not survive.
fn turned(a: &SampleRecord, b: &SampleRecord, fell: &SampleRecord) -> Turned {
    Turned {
        sample: a.sample,
        label: a.label.clone(),
        a: a.outcome,
        b: b.outcome,
        attack: fell.attack.clone(),
        norm: fell.norm,
        prediction: if fell.outcome == Outcome::Broken { fell.adv_prediction.clone() } else { fell.prediction.clone() },
    }
}

/// Lists the settings that differ, those that matter most first. Two models may need different preprocessing; that is for the reader to say.
fn differences(a: &RunEntry, b: &RunEntry) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |setting: &str, same: bool, a: String, b: String| {
        if !same {
            found.push(Difference { setting: setting.to_owned(), a, b });
        }
    };
    let target = |entry: &RunEntry| entry.allowed.target.map_or("any wrong class".to_owned(), |class| format!("class {class}"));
    let norm = |entry: &RunEntry| entry.question.threat.norm.name().to_owned();
    let radius = |entry: &RunEntry| {
        let [lo, hi] = entry.allowed.input_box;
        format!("{} of {lo}..{hi}", entry.question.threat.eps)
    };
    let runtime = |entry: &RunEntry| format!("{} {} on {}", entry.runtime.name, entry.runtime.version, entry.runtime.device);
    note("norm", norm(a) == norm(b), norm(a), norm(b));
    note("eps", same_radius(a, b), radius(a), radius(b));
    note("target", a.allowed.target == b.allowed.target, target(a), target(b));
    let limits = |entry: &RunEntry| entry.question.effort.max_queries.map_or("none".to_owned(), |limit| limit.to_string());
    for (name, of) in PREPROCESSING {
        note(name, of(a) == of(b), of(a), of(b));
    }
    note("rules of features", a.allowed.features == b.allowed.features, features(a), features(b));
    note("query budget", limits(a) == limits(b), limits(a), limits(b));
    note("attacks", a.attacks == b.attacks, a.attacks.join(", "), b.attacks.join(", "));
    note("seed", a.question.effort.seed == b.question.effort.seed, a.question.effort.seed.to_string(), b.question.effort.seed.to_string());
    note("runtime", runtime(a) == runtime(b), runtime(a), runtime(b));
    note("brinell version", a.brinell_version == b.brinell_version, a.brinell_version.clone(), b.brinell_version.clone());
    found
}

/// Reads one fact of a run as text.
type Fact = fn(&RunEntry) -> String;

/// What happens to a sample before the model sees it.
const PREPROCESSING: [(&str, Fact); 4] = [
    ("scale", |entry| entry.question.artefact.scale().to_string()),
    ("mean", |entry| numbers(&entry.question.artefact.mean)),
    ("std", |entry| numbers(&entry.question.artefact.std)),
    ("layout", |entry| entry.question.artefact.layout.map_or("auto", Layout::name).to_owned()),
];

fn numbers(values: &[f32]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.iter().map(f32::to_string).collect::<Vec<_>>().join(", ") }
}

fn features(entry: &RunEntry) -> String {
    entry.allowed.features.as_ref().map_or("none".to_owned(), |features| format!("for {} features", features.columns.len()))
}

/// True where both radii are the same share of their input box, as 8/255 of 0..1 and 8 of 0..255 are; a number of elements has no scale.
pub(crate) fn same_radius(a: &RunEntry, b: &RunEntry) -> bool {
    let relative = |entry: &RunEntry| {
        let [lo, hi] = entry.allowed.input_box;
        match entry.question.threat.norm {
            Norm::L0 => entry.allowed.eps,
            _ => entry.allowed.eps / (hi - lo),
        }
    };
    (relative(a) - relative(b)).abs() <= 1e-12
}
