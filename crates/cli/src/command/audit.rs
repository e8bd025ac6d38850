//! `brinell audit`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brinell::record::{Shard, ShardRecord};
use brinell::runs::{Completed, SHARD_FILE, read_identity};
use brinell::{Job, Observer, Question, ShardDone};
use clap::Args;

use crate::console::{WIDTH, colour, detail, note, print, print_coloured, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hint::of_flag;
use crate::progress::Progress;
use crate::settings::{FILE, Settings, give_back};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    settings: Settings,

    /// Settings file; flags override it [default: brinell.toml in the current folder, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Continue a stopped run with its own settings: the run in --out, or else the newest stopped run in brinell-runs
    #[arg(long, help_heading = "Running")]
    resume: bool,

    /// Audit one share of the samples: I/N, from 0/16 to 15/16 for 16 shares, or auto for the share that the scheduler gives. `brinell merge` makes one run of all
    /// shares. With --resume, a share that was not started is started
    #[arg(long, value_name = "I/N", help_heading = "Running")]
    shard: Option<String>,

    /// Print only summary.json (of a shard shard.json) on standard output
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let shard = self.shard.as_deref().map(shard_of).transpose()?;
        let chosen_here = self.settings.out.is_none() && !self.resume;
        let (question, job, shard) = if self.resume && shard.is_none() {
            let file = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
            let (question, job) = self.settings.over(file).resume(command_line())?;
            let shard = read_identity(&job.out.join("run.json"))?.shard;
            (question, job, shard)
        } else {
            let (question, job) = self.settings.over(settings_file(self.config.as_deref())?).question(command_line(), shard)?;
            // A task that its scheduler starts again has the command line that it had at first.
            let resume = self.resume && job.out.join("run.json").exists();
            (question, Job { resume, ..job }, shard)
        };
        detail(&json(&question)?);
        let stopped = |failure: Failure| {
            if chosen_here {
                give_back(&job.out);
            }
            match resume_line(&job.out) {
                Some(line) => failure.hint(&format!("continue with: {line}")),
                None => failure,
            }
        };
        let stop = stop_flag()?;
        if let Some(shard) = shard {
            let done =
                brinell::audit_shard(&question, &job, shard, stop.as_ref(), &mut Progress::new()).map_err(|error| stopped(error.into()))?;
            return if self.json { print_json(&done.record) } else { print_shard(&done, &job.out) };
        }
        let completed = answer(&question, &job, stop.as_ref(), &mut Progress::new()).map_err(stopped)?;
        if self.json {
            print(&json(&completed.summary)?);
        } else {
            print_run(&completed, &job.out);
        }
        say_hints(&completed);
        Ok(exit(&completed))
    }
}

/// Reads which shard is meant.
pub(super) fn shard_of(text: &str) -> Result<Shard, Failure> {
    let shard = if text == "auto" { Shard::of_environment(|name| std::env::var(name).ok()) } else { text.parse() };
    shard.map_err(Failure::from_error)
}

fn print_json(record: &ShardRecord) -> Result<Exit, Failure> {
    print(&json(record)?);
    Ok(Exit::Done)
}

/// Says that a shard is done. It has no figures of its own: those of a share of the samples are not those of the run.
fn print_shard(done: &ShardDone, out: &Path) -> Result<Exit, Failure> {
    for flag in &done.flags {
        say(&format!("{}: {} [{}]", flag.severity.name(), flag.message, flag.id));
    }
    let (shard, samples) = (done.record.shard, done.record.samples);
    print(&format!("Shard {shard} is done: {samples} samples, in {}\n", out.display()));
    say("hint: once all shards are done, make one run of them with `brinell merge SHARD.. --out DIR`");
    Ok(Exit::Done)
}

/// Reads the settings file that was named, or else the one in the current folder, where there is one.
fn settings_file(named: Option<&Path>) -> Result<Settings, Failure> {
    match named {
        Some(path) => Settings::read(path),
        None if Path::new(FILE).is_file() => {
            note(&format!("note: settings not given as flags are read from {FILE}"));
            Settings::read(Path::new(FILE))
        }
        None => Ok(Settings::default()),
    }
}

