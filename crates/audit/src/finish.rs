//! From the last stage to the files that other programs read.

use brinell_attack::{SuiteStage, attacks};
use brinell_data::npz;
use brinell_engine::{Meaning, Oracle};
use brinell_ledger::machine;
use brinell_ledger::run::{Completed, exhaustive, label_counts, refusals, write_json, write_json_line};
use brinell_record::{
    Allowed, Certificates, ClassCounts, DataInfo, ModelInfo, ModelInterface, Refusals, RuntimeInfo, SUMMARY_SCHEMA, SampleRecord, Stage,
    Summary,
};
use brinell_stats as stats;

use crate::setup::Run;
use crate::{AuditError, facts};

impl Run<'_> {
    /// Writes `adversarial.npz`, `gallery.json` and `summary.json`.
    pub(super) fn finish(mut self, oracle: &mut Oracle) -> Result<Completed, AuditError> {
        self.case.subject.check_unchanged()?;
        for sample in self.book.states.samples(|_| true) {
            self.book.record(sample)?;
        }
        self.flag_stages();
        let curve = if self.book.nearest { self.distance_curve() } else { self.curve(oracle)? };
        self.write_adversarial()?;
        let gallery = self.gallery()?;
        let out = self.book.folder.path().to_path_buf();
        write_json_line(&out.join("gallery.json"), &gallery)?;
        let samples: Vec<SampleRecord> =
            self.book.states.samples(|_| true).into_iter().filter_map(|sample| self.book.sample_record(sample)).collect();
        self.book.folder.settle(&samples)?;
        let mut summary = self.summary(curve);
        if self.book.stages.iter().any(|stage| stage.recipe.reads_trees()) {
            summary.exhaustive = Some(exhaustive(&samples, summary.allowed.eps, self.book.nearest));
        }
        if let Some(port) = &self.case.subject.signature.gate {
            let [clean, attacked] = refusals(&samples);
            summary.refusals = Some(Refusals { suspicion: port.name.clone(), threshold: port.gate.threshold, clean, attacked });
        }
        if let Meaning::Labels { only, .. } = &self.case.subject.signature.meaning {
            let all = || (0..self.case.subject.signature.classes).collect();
            let counted = only.clone().unwrap_or_else(all);
            summary.per_label = counted.into_iter().map(|label| label_counts(&samples, label)).collect();
        }
        write_json(&out.join("summary.json"), &summary)?;
        Ok(Completed { summary, samples, gallery })
    }

    fn write_adversarial(&mut self) -> Result<(), AuditError> {
        let broken = self.book.states.samples(|state| state.broken.is_some());
        let ids: Vec<i64> = broken.iter().map(|&sample| sample as i64).collect();
        let prediction = |&sample: &usize| self.book.states.get(sample)?.broken.as_ref()?.prediction.clone();
        let predictions: Vec<_> = broken.iter().map(prediction).collect();
        let mut facts = facts::of(&self.case, &broken);
        facts.insert(1, facts::array("prediction", &predictions));
        let path = self.book.folder.path().join("adversarial.npz");
        npz::write_adversarial(&path, &ids, &facts, &self.case.data.shape, |id| {
            self.book.folder.adversarial(id.unsigned_abs()).map_err(AuditError::from)
        })
    }

    fn summary(&mut self, curve: Vec<brinell_record::CurvePoint>) -> Summary {
        let n = self.book.states.len();
        let correct = self.book.states.iter().filter(|state| state.correct()).count();
        let broken = self.book.states.iter().filter(|state| state.broken()).count();
        let mut per_class: Vec<ClassCounts> =
            (0..self.case.class_names.len()).map(|class| ClassCounts { class, n: 0, clean_correct: 0, survived: 0 }).collect();
        for state in self.book.states.iter() {
            if let Some(counts) = state.label.class().and_then(|class| per_class.get_mut(class)) {
                counts.n += 1;
                counts.clean_correct += usize::from(state.correct());
                counts.survived += usize::from(state.correct() && state.broken.is_none());
            }
        }
        per_class.retain(|counts| counts.n > 0);
        let bounds = self.case.ball.bounds;
        let taken = self.book.states.samples(|_| true);
        let samples = if taken.iter().copied().eq(0..n) { Vec::new() } else { taken };
        let (flags, indicators) = std::mem::take(&mut self.flags).into_sorted();
        Summary {
            schema: SUMMARY_SCHEMA.to_owned(),
            brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: machine::utc_now(),
            command: self.job.command.clone(),
            question: self.question.clone(),
            model: ModelInfo {
                name: self.case.subject.name(),
                sha256: self.case.subject.sha256.clone(),
                weights_sha256: self.case.subject.weights_sha256.clone(),
                interface: Some(ModelInterface { surrogates: self.bridged.clone(), ..self.case.subject.describe() }),
            },
            data: DataInfo { sha256: self.case.data.sha256.clone(), n, shape: self.case.data.shape.clone(), samples },
            allowed: Allowed {
                eps: if self.book.nearest { self.case.ball.diameter(self.case.data.sample_len()) } else { self.case.ball.eps },
                input_box: [f64::from(bounds.lo()), f64::from(bounds.hi())],
                target: self.case.target,
                features: self
                    .case
                    .ball
                    .features
                    .as_ref()
                    .map(|features| brinell_subject::features::to_record(features, &self.case.data.columns)),
                knowledge: Some(self.knowledge),
            },
            suite: self.suite.clone(),
            attacks: self.book.stages.iter().map(SuiteStage::describe).collect(),
            attacks_not_run: attacks()
                .filter(|known| !known.reads_trees || self.case.trees.is_some())
                .filter(|known| {
                    known.norms.contains(&self.question.threat.norm)
                        && self.book.stages.iter().all(|stage| stage.recipe.name() != known.name)
                })
                .map(|known| known.name.to_owned())
                .collect(),
            runtime: RuntimeInfo {
                name: self.case.runtime.name().to_owned(),
                version: self.case.runtime.version().to_owned(),
                device: self.case.runtime.device().to_owned(),
                threads: self.question.running.thread_count().get(),
                batch: self.case.batch,
            },
            clean_correct: correct,
            survived: correct - broken,
            broken,
            clean_accuracy: stats::rate(correct, n),
            robust_accuracy: stats::rate(correct - broken, n),
            stages: self
                .book
                .tallies
                .iter()
                .zip(self.book.stages.iter())
                .map(|(tally, stage)| Stage {
                    name: stage.recipe.name().to_owned(),
                    attacked: tally.attacked,
                    broken: tally.broken,
                    improved: self.book.nearest.then_some(tally.improved),
                    forwards: tally.queries.forwards,
                    backwards: tally.queries.backwards,
                    seconds: tally.seconds,
                    model_seconds: tally.model_seconds,
                    reference_forwards: tally.reference.map(|reference| reference.forwards),
                    reference_backwards: tally.reference.map(|reference| reference.backwards),
                })
                .collect(),
            flags,
            indicators,
            sanity: Some(self.sanity.clone()),
            classes: self.case.class_names.clone(),
            per_class,
            per_label: Vec::new(),
            curve,
            queries_curve: self.queries_curve(),
            minimum_norm: self.book.nearest.then(|| self.minimum_norm()),
            exhaustive: None,
            refusals: None,
            certified: self.question.effort.certify.map(|limit| {
                let count = self.book.states.iter().filter(|state| state.certified == Some(true)).count();
                Certificates { count, rate: stats::rate(count, n), limit, seconds: self.book.proof_seconds }
            }),
            seconds: self.book.past_seconds + self.started.elapsed().as_secs_f64(),
            peak_rss_bytes: machine::peak_rss_bytes(),
            machine: brinell_engine::Processor::look().machine(),
            shards: self.scope.shards(),
        }
    }
}
