//! Two runs on the same samples, sample by sample.

use std::path::Path;

use brinell_record::{COMPARISON_SCHEMA, Comparison, Difference, Norm, Outcome, RunEntry, SampleRecord, Threat, Turned};

use crate::history::entry;
use crate::stats::paired;
use crate::{Completed, ProtocolError, run};

/// Compares run B with run A.
///
/// # Guarantees
/// Both runs took the same samples of the same data, with the same labels. Other settings may differ, and are listed.
///
/// # Errors
/// [`ProtocolError::NotPaired`], and those of [`run::read`].
pub fn compare(folder_a: &Path, folder_b: &Path) -> Result<Comparison, ProtocolError> {
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

fn check_same_samples(folder_a: &Path, folder_b: &Path, a: &Completed, b: &Completed) -> Result<(), ProtocolError> {
    let differ = |what, in_a: String, in_b: String| {
        Err(ProtocolError::NotPaired { run_a: folder_a.to_path_buf(), run_b: folder_b.to_path_buf(), what, a: in_a, b: in_b })
    };
    let (data_a, data_b) = (&a.summary.data, &b.summary.data);
    if data_a.sha256 != data_b.sha256 {
        let name = |data: &brinell_record::DataInfo| format!("{} ({})", data.path, data.sha256.get(..12).unwrap_or(&data.sha256));
        return differ("the data (SHA-256) differ", name(data_a), name(data_b));
    }
    if data_a.n != data_b.n {
        return differ("the numbers of samples differ (see --limit)", data_a.n.to_string(), data_b.n.to_string());
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

/// Describes how a sample fell in the audit `fell`, in which it did not survive.
fn turned(a: &SampleRecord, b: &SampleRecord, fell: &SampleRecord) -> Turned {
    Turned {
        sample: a.sample,
        label: a.label,
        a: a.outcome,
        b: b.outcome,
        attack: fell.attack.clone(),
        norm: fell.norm,
        prediction: if fell.outcome == Outcome::Broken { fell.adv_prediction } else { fell.prediction },
    }
}

/// Lists the settings that differ, those that matter most first. Preprocessing belongs to a model, and is left out.
fn differences(a: &RunEntry, b: &RunEntry) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |setting: &str, same: bool, a: String, b: String| {
        if !same {
            found.push(Difference { setting: setting.to_owned(), a, b });
        }
    };
    let target = |threat: &Threat| threat.target.map_or("any wrong class".to_owned(), |class| format!("class {class}"));
    let norm = |threat: &Threat| format!("{:?}", threat.norm).to_lowercase();
    let radius = |threat: &Threat| format!("{} of {}..{}", threat.eps_text, threat.input_box[0], threat.input_box[1]);
    let runtime = |entry: &RunEntry| format!("{} {} on {}", entry.runtime.name, entry.runtime.version, entry.runtime.device);
    note("norm", a.threat.norm == b.threat.norm, norm(&a.threat), norm(&b.threat));
    note("eps", same_radius(&a.threat, &b.threat), radius(&a.threat), radius(&b.threat));
    note("target", a.threat.target == b.threat.target, target(&a.threat), target(&b.threat));
    note("attacks", a.attacks == b.attacks, a.attacks.join(", "), b.attacks.join(", "));
    note("seed", a.seed == b.seed, a.seed.to_string(), b.seed.to_string());
    note("runtime", runtime(a) == runtime(b), runtime(a), runtime(b));
    note("brinell version", a.brinell_version == b.brinell_version, a.brinell_version.clone(), b.brinell_version.clone());
    found
}

/// True where both radii are the same share of their input box, as 8/255 of 0..1 and 8 of 0..255 are; a number of elements has no scale.
pub(crate) fn same_radius(a: &Threat, b: &Threat) -> bool {
    let relative = |threat: &Threat| match threat.norm {
        Norm::L0 => threat.eps,
        _ => threat.eps / (threat.input_box[1] - threat.input_box[0]),
    };
    (relative(a) - relative(b)).abs() <= 1e-12
}
