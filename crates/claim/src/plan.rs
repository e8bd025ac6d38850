//! From a claim to the question that decides it.

use std::path::Path;

use brinell_record::{Artefact, Claim, Effort, Knowledge, Population, Question, Running, Threat, hash};

use crate::NO_ATTACK;

/// How claims are checked; nothing of it changes what is claimed.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// What executes the models.
    pub running: Running,
    /// Wall-clock time for all claims together.
    pub budget: Option<std::time::Duration>,
    /// Delete the evidence and decide every claim again.
    pub fresh: bool,
    /// The command line, for the record.
    pub command: String,
}

/// Returns the question that decides `claim`; paths start from `folder`.
pub(super) fn question(claim: &Claim, folder: &Path, running: &Running) -> Question {
    let mut threat = threat(claim);
    // Whoever may see everything attacks by scores where there is no gradient; a flag says so.
    threat.knowledge = threat.knowledge.filter(|knowledge| *knowledge != Knowledge::White);
    let mut effort = claim.threat.as_ref().map_or_else(Effort::default, |threat| threat.effort.clone());
    if is_attacked(claim) {
        effort.suite = effort.suite.map(|suite| suite_path(folder, &suite));
    } else {
        // Without room for a change there is nothing to search: evaluating the samples is exhaustive.
        (effort.suite, effort.attacks) = (Some(NO_ATTACK.to_owned()), Vec::new());
    }
    Question {
        artefact: artefact(claim, folder),
        population: population(&claim.population, folder),
        threat,
        effort,
        running: running.clone(),
    }
}

/// Returns what the attacker may do: nothing where the property knows no attacker.
pub(super) fn threat(claim: &Claim) -> Threat {
    claim.threat.as_ref().map_or_else(Threat::default, |threat| threat.threat.clone())
}

/// True where the threat leaves room for a change.
pub(super) fn is_attacked(claim: &Claim) -> bool {
    threat(claim).eps.eps().is_none_or(|eps| eps.value() > 0.0)
}

/// Returns the artefact that a claim is about; paths start from `folder`.
pub(super) fn artefact(claim: &Claim, folder: &Path) -> Artefact {
    Artefact { model: folder.join(&claim.subject.model), ..claim.subject.clone() }
}

/// Returns the samples that decide a claim; paths start from `folder`.
pub(super) fn population(population: &Population, folder: &Path) -> Population {
    Population {
        data: folder.join(&population.data),
        labels: population.labels.as_ref().map(|labels| labels_path(folder, labels)),
        pairs: population.pairs.as_ref().map(|pairs| folder.join(pairs)),
        classes: population.classes.as_ref().map(|classes| folder.join(classes)),
        ..population.clone()
    }
}

/// Returns what a claim says of labels: a file beside it, or else one class for all.
fn labels_path(folder: &Path, labels: &str) -> String {
    let file = folder.join(labels);
    if file.exists() { file.display().to_string() } else { labels.to_owned() }
}

/// Returns the suite that a claim names: one that is built in, or a file beside it.
pub(super) fn suite_path(folder: &Path, suite: &str) -> String {
    if is_built_in(suite) { suite.to_owned() } else { folder.join(suite).display().to_string() }
}

/// True for the name of a suite that needs no file.
pub(super) fn is_built_in(suite: &str) -> bool {
    brinell_attack::suites().any(|known| known == suite)
}

/// Returns the numbers from 0 to `n` in the order that `seed` fixes: by the SHA-256 of `brinell order SEED SAMPLE`, so that anybody can
/// tell that the order was not chosen by looking at the outcome.
pub(super) fn order(n: usize, seed: u64) -> Vec<usize> {
    let mut samples: Vec<usize> = (0..n).collect();
    samples.sort_by_cached_key(|sample| hash::sha256_bytes(format!("brinell order {seed} {sample}").as_bytes()));
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
