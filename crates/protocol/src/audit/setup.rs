//! From a plan to a run that can start: everything is read and checked before anything is written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_attack::{Knowledge, Suite, SuiteStage};
use brinell_engine::{Ending, Ensemble, Oracle, Preprocess, Runtime};
use brinell_record::Sanity;
use brinell_threat::{Ball, Goal, Grid};

use super::equivalence::open_oracle;
use super::events::{Event, Observer};
use super::knowledge::{Asked, Settled, answers_probabilities};
use super::lanes::Lanes;
use super::state::{States, Tally};
use super::trees::trees_of;
use crate::data::{self, Dataset};
use crate::flags::{BATCH_ONE, DEVICE, ENDPOINT, Flags, NO_GRADIENT, RUNTIME};
use crate::plan::{input_box, scale_name};
use crate::run::{Identity, RunFolder, StageLine};
use crate::{Plan, ProtocolError, Referee, Subject, features, hash};

/// Largest number of values that one call of the model takes by default: larger calls cost memory and gain nothing.
const VALUES_PER_CALL: usize = 1 << 18;

/// An audit under way.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stop: &'a AtomicBool,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) started: std::time::Instant,
    /// Seconds that earlier processes spent in stages.
    pub(super) past_seconds: f64,
    pub(super) subject: Subject,
    pub(super) data: Arc<Dataset>,
    pub(super) class_names: Vec<String>,
    pub(super) target: Option<usize>,
    pub(super) preprocess: Preprocess,
    pub(super) ball: Ball,
    /// The points that a model of whole numbers can be fed.
    pub(super) grid: Option<Grid>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) referee: Referee,
    /// The model's trees, where a stage reads them.
    pub(super) trees: Option<Arc<Ensemble>>,
    pub(super) batch: usize,
    pub(super) stages: Arc<[SuiteStage]>,
    pub(super) folder: RunFolder,
    pub(super) states: States,
    /// Samples taken that have values outside the box.
    pub(super) outside: usize,
    /// Samples taken whose logits are probabilities.
    pub(super) probabilities: usize,
    /// Samples that are classified right and not broken.
    pub(super) standing: usize,
    pub(super) tallies: Vec<Tally>,
    pub(super) past_stages: Vec<StageLine>,
    pub(super) recorded: std::collections::BTreeSet<usize>,
    pub(super) flags: Flags,
    /// What the attacks may see: less than was asked for where the model has no gradient.
    pub(super) knowledge: Knowledge,
    /// The suite that the stages are of, `custom` where they were named one by one.
    pub(super) suite: String,
    pub(super) sanity: Sanity,
}

