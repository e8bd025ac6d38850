//! `brinell audit`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brinell::runs::Completed;
use brinell::{Job, Observer, Question};
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

    /// Print only summary.json on standard output
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let chosen_here = self.settings.out.is_none() && !self.resume;
        let (question, job) = if self.resume {
            let file = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
            self.settings.over(file).resume(command_line())?
        } else {
            self.settings.over(settings_file(self.config.as_deref())?).question(command_line())?
        };
        detail(&json(&question)?);
        let completed = answer(&question, &job, stop_flag()?.as_ref(), &mut Progress::new()).map_err(|failure| {
            if chosen_here {
                give_back(&job.out);
            }
            match resume_line(&job.out) {
                Some(line) => failure.hint(&format!("continue with: {line}")),
                None => failure,
            }
        })?;
        if self.json {
            print(&json(&completed.summary)?);
        } else {
            print_coloured(&brinell::report::terminal::table(&completed.summary, WIDTH, colour()));
            print(&format!("\nReport: {}\n", job.out.join(REPORT).display()));
        }
        for hint in completed.summary.flags.iter().filter_map(|flag| of_flag(&flag.id)) {
            say(&format!("hint: {hint}"));
        }
        Ok(exit(&completed))
    }
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
    let stopped = out.join("run.json").exists() && !out.join("summary.json").exists();
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
    let html = brinell::report::render(&report_run(&completed)).map_err(Failure::from_internal)?;
    let path = job.out.join(REPORT);
    std::fs::write(&path, html).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
    Ok(completed)
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
