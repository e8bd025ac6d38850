//! One shard of an audit, and the whole run that shards make together.
//!
//! A shard attacks its share of the samples and counts nothing. Whatever is said about all samples together (flags, curves, sanity checks, rates) is computed
//! when the shards are merged: the merged folder is gone on with like a run that was stopped after its last attack.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use brinell_data::{LoadOptions, load};
use brinell_engine::Processor;
use brinell_ledger::LedgerError;
use brinell_ledger::machine;
use brinell_ledger::run::{Completed, Shards, StageLine};
use brinell_record::{FileError, Flag, Outcome, Question, SHARD_SCHEMA, SampleRecord, Shard, ShardMachine, ShardRecord, hash, setting};
use brinell_subject::Subject;

use crate::course::{Course, Taken};
use crate::events::Observer;
use crate::flags::MIXED_MACHINES;
use crate::knowledge::Asked;
use crate::setup::Run;
use crate::{AuditError, Job, attack_all};

/// Why an audit runs, as far as it makes a difference.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'s> {
    /// It takes all samples that its course gives out.
    Whole,
    /// It takes a share of the samples.
    Share(Shard),
    /// All attacks were run elsewhere.
    Merge {
        /// By whom.
        shards: &'s Shards,
        /// Whether their machines may compute differently.
        mixed: bool,
    },
}

impl<'s> Scope<'s> {
    /// The share of the samples that a folder holds.
    pub(crate) fn share(self) -> Option<Shard> {
        if let Self::Share(shard) = self { Some(shard) } else { None }
    }

    /// The shards that everything has to agree with.
    fn strict(self) -> Option<&'s Shards> {
        if let Self::Merge { shards, mixed: false } = self { Some(shards) } else { None }
    }

    /// What is known of the shards that are merged.
    pub(crate) fn shards(self) -> Vec<ShardRecord> {
        if let Self::Merge { shards, .. } = self { shards.shards().cloned().collect() } else { Vec::new() }
    }
}

/// A shard that came to its end.
#[derive(Debug, Clone)]
pub struct ShardDone {
    /// Content of `shard.json`.
    pub record: ShardRecord,
    /// What the clean samples of the shard make doubtful; the flags of the run are raised when the shards are merged.
    pub flags: Vec<Flag>,
}

/// The samples of one shard, all at once.
struct Share {
    shard: Shard,
    taken: bool,
}

impl Course for Share {
    type Error = AuditError;

    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, AuditError> {
        Ok(if std::mem::replace(&mut self.taken, true) { Vec::new() } else { self.shard.of(&taken.samples()) })
    }
}

/// Runs the attacks of a question on one shard of its samples, or goes on with it, and writes `record.jsonl` and `shard.json` into the folder of the job.
///
/// # Guarantees
/// What is decided about a sample is what a run on all samples decides about it, on a machine with the same instructions. The folder holds no figures: they
/// are those of the run that [`merge`] makes of all shards.
///
/// # Errors
/// As [`audit`](crate::audit()).
pub fn audit_shard(
    question: &Question,
    job: &Job,
    shard: Shard,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<ShardDone, AuditError> {
    let asked = Asked::of(question)?;
    let opened = Subject::open_with(&question.artefact, &question.population, &reader(question))?;
    let mut course = Share { shard, taken: false };
    let (mut run, _, _) = attack_all(question, job, asked, opened, Scope::Share(shard), &mut course, stop, observer)?;
    if run.book.states.len() > 0 {
        run.flag_clean()?;
    }
    run.finish_shard(shard)
}

/// Reads the samples of a question; images are decoded on as many threads as the model may take.
pub(crate) fn reader(question: &Question) -> impl Fn(&LoadOptions) -> Result<brinell_data::Dataset, brinell_data::DataError> {
    move |options| load(&question.population.data, &LoadOptions { threads: question.running.threads, ..options.clone() })
}

/// How shards are merged.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// Folder of the merged run.
    pub out: PathBuf,
    /// Settings by name that take the place of those of the shards: where files are now, and what executes the model. Any other one makes it another run.
    pub settings: Vec<(String, Vec<String>)>,
    /// Take shards of machines that compute differently.
    pub mixed: bool,
    /// The command line, for the record.
    pub command: String,
}

