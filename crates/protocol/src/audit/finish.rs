//! From the last stage to the files that other programs read.

use brinell_attack::{Knowledge, SuiteStage, attacks};
use brinell_engine::{Layout, Oracle};
use brinell_record::{
    ClassCounts, DataInfo, ModelInfo, Norm, Preprocessing, RuntimeInfo, SUMMARY_SCHEMA, SampleRecord, Stage, Summary, Threat,
};

use super::Completed;
use super::setup::Run;
use crate::plan::scale_name;
use crate::run::{exhaustive, write_json, write_json_line};
use crate::{ProtocolError, machine, npz, stats};

impl Run<'_> {
    /// Writes `adversarial.npz`, `gallery.json` and `summary.json`.
    pub(super) fn finish(mut self, oracle: &mut Oracle) -> Result<Completed, ProtocolError> {
        for sample in self.states.samples(|_| true) {
            self.record(sample)?;
        }
        self.flag_stages();
        let curve = if self.nearest() { self.distance_curve() } else { self.curve(oracle)? };
        self.write_adversarial()?;
        let gallery = self.gallery()?;
        let out = self.folder.path().to_path_buf();
        write_json_line(&out.join("gallery.json"), &gallery)?;
        let samples: Vec<SampleRecord> =
            self.states.samples(|_| true).into_iter().filter_map(|sample| self.sample_record(sample)).collect();
        let mut summary = self.summary(curve);
        if self.stages.iter().any(|stage| stage.recipe.reads_trees()) {
            summary.exhaustive = Some(exhaustive(&samples, summary.threat.eps, self.nearest()));
        }
        write_json(&out.join("summary.json"), &summary)?;
        Ok(Completed { summary, samples, gallery })
    }

    fn write_adversarial(&mut self) -> Result<(), ProtocolError> {
        let broken = self.states.samples(|state| state.broken.is_some());
        let (mut ids, mut labels, mut predictions) = (Vec::new(), Vec::new(), Vec::new());
        for sample in broken {
            let Some(state) = self.states.get(sample) else { continue };
            ids.push(sample as i64);
            labels.push(i64::try_from(state.label).unwrap_or(-1));
            let prediction = state.broken.as_ref().and_then(|broken| broken.opinion.prediction);
            predictions.push(prediction.and_then(|class| i64::try_from(class).ok()).unwrap_or(-1));
        }
        let path = self.folder.path().join("adversarial.npz");
        npz::write_adversarial(&path, &ids, &labels, &predictions, &self.data.shape, |id| self.folder.adversarial(id.unsigned_abs()))
    }

    fn summary(&mut self, curve: Vec<brinell_record::CurvePoint>) -> Summary {
        let plan = self.plan;
        let n = self.states.len();
        let correct = self.states.iter().filter(|state| state.correct()).count();
        let broken = self.states.iter().filter(|state| state.broken()).count();
        let mut per_class: Vec<ClassCounts> =
            (0..self.class_names.len()).map(|class| ClassCounts { class, n: 0, clean_correct: 0, survived: 0 }).collect();
        for state in self.states.iter() {
            if let Some(counts) = per_class.get_mut(state.label) {
                counts.n += 1;
                counts.clean_correct += usize::from(state.correct());
                counts.survived += usize::from(state.correct() && state.broken.is_none());
            }
        }
        per_class.retain(|counts| counts.n > 0);
        let bounds = self.ball.bounds;
        let wide = |values: &[f32]| values.iter().map(|&v| v.to_string().parse().unwrap_or(f64::from(v))).collect();
        let (flags, indicators) = std::mem::take(&mut self.flags).into_sorted();
        Summary {
            schema: SUMMARY_SCHEMA.to_owned(),
            brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: machine::utc_now(),
            command: plan.command.clone(),
            model: ModelInfo {
                name: self.subject.name(),
                path: plan.model.display().to_string(),
                sha256: self.subject.sha256.clone(),
                weights_sha256: self.subject.weights_sha256.clone(),
                interface: Some(self.subject.describe()),
            },
            data: DataInfo {
                path: plan.data.display().to_string(),
                sha256: self.data.sha256.clone(),
                labels: plan.labels.clone(),
                classes: plan.classes.as_ref().map(|path| path.display().to_string()),
                n,
                limit: plan.limit,
                shape: self.data.shape.clone(),
            },
            threat: Threat {
                norm: match plan.norm {
                    brinell_threat::Norm::Linf => Norm::Linf,
                    brinell_threat::Norm::L2 => Norm::L2,
                    brinell_threat::Norm::L1 => Norm::L1,
                    brinell_threat::Norm::L0 => Norm::L0,
                },
                eps: if plan.eps.is_any() { self.ball.diameter(self.data.sample_len()) } else { plan.eps.value() },
                eps_text: plan.eps.text().to_owned(),
                input_box: [f64::from(bounds.lo()), f64::from(bounds.hi())],
                target: self.target,
                features: self.ball.features.as_ref().map(|features| crate::features::to_record(features, &self.data.columns)),
            },
            preprocessing: Preprocessing {
                scale: scale_name(plan.scale).to_owned(),
                mean: wide(&plan.preprocess.mean),
                std: wide(&plan.preprocess.std),
                layout: plan.preprocess.layout.map_or("auto", Layout::name).to_owned(),
            },
            knowledge: Some(match self.knowledge {
                Knowledge::White => brinell_record::Knowledge::White,
                Knowledge::Score => brinell_record::Knowledge::Score,
                Knowledge::Label => brinell_record::Knowledge::Decision,
            }),
            suite: self.suite.clone(),
            attacks: self.stages.iter().map(SuiteStage::describe).collect(),
            attacks_not_run: attacks()
                .filter(|known| !known.reads_trees || self.trees.is_some())
                .filter(|known| known.norms.contains(&plan.norm) && self.stages.iter().all(|stage| stage.recipe.name() != known.name))
                .map(|known| known.name.to_owned())
                .collect(),
            seed: plan.seed,
            runtime: RuntimeInfo {
                name: self.runtime.name().to_owned(),
                version: self.runtime.version().to_owned(),
                requested: plan.runtime.to_string(),
                device: self.runtime.device().to_owned(),
                threads: plan.settings.thread_count().get(),
                batch: self.batch,
            },
            clean_correct: correct,
            survived: correct - broken,
            broken,
            clean_accuracy: stats::rate(correct, n),
            robust_accuracy: stats::rate(correct - broken, n),
            stages: self
                .tallies
                .iter()
                .zip(self.stages.iter())
                .map(|(tally, stage)| Stage {
                    name: stage.recipe.name().to_owned(),
                    attacked: tally.attacked,
                    broken: tally.broken,
                    improved: plan.eps.is_any().then_some(tally.improved),
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
            classes: self.class_names.clone(),
            per_class,
            curve,
            queries_curve: self.queries_curve(),
            minimum_norm: plan.eps.is_any().then(|| self.minimum_norm()),
            exhaustive: None,
            seconds: self.past_seconds + self.started.elapsed().as_secs_f64(),
            peak_rss_bytes: machine::peak_rss_bytes(),
            machine: machine::describe(),
        }
    }
}