impl<'a> Run<'a> {
    pub(super) fn open(plan: &'a Plan, stop: &'a AtomicBool, observer: &'a mut dyn Observer) -> Result<(Self, Oracle), ProtocolError> {
        let started = std::time::Instant::now();
        let mut flags = Flags::default();
        let asked = Asked::of(plan)?;
        let mut ball = Ball::new(plan.norm, &plan.eps, input_box(plan.scale));
        let mut subject = Subject::load_for(plan)?;
        let classes = subject.signature.classes;
        let dataset = subject.load_data(&plan.data, plan.labels.clone(), plan.classes.as_deref(), plan.limit)?;
        subject.hold(&dataset)?;
        let class_names = dataset
            .class_names
            .clone()
            .filter(|names| names.len() == classes)
            .unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
        // What the model cannot tell apart is no change.
        let integers = subject.signature.takes_integers() && plan.preprocess.mean.is_empty() && plan.preprocess.std.is_empty();
        let whole = || subject.moments(&dataset, plan.labels.clone(), plan.classes.as_deref());
        if let Some(features) = features::features(&plan.features, plan.unit, plan.scale, &dataset, integers, whole)? {
            features::constrain(&mut ball, features)?;
        }
        let target = plan.target.as_deref().map(|text| data::lookup(&class_names, text)).transpose()?;
        let preprocess = subject.preprocess(&plan.preprocess, &dataset.shape)?;
        let grid = subject.grid(&preprocess, &ball)?;
        if !plan.eps.is_any() {
            ball.check_size(dataset.sample_len())?;
        }

        let runtime = subject.runtime(plan.runtime, &plan.settings)?;
        if let Some(note) = runtime.note() {
            flags.raise(&RUNTIME, note);
        }
        if subject.is_opaque() && !matches!(subject.signature.reading.ending, Ending::Sigmoid | Ending::Labels { .. }) {
            let probabilities = answers_probabilities(&subject, &preprocess, plan.scale, &dataset, &runtime)?;
            subject.signature.reading.ending = if probabilities { Ending::Softmax } else { Ending::Logits };
        }
        let mut referee = subject.referee(&runtime)?;
        let batch = plan.batch.unwrap_or_else(|| (VALUES_PER_CALL / dataset.sample_len().max(1)).clamp(8, 128)).max(1);
        let lanes = Lanes::choose(plan, &subject, batch.min(dataset.n), &runtime)?;
        let (mut oracle, why_not) = open_oracle(&subject, &preprocess, &ball, &runtime, &lanes, &mut referee)?;
        let batch = oracle.fixed_batch().unwrap_or(batch);
        if let Some(reason) = &why_not {
            let ignored = if plan.batch.is_some() { " (--batch has no effect)" } else { "" };
            let message = format!("the model runs with its own batch size only, which is slower{ignored}: {reason}");
            flags.raise(&BATCH_ONE, message);
        }
        // Nothing is written before it is known that every attack can see what it needs.
        let mut read_trees = || trees_of(&subject, &preprocess, plan.scale, &dataset, &ball, &mut referee);
        let Settled { chosen, knowledge, trees, instead } = asked.settle(&mut oracle, target.is_some(), &mut read_trees)?;
        if let Some(message) = instead {
            flags.raise(&NO_GRADIENT, message);
        }
        let stages: Arc<[SuiteStage]> = chosen.stages.into();
        if subject.endpoint.is_some() {
            flags.raise(&ENDPOINT, format!("the model is behind {}: its weights cannot be seen, and nothing shows that the same ones answered throughout; its digest is that of what the server says about it", plan.model.display()));
        }
        let mut identity = identity(plan, &subject, &dataset, &class_names, &stages, target, runtime.as_ref());
        if let Some(features) = &ball.features {
            identity.facts.insert("features (sha256)".to_owned(), hash::sha256_bytes(format!("{features:?}").as_bytes()));
        }
        identity.facts.insert("knowledge".to_owned(), knowledge.name().to_owned());
        let (folder, past) = RunFolder::open(&plan.out, &identity, dataset.sample_len(), plan.resume)?;
        let recorded = past.records.iter().map(|record| record.sample).collect();
        let label = format!("{} {}", runtime.name(), runtime.version());
        observer.event(Event::Opened { out: folder.path(), runtime: &label, n: dataset.n, batch });
        let tallies = vec![Tally::default(); stages.len()];
        let mut run = Self {
            plan,
            stop,
            observer,
            started,
            past_seconds: 0.0,
            subject,
            data: Arc::new(dataset),
            class_names,
            target,
            preprocess,
            ball,
            grid,
            runtime,
            referee,
            trees,
            batch,
            stages,
            folder,
            states: States::default(),
            outside: 0,
            probabilities: 0,
            standing: 0,
            tallies,
            past_stages: past.stages,
            recorded,
            flags,
            knowledge,
            suite: chosen.suite,
            sanity: Sanity { level: plan.sanity, samples: 0, forwards: 0, backwards: 0, seconds: 0.0 },
        };
        run.flag_structure();
        run.note_sessions(&oracle);
        Ok((run, oracle))
    }

    /// Returns an error once the user has asked to stop.
    pub(super) fn check_stop(&self) -> Result<(), ProtocolError> {
        if self.stop.load(Ordering::Relaxed) { Err(ProtocolError::Interrupted) } else { Ok(()) }
    }

    /// Runs a check that asks the model by itself, and counts its time.
    pub(super) fn timed<T>(&mut self, check: impl FnOnce(&mut Self) -> Result<T, ProtocolError>) -> Result<T, ProtocolError> {
        let start = std::time::Instant::now();
        let result = check(self);
        self.sanity.seconds += start.elapsed().as_secs_f64();
        result
    }