/// Makes one run of all its shards: the files are those that [`audit`](crate::audit()) would have left, but for times.
///
/// # Guarantees
/// Every adversarial example was judged again here, on the original file. Flags, curves and sanity checks are about all samples. Nothing is attacked here
/// unless machines are mixed. The shards are only read.
///
/// # Errors
/// Those of [`Shards::read`]; [`AuditError::MixedMachines`]; [`LedgerError::ShardsElsewhere`] where model, data or runtime are others here;
/// [`AuditError::ShardSample`] where something else is found out about a sample here; those of [`audit`](crate::audit()).
pub fn merge(folders: &[PathBuf], options: &MergeOptions, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Completed, AuditError> {
    let shards = Shards::read(folders)?;
    if let Some([(shard_a, a), (shard_b, b)]) = shards.mixed().filter(|_| !options.mixed) {
        return Err(AuditError::MixedMachines { shard_a, a, shard_b, b });
    }
    let mut question = shards.identity().question.clone();
    for (name, values) in &options.settings {
        setting(name)?.put(&mut question, values)?;
    }
    let asked = Asked::of(&question)?;
    let opened = Subject::open_with(&question.artefact, &question.population, &reader(&question))?;
    shards.write(&options.out)?;
    let job = Job { out: options.out.clone(), resume: true, command: options.command.clone() };
    let scope = Scope::Merge { shards: &shards, mixed: options.mixed };
    let mut course = crate::course::Whole::default();
    let (mut run, mut oracle, pool) = attack_all(&question, &job, asked, opened, scope, &mut course, stop, observer).map_err(elsewhere)?;
    run.flag_mixed(&shards);
    run.flag_clean()?;
    run.check_sanity(&mut oracle, &pool)?;
    let completed = run.finish(&mut oracle)?;
    shards.complete(&options.out)?;
    Ok(completed)
}

/// What is another one than in a run that was gone on with is another one than in the shards.
fn elsewhere(error: AuditError) -> AuditError {
    match error {
        AuditError::Ledger(LedgerError::Stale { what, before, now, .. }) => LedgerError::ShardsElsewhere { what, before, now }.into(),
        other => other,
    }
}

/// What machine this is.
fn this_machine() -> ShardMachine {
    let processor = Processor::look();
    ShardMachine { machine: processor.machine(), features: processor.features.iter().map(|&feature| feature.to_owned()).collect() }
}

impl Run<'_> {
    /// Notes that the shard runs on this machine, once for each stay.
    pub(crate) fn note_machine(&mut self) -> Result<(), AuditError> {
        let machine = this_machine();
        if self.book.machines.last() != Some(&machine) {
            self.book.folder.keep(&StageLine::Machine { machine: machine.clone() }, None)?;
            self.book.machines.push(machine);
        }
        Ok(())
    }

    fn finish_shard(mut self, shard: Shard) -> Result<ShardDone, AuditError> {
        self.case.subject.check_unchanged()?;
        let samples = self.book.states.samples(|_| true);
        for &sample in &samples {
            self.book.record(sample)?;
        }
        let records: Vec<SampleRecord> = samples.iter().filter_map(|&sample| self.book.sample_record(sample)).collect();
        self.book.folder.settle(&records)?;
        let path = self.book.folder.path().join("record.jsonl");
        let record = ShardRecord {
            schema: SHARD_SCHEMA.to_owned(),
            shard,
            samples: records.len(),
            record_sha256: hash::sha256_file(&path).map_err(FileError::on("read", &path))?,
            created: machine::utc_now(),
            command: self.job.command.clone(),
            seconds: self.book.past_seconds + self.started.elapsed().as_secs_f64(),
            peak_rss_bytes: machine::peak_rss_bytes(),
            machines: std::mem::take(&mut self.book.machines),
        };
        self.book.folder.end_shard(&record)?;
        Ok(ShardDone { record, flags: std::mem::take(&mut self.flags).into_sorted().0 })
    }

    /// Holds what is known here of all samples to what the shards say of them.
    ///
    /// # Errors
    /// [`AuditError::ShardSample`] names the first that differs, unless machines may be mixed.
    pub(crate) fn agree(&self) -> Result<(), AuditError> {
        let Some(shards) = self.scope.strict() else { return Ok(()) };
        let fate = |record: &SampleRecord| {
            let spent = (record.forwards, record.backwards);
            (record.outcome, record.attack.clone(), record.restart, spent)
        };
        for there in shards.records() {
            let here = self.book.sample_record(there.sample);
            if here.as_ref().map(fate) != Some(fate(there)) {
                let here = here.map_or("nothing", |here| if here.outcome == there.outcome { "something else" } else { word(here.outcome) });
                return Err(AuditError::ShardSample { sample: there.sample, there: word(there.outcome), here });
            }
        }
        Ok(())
    }

    /// Says that machines which compute differently were mixed, and what came of it.
    fn flag_mixed(&mut self, shards: &Shards) {
        let Some([(shard_a, a), (shard_b, b)]) = shards.mixed() else { return };
        let other = shards.records().iter().filter(|there| {
            let here = self.book.sample_record(there.sample).map(|here| here.outcome == Outcome::Misclassified);
            here != Some(there.outcome == Outcome::Misclassified)
        });
        let (other, refused) = (other.count(), self.refused);
        self.flags.raise(
            &MIXED_MACHINES,
            format!(
                "the shards ran on machines with other instructions (shard {shard_a} on {a}, shard {shard_b} on {b}), on which runtimes round \
                 differently: another division into shards may give other figures. Where the shards were merged, {refused} of their adversarial examples are \
                 not confirmed and count as broken all the same, and {other} samples are answered right on one machine only"
            ),
        );
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Misclassified => "misclassified",
        Outcome::Survived => "survived",
        Outcome::Broken => "broken",
    }
}
