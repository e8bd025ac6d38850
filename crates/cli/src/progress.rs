//! Progress of an audit on standard error: bars on a terminal, one line per stage elsewhere.

use std::io::IsTerminal;

use brinell::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{Verbosity, note, says};

/// Draws what an audit tells.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    terminal: bool,
    stage: String,
    attacked: usize,
    surviving: usize,
    /// True where claims are checked: their audits have many short stages, of which only the bars are worth showing.
    quiet: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            bar: None,
            terminal: std::io::stderr().is_terminal() && says(Verbosity::Normal),
            stage: String::new(),
            attacked: 0,
            surviving: 0,
            quiet: false,
        }
    }

    pub(crate) fn of_claims() -> Self {
        Self { quiet: true, ..Self::new() }
    }

    /// Says how many samples are still right.
    fn left(&self) -> String {
        format!("{} {}", self.surviving, if self.stage == "clean" { "correct" } else { "survive" })
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::ClaimStarted { file, id } => note(&format!("{}: {id}", file.display())),
            Event::ModelStarted { name, number, of } => note(&format!("model {number} of {of}: {name}")),
            Event::Opened { out, runtime, n, batch } if !self.quiet => {
                note(&format!("{n} samples, {batch} per call, on {runtime} -> {}", out.display()));
            }
            Event::StageStarted { name, attacked, done, surviving } => {
                (self.stage, self.attacked, self.surviving) = (name.to_owned(), attacked, surviving);
                if self.terminal && attacked > 0 {
                    let bar = ProgressBar::with_draw_target(Some(attacked as u64), ProgressDrawTarget::stderr_with_hz(10));
                    if let Ok(style) = ProgressStyle::with_template("{prefix:>14} [{bar:24}] {pos}/{len}  {msg}  {elapsed}, {eta} left") {
                        bar.set_style(style.progress_chars("=> "));
                    }
                    bar.set_prefix(name.to_owned());
                    bar.set_position(done as u64);
                    bar.set_message(self.left());
                    self.bar = Some(bar);
                }
            }
            Event::SampleDone { surviving } => {
                self.surviving = surviving;
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                    bar.set_message(self.left());
                }
            }
            Event::StageEnded => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                if !self.quiet {
                    let done = match self.stage.as_str() {
                        "clean" => "evaluated",
                        "certify" | "sanity" => "checked",
                        _ => "attacked",
                    };
                    note(&format!("{:>14}  {} {done}, {}", self.stage, self.attacked, self.left()));
                }
            }
            _ => {}
        }
    }
}