    /// Reads a sample in the declared scale.
    pub(super) fn sample(&self, index: usize) -> Vec<f32> {
        let mut x = vec![0.0; self.data.sample_len()];
        self.data.sample(index, self.plan.scale, &mut x);
        x
    }

    /// True where the nearest example of each sample is looked for, so that all stages run on all samples.
    pub(super) fn nearest(&self) -> bool {
        self.plan.eps.is_any()
    }

    /// Returns what an attack wants of a sample.
    pub(super) fn goal(&self, label: usize) -> Goal {
        match self.target {
            Some(target) => Goal::Targeted { target },
            None => Goal::Untargeted { label },
        }
    }

    /// Says where a session does not run as asked, such as partly on the processor instead of the device.
    pub(super) fn note_sessions(&mut self, oracle: &Oracle) {
        if let Some(note) = oracle.note().or_else(|| self.referee.note()) {
            let message = note.to_owned();
            self.flags.raise(&DEVICE, message);
        }
    }
}

/// Returns the suite of that name, or reads the file.
///
/// # Errors
/// [`ProtocolError::Io`]; [`ProtocolError::Attack`] where there is neither, or where the file is no suite.
pub fn load_suite(name: &str) -> Result<Suite, ProtocolError> {
    let path = Path::new(name);
    if brinell_attack::suites().all(|known| known != name) && (path.is_file() || path.extension().is_some_and(|end| end == "toml")) {
        let text = std::fs::read_to_string(path).map_err(ProtocolError::io("read the suite", path))?;
        return Ok(Suite::parse(name, &text)?);
    }
    Ok(Suite::named(name)?)
}

/// Facts that decide the result, for `run.json`.
fn identity(
    plan: &Plan,
    subject: &Subject,
    data: &Dataset,
    class_names: &[String],
    stages: &[SuiteStage],
    target: Option<usize>,
    runtime: &dyn Runtime,
) -> Identity {
    let join = |values: &[f32]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let attacks: Vec<String> = stages.iter().map(SuiteStage::describe).collect();
    let mut facts = BTreeMap::from([
        ("attacks".to_owned(), attacks.join(" ")),
        ("brinell version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("data (sha256)".to_owned(), data.sha256.clone()),
        ("eps".to_owned(), if plan.eps.is_any() { plan.eps.text().to_owned() } else { plan.eps.value().to_string() }),
        ("keep-going".to_owned(), plan.keep_going.to_string()),
        ("labels and class names (sha256)".to_owned(), hash::sha256_bytes(format!("{:?} {class_names:?}", data.labels).as_bytes())),
        ("layout".to_owned(), plan.preprocess.layout.map_or("auto", brinell_engine::Layout::name).to_owned()),
        ("max-queries".to_owned(), plan.max_queries.map_or("none".to_owned(), |limit| limit.to_string())),
        ("mean".to_owned(), join(&plan.preprocess.mean)),
        ("model (sha256)".to_owned(), subject.sha256.clone()),
        ("norm".to_owned(), plan.norm.name().to_owned()),
        ("number of samples".to_owned(), data.n.to_string()),
        ("runtime".to_owned(), format!("{} {} on {}", runtime.name(), runtime.version(), runtime.device())),
        ("scale".to_owned(), scale_name(plan.scale).to_owned()),
        ("seed".to_owned(), plan.seed.to_string()),
        ("std".to_owned(), join(&plan.preprocess.std)),
        ("target".to_owned(), target.map_or("none".to_owned(), |class| class.to_string())),
    ]);
    let interface = &subject.interface;
    facts.extend(interface.shape.as_ref().map(|shape| ("shape".to_owned(), format!("{shape:?}"))));
    facts.extend(interface.input.clone().map(|name| ("input".to_owned(), name)));
    facts.extend(interface.output.clone().map(|name| ("output".to_owned(), name)));
    facts.extend(interface.threshold.map(|threshold| ("threshold".to_owned(), threshold.to_string())));
    facts.extend(subject.weights_sha256.clone().map(|digest| ("model weights (sha256)".to_owned(), digest)));
    Identity { schema: Identity::SCHEMA.to_owned(), facts }
}
