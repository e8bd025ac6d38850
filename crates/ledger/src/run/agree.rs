//! Does `summary.json` say what `record.jsonl` says?

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use brinell_record::{ClassCounts, Gallery, Outcome, Rate, SampleRecord, Summary};

use super::exhaustive::exhaustive;
use super::labels::label_counts;
use super::refusals::refusals;
use brinell_stats as stats;

use crate::LedgerError;

/// Slack for an interval's end that another build computed.
const SLACK: f64 = 1e-9;

/// Compares every count and rate of the summary, and the gallery, with the lines of the record.
///
/// # Errors
/// [`LedgerError::Disagrees`] names the first figure that differs.
pub(super) fn check(folder: &Path, summary: &Summary, samples: &[SampleRecord], gallery: &Gallery) -> Result<(), LedgerError> {
    Check { folder, summary, samples }.all(gallery)
}

struct Check<'a> {
    folder: &'a Path,
    summary: &'a Summary,
    samples: &'a [SampleRecord],
}

impl Check<'_> {
    fn all(&self, gallery: &Gallery) -> Result<(), LedgerError> {
        let (n, summary) = (self.samples.len(), self.summary);
        self.equal("data.n", summary.data.n, n)?;
        if let Some(twice) = self.samples.windows(2).find(|pair| matches!(pair, [a, b] if a.sample == b.sample)) {
            let sample = twice.first().map_or(0, |record| record.sample);
            return Err(self.disagrees(&format!("the number of lines of sample {sample}"), &1, &2));
        }
        self.numbers()?;
        let correct = self.count(|record| record.outcome != Outcome::Misclassified);
        let survived = self.count(|record| record.outcome == Outcome::Survived);
        let broken = self.count(|record| record.outcome == Outcome::Broken);
        self.equal("clean_correct", summary.clean_correct, correct)?;
        self.equal("survived", summary.survived, survived)?;
        self.equal("broken", summary.broken, broken)?;
        self.rate("clean_accuracy", &summary.clean_accuracy, correct, n)?;
        self.rate("robust_accuracy", &summary.robust_accuracy, survived, n)?;
        self.stages()?;
        self.classes()?;
        self.curve(correct, survived, n)?;
        self.queries(correct, n)?;
        self.exhaustive()?;
        self.certified(n)?;
        self.refusals()?;
        self.gallery(gallery)
    }

    /// The samples stand in the record under the numbers that the summary says.
    fn numbers(&self) -> Result<(), LedgerError> {
        let said = &self.summary.data.samples;
        let other = said.iter().zip(self.samples).find(|(said, record)| **said != record.sample).filter(|_| !said.is_empty());
        other.map_or(Ok(()), |(said, record)| self.equal("data.samples", *said, record.sample))
    }

    fn certified(&self, n: usize) -> Result<(), LedgerError> {
        let found = self.count(|record| record.certified);
        if let Some(broken) = self.samples.iter().find(|record| record.certified && record.outcome != Outcome::Survived) {
            return Err(self.disagrees(&format!("what is known of sample {}", broken.sample), &"certified", &"not a survivor"));
        }
        let said = self.summary.certified.as_ref();
        self.equal("certified.count", said.map_or(0, |said| said.count), found)?;
        said.map_or(Ok(()), |said| self.rate("certified.rate", &said.rate, found, n))
    }

    fn refusals(&self) -> Result<(), LedgerError> {
        let Some(said) = &self.summary.refusals else { return Ok(()) };
        let [clean, attacked] = refusals(self.samples);
        for (name, said, found) in [("refusals.clean", said.clean, clean), ("refusals.attacked", said.attacked, attacked)] {
            for (said, found) in said.into_iter().zip(found) {
                self.equal(name, said, found)?;
            }
        }
        Ok(())
    }

    fn exhaustive(&self) -> Result<(), LedgerError> {
        let Some(said) = self.summary.exhaustive else { return Ok(()) };
        let found = exhaustive(self.samples, self.summary.allowed.eps, self.summary.minimum_norm.is_some());
        self.equal("exhaustive.none_exists", said.none_exists, found.none_exists)?;
        self.equal("exhaustive.nearest", said.nearest.unwrap_or(0), found.nearest.unwrap_or(0))
    }

    fn count(&self, of: impl Fn(&SampleRecord) -> bool) -> usize {
        self.samples.iter().filter(|record| of(record)).count()
    }

    fn equal<T: PartialEq + Display>(&self, what: &str, summary: T, record: T) -> Result<(), LedgerError> {
        if summary == record { Ok(()) } else { Err(self.disagrees(what, &summary, &record)) }
    }

    fn disagrees(&self, what: &str, summary: &dyn Display, record: &dyn Display) -> LedgerError {
        LedgerError::Disagrees {
            path: self.folder.to_path_buf(),
            what: what.to_owned(),
            summary: summary.to_string(),
            record: record.to_string(),
        }
    }

    fn rate(&self, what: &str, rate: &Rate, count: usize, n: usize) -> Result<(), LedgerError> {
        if !(rate.confidence > 0.0 && rate.confidence < 1.0) {
            return Err(self.disagrees(&format!("{what}.confidence"), &rate.confidence, &stats::CONFIDENCE));
        }
        let (low, high) = stats::clopper_pearson(count as u64, n as u64, rate.confidence);
        let value = if n == 0 { 0.0 } else { count as f64 / n as f64 };
        for (end, summary, record) in [("value", rate.value, value), ("low", rate.low, low), ("high", rate.high, high)] {
            let same = (summary - record).abs() <= SLACK;
            if !same {
                return Err(self.disagrees(&format!("{what}.{end}"), &summary, &record));
            }
        }
        Ok(())
    }

    /// Each sample that broke is in the count of a stage of the attack that broke it. Two stages may run the same attack.
    fn stages(&self) -> Result<(), LedgerError> {
        let mut said: BTreeMap<&str, usize> = BTreeMap::new();
        for stage in &self.summary.stages {
            *said.entry(&stage.name).or_default() += stage.broken;
        }
        let mut found: BTreeMap<&str, usize> = said.keys().map(|name| (*name, 0)).collect();
        for attack in self.samples.iter().filter(|record| record.outcome == Outcome::Broken).map(|record| &record.attack) {
            *found.entry(attack.as_deref().unwrap_or("no attack")).or_default() += 1;
        }
        if self.summary.minimum_norm.is_some() {
            self.nearest(&found)?;
        } else {
            for (name, record) in found {
                let summary = said.get(name).copied().unwrap_or(0);
                self.equal(&format!("the number of samples that {name} broke"), summary, record)?;
            }
        }
        // The clean pass asks once about every sample, and is no stage.
        let passes = |of: fn(&SampleRecord) -> u64| self.samples.iter().map(of).sum::<u64>();
        let (forwards, backwards) = (passes(|record| record.forwards), passes(|record| record.backwards));
        let stages = &self.summary.stages;
        let clean = self.samples.len() as u64;
        self.equal("the number of forward passes", stages.iter().map(|stage| stage.forwards).sum::<u64>() + clean, forwards)?;
        self.equal("the number of backward passes", stages.iter().map(|stage| stage.backwards).sum::<u64>(), backwards)
    }

    /// Where the nearest examples were looked for, a sample names the attack that came nearest: a stage that improved it, whichever broke it first.
    fn nearest(&self, found: &BTreeMap<&str, usize>) -> Result<(), LedgerError> {
        let stages = &self.summary.stages;
        self.equal("the number of samples that any attack broke", stages.iter().map(|stage| stage.broken).sum(), self.summary.broken)?;
        for (name, record) in found {
            let improved: usize = stages.iter().filter(|stage| stage.name == *name).filter_map(|stage| stage.improved).sum();
            if improved < *record {
                return Err(self.disagrees(&format!("the number of samples that {name} came nearest to"), &improved, record));
            }
        }
        Ok(())
    }

    fn classes(&self) -> Result<(), LedgerError> {
        let mut found: BTreeMap<usize, ClassCounts> = BTreeMap::new();
        for record in self.samples {
            let Some(class) = record.label.class() else { continue };
            let counts = found.entry(class).or_insert(ClassCounts { class, n: 0, clean_correct: 0, survived: 0 });
            counts.n += 1;
            counts.clean_correct += usize::from(record.outcome != Outcome::Misclassified);
            counts.survived += usize::from(record.outcome == Outcome::Survived);
        }
        self.equal("the number of classes in per_class", self.summary.per_class.len(), found.len())?;
        self.labels()?;
        for (said, found) in self.summary.per_class.iter().zip(found.values()) {
            let what = |part: &str| format!("per_class {part} of class {}", found.class);
            self.equal(&what("number"), said.class, found.class)?;
            self.equal(&what("n"), said.n, found.n)?;
            self.equal(&what("clean_correct"), said.clean_correct, found.clean_correct)?;
            self.equal(&what("survived"), said.survived, found.survived)?;
        }
        Ok(())
    }

    fn labels(&self) -> Result<(), LedgerError> {
        for said in &self.summary.per_label {
            let found = label_counts(self.samples, said.label);
            let what = |part: &str| format!("per_label {part} of label {}", said.label);
            self.equal(&what("applies"), said.applies, found.applies)?;
            self.equal(&what("right"), said.right, found.right)?;
            self.equal(&what("turned"), said.turned, found.turned)?;
        }
        Ok(())
    }

    /// The record holds one example of each broken sample. The curve may only be lower than those examples allow, since shorter ones
    /// were tried as well; up to the audit's own radius it may not fall below the survivors, and there it is equal to them.
    fn curve(&self, correct: usize, survived: usize, n: usize) -> Result<(), LedgerError> {
        let eps = self.summary.allowed.eps;
        let mut most = correct;
        for point in &self.summary.curve {
            let what = format!("the number of survivors at eps {}", point.eps);
            self.rate(&format!("robust_accuracy at eps {}", point.eps), &point.robust_accuracy, point.survived, n)?;
            let reached = self.count(|record| record.outcome == Outcome::Broken && record.norm.is_some_and(|norm| norm <= point.eps));
            most = most.min(correct.saturating_sub(reached));
            let least = if point.eps <= eps { survived } else { 0 };
            if (point.eps - eps).abs() <= SLACK {
                self.equal(&what, point.survived, survived)?;
            } else if point.survived > most || point.survived < least {
                return Err(self.disagrees(&what, &point.survived, &format!("{least} to {most}")));
            }
            most = point.survived;
        }
        Ok(())
    }

    /// A sample stands until the queries of its line, less the one of the clean pass, are spent.
    fn queries(&self, correct: usize, n: usize) -> Result<(), LedgerError> {
        for point in &self.summary.queries_curve {
            let fell = |record: &SampleRecord| {
                record.outcome == Outcome::Broken && (record.forwards + record.backwards).saturating_sub(1) <= point.queries
            };
            let name = format!("after {} queries", point.queries);
            self.equal(&format!("the number of survivors {name}"), point.survived, correct.saturating_sub(self.count(fell)))?;
            self.rate(&format!("robust_accuracy {name}"), &point.robust_accuracy, point.survived, n)?;
        }
        Ok(())
    }

    fn gallery(&self, gallery: &Gallery) -> Result<(), LedgerError> {
        for item in &gallery.items {
            let what = format!("the example of sample {} in gallery.json", item.sample);
            let Some(record) = self.samples.iter().find(|record| record.sample == item.sample) else {
                return Err(self.disagrees(&what, &"there", &"no such sample"));
            };
            self.equal(&format!("label of {what}"), &item.label, &record.label)?;
            self.equal(&format!("attack of {what}"), item.attack.as_str(), record.attack.as_deref().unwrap_or("none"))?;
            if let Some(prediction) = &record.adv_prediction {
                self.equal(&format!("class of {what}"), &item.adv_prediction, prediction)?;
            }
            if let Some(norm) = record.norm.filter(|norm| norm.to_bits() != item.norm.to_bits()) {
                return Err(self.disagrees(&format!("size of {what}"), &item.norm, &norm));
            }
        }
        Ok(())
    }
}