/// Returns the command that goes on with the run in a folder, where one was begun and not finished.
fn resume_line(out: &Path) -> Option<String> {
    let stopped = out.join("run.json").exists() && !out.join("summary.json").exists() && !out.join(SHARD_FILE).exists();
    let out = out.to_string_lossy();
    shlex::try_join(["brinell", "audit", "--resume", "--out", &out]).ok().filter(|_| stopped)
}

/// Returns how an audit that ran to its end exits: a blocking flag makes it unreliable.
pub(crate) fn exit(completed: &Completed) -> Exit {
    if completed.unreliable() { Exit::Unreliable } else { Exit::Done }
}

/// Returns what the report is made of.
pub(crate) fn report_run(completed: &Completed) -> brinell::report::Run {
    brinell::report::Run {
        summary: completed.summary.clone(),
        samples: completed.samples.clone(),
        gallery: completed.gallery.clone(),
        title: completed.summary.model.name.clone(),
    }
}

/// Name of the page in the folder of a run.
pub(crate) const REPORT: &str = "report.html";

/// Answers a question and renders the report into the folder of the run.
///
/// # Errors
/// A [`Failure`] as the command line would end with; an interrupted run can be resumed.
pub fn answer(question: &Question, job: &Job, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Completed, Failure> {
    let completed = brinell::audit(question, job, stop, observer)?;
    write_report(&completed, &job.out)?;
    Ok(completed)
}

/// Renders the report into the folder of a run.
///
/// # Errors
/// A [`Failure`] where it cannot be written.
pub fn write_report(completed: &Completed, out: &Path) -> Result<(), Failure> {
    let html = brinell::report::render(&report_run(completed)).map_err(Failure::from_internal)?;
    let path = out.join(REPORT);
    std::fs::write(&path, html).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))
}

/// Prints what a run found, and where its report is.
pub(crate) fn print_run(completed: &Completed, out: &Path) {
    print_coloured(&brinell::report::terminal::table(&completed.summary, WIDTH, colour()));
    print(&format!("\nReport: {}\n", out.join(REPORT).display()));
}

/// Says what can be done about the flags of a run.
pub(crate) fn say_hints(completed: &Completed) {
    for hint in completed.summary.flags.iter().filter_map(|flag| of_flag(&flag.id)) {
        say(&format!("hint: {hint}"));
    }
}

/// Seconds that a call of the model may still take once the program was asked to stop: a loop in a model need not end. What a run has written stays valid.
const PATIENCE: u64 = 10;

/// Returns a flag that Ctrl-C raises; a second Ctrl-C ends the program at once, and so do [`PATIENCE`] seconds.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        say(&format!("stopping after the current call of the model, or after {PATIENCE} seconds; press Ctrl-C again to stop at once"));
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(PATIENCE));
            say(&format!("the model has not returned for {PATIENCE} seconds; stopped"));
            std::process::exit(i32::from(Exit::Interrupted.code()));
        });
    })
    .map_err(Failure::from_internal)?;
    brinell::attend(Box::new(Patient { stop: Arc::clone(&flag) }));
    Ok(flag)
}

/// Ends waits for a server at the first Ctrl-C, and says what is waited for.
struct Patient {
    stop: Arc<AtomicBool>,
}

impl brinell::Attendant for Patient {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn waiting(&self, wait: brinell::Wait<'_>) {
        match wait {
            brinell::Wait::Again { url, reason, pause } => note(&format!("{url}: {reason}; asking again in {} s", pause.as_secs())),
            brinell::Wait::Silent { url, since, most } => {
                note(&format!("{url}: no answer for {} s; the limit is {} s", since.as_secs(), most.as_secs()));
            }
            _ => {}
        }
    }
}

/// Returns pretty JSON with a newline.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(Failure::from_internal)
}

/// Returns the command line in a form that a shell understands.
pub(crate) fn command_line() -> String {
    let typed = crate::ARGUMENTS.get().map(Vec::as_slice).unwrap_or_default();
    let arguments: Vec<String> = typed.iter().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let words = std::iter::once("brinell").chain(arguments.iter().map(String::as_str));
    // No argument holds a null byte, the only thing that cannot be quoted.
    shlex::try_join(words).unwrap_or_default()
}
