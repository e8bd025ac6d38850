//! From a claim to the audit that decides it.

use std::path::{Path, PathBuf};

use brinell_engine::{Interface, Layout, PreprocessOptions, RuntimeChoice, RuntimeSettings};
use brinell_record::{Claim, Knowledge, ModelInfo, Norm, SanityLevel};
use brinell_threat::Eps;

use super::NO_ATTACK;
use crate::data::Scale;
use crate::{Plan, ProtocolError};

/// How claims are checked; nothing of it changes what is claimed.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Software that runs the attacks.
    pub runtime: RuntimeChoice,
    /// Threads, device and library of ONNX Runtime.
    pub settings: RuntimeSettings,
    /// Samples in one call of the model.
    pub batch: Option<usize>,
    /// Wall-clock time for all claims together.
    pub budget: Option<std::time::Duration>,
    /// Decide stale claims anew.
    pub fresh: bool,
    /// The command line, for the record.
    pub command: String,
}

/// Returns the plan of the audit that decides `claim`; paths start from `folder`.
///
/// # Errors
/// [`ProtocolError::Threat`] for a radius that no claim file passes with.
pub(super) fn plan(claim: &Claim, folder: &Path, out: PathBuf, options: &CheckOptions) -> Result<Plan, ProtocolError> {
    let threat = claim.threat.as_ref();
    let eps = eps(claim)?;
    // Without room for a change there is nothing to search: evaluating the samples is exhaustive.
    let attacked = eps.value() > 0.0;
    let suite = threat.and_then(|threat| threat.suite.clone()).filter(|_| attacked);
    Ok(Plan {
        model: folder.join(&claim.subject.model),
        interface: interface(claim),
        data: folder.join(&claim.population.data),
        labels: claim.population.labels.as_ref().map(|labels| labels_path(folder, labels)),
        classes: claim.population.classes.as_ref().map(|classes| folder.join(classes)),
        scale: scale(&claim.subject.scale),
        unit: None,
        features: Vec::new(),
        preprocess: preprocess(claim),
        norm: norm(claim),
        eps,
        target: threat.and_then(|threat| threat.target.clone()),
        suite: suite.unwrap_or_else(|| NO_ATTACK.to_owned()),
        attacks: threat.filter(|_| attacked).map_or_else(Vec::new, |threat| threat.attacks.clone()),
        knowledge: threat.and_then(|threat| match threat.knowledge {
            Knowledge::Score => Some(brinell_attack::Knowledge::Score),
            Knowledge::Decision => Some(brinell_attack::Knowledge::Label),
            // Whoever may see everything attacks by scores where there is no gradient; a flag says so.
            Knowledge::White | Knowledge::Transfer => None,
        }),
        limit: Some(claim.population.n),
        seed: threat.map_or(0, |threat| threat.seed),
        batch: options.batch,
        max_queries: threat.and_then(|threat| threat.max_queries),
        keep_going: false,
        sanity: SanityLevel::Cheap,
        runtime: options.runtime,
        settings: options.settings.clone(),
        resume: out.join("run.json").exists(),
        out,
        command: options.command.clone(),
    })
}

/// Returns the radius; 0 where the property knows no attacker.
///
/// # Errors
/// [`ProtocolError::Threat`] for a radius that no claim file passes with.
pub(crate) fn eps(claim: &Claim) -> Result<Eps, ProtocolError> {
    Ok(claim.threat.as_ref().map_or("0", |threat| &threat.eps).parse()?)
}

/// Returns the norm; the largest change where the property knows no attacker.
pub(crate) fn norm(claim: &Claim) -> brinell_threat::Norm {
    norm_of(claim.threat.as_ref().map_or(Norm::Linf, |threat| threat.norm))
}

/// Returns the norm that a record names.
pub(crate) fn norm_of(norm: Norm) -> brinell_threat::Norm {
    match norm {
        Norm::Linf => brinell_threat::Norm::Linf,
        Norm::L2 => brinell_threat::Norm::L2,
        Norm::L1 => brinell_threat::Norm::L1,
        Norm::L0 => brinell_threat::Norm::L0,
    }
}

/// Returns the range of the input; the claim was checked.
pub(crate) fn scale(name: &str) -> Scale {
    match name {
        "0..255" => Scale::Byte,
        "data" => Scale::Data,
        _ => Scale::Unit,
    }
}

/// Returns what a claim says of the model's inputs and outputs.
pub(crate) fn interface(claim: &Claim) -> Interface {
    let subject = &claim.subject;
    Interface { input: subject.input.clone(), output: subject.output.clone(), threshold: subject.threshold, shape: None }
}

/// Returns what a record says of the model's inputs and outputs.
pub(crate) fn interface_of(model: &ModelInfo) -> Interface {
    model.interface.as_ref().map_or_else(Interface::default, |interface| Interface {
        input: Some(interface.input.name.clone()),
        output: Some(interface.output.name.clone()),
        threshold: interface.threshold,
        shape: interface.shape.clone(),
    })
}

/// Returns the preprocessing that a claim declares.
pub(crate) fn preprocess(claim: &Claim) -> PreprocessOptions {
    preprocess_of(&claim.subject.mean, &claim.subject.std, &claim.subject.layout)
}

/// Returns the preprocessing that a record names.
pub(crate) fn preprocess_of(mean: &[f64], std: &[f64], layout: &str) -> PreprocessOptions {
    // Through its decimal digits, as on the command line, so that no value is rounded twice.
    let narrow = |values: &[f64]| values.iter().map(|value| value.to_string().parse().unwrap_or(*value as f32)).collect();
    PreprocessOptions { mean: narrow(mean), std: narrow(std), layout: Layout::from_name(layout) }
}

/// Returns what a claim says of labels: a file beside it, or else one class for all.
pub(crate) fn labels_path(folder: &Path, labels: &str) -> String {
    let file = folder.join(labels);
    if file.exists() { file.display().to_string() } else { labels.to_owned() }
}

/// Returns the numbers from 0 to `n` in the order that `seed` fixes: by the SHA-256 of `brinell order SEED SAMPLE`, so that anybody can
/// tell that the order was not chosen by looking at the outcome.
pub(super) fn order(n: usize, seed: u64) -> Vec<usize> {
    let mut samples: Vec<usize> = (0..n).collect();
    samples.sort_by_cached_key(|sample| crate::hash::sha256_bytes(format!("brinell order {seed} {sample}").as_bytes()));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_sample_once_and_hangs_on_the_seed() {
        let mut first = order(500, 1);
        assert_eq!(first, order(500, 1));
        assert_ne!(first, order(500, 2));
        assert_ne!(first, (0..500).collect::<Vec<_>>());
        first.sort_unstable();
        assert_eq!(first, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_is_what_the_documentation_says() {
        // printf 'brinell order 0 %d' I | sha256sum, for I from 0 to 4, sorted.
        assert_eq!(order(5, 0), [4, 3, 1, 0, 2]);
    }
}
