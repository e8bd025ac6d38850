//! What a terminal shows of training.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use brinell::hardening::{Progress, Watcher};
use brinell::{Event, Observer};

use crate::console::say;

/// Shows training and the audits behind it.
pub(super) struct Shown {
    audits: crate::progress::Progress,
    bar: Option<indicatif::ProgressBar>,
    terminal: bool,
    last: Instant,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self { audits: crate::progress::Progress::new(), bar: None, terminal: std::io::stderr().is_terminal(), last: Instant::now() }
    }

    fn above(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

/// Time between two lines of progress where there is no terminal.
const SILENCE: Duration = Duration::from_secs(30);

impl Observer for Shown {
    fn event(&mut self, event: Event<'_>) {
        self.audits.event(event);
    }
}

impl Watcher for Shown {
    fn progress(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Begins { folder, trained, samples, steps, epoch_seconds } => {
                let time = epoch_seconds.map_or_else(String::new, |seconds| format!(", about {seconds:.0} s per epoch"));
                let test = if samples[2] == 0 { String::new() } else { format!(", {} test samples", samples[2]) };
                say(&format!(
                    "{} tensors with {} weights; {} training samples, {} validation samples{test}; {} steps{time} -> {}",
                    trained.0,
                    trained.1,
                    samples[0],
                    samples[1],
                    steps.0,
                    folder.display()
                ));
                if self.terminal {
                    let bar =
                        indicatif::ProgressBar::with_draw_target(Some(steps.0 as u64), indicatif::ProgressDrawTarget::stderr_with_hz(5));
                    if let Ok(style) = indicatif::ProgressStyle::with_template("{prefix:>14} [{bar:24}] {pos}/{len}  {msg}") {
                        bar.set_style(style.progress_chars("=> "));
                    }
                    bar.set_prefix("training");
                    bar.set_position(steps.1 as u64);
                    self.bar = Some(bar);
                }
            }
            Progress::Step { line, total, left } => {
                let text = format!("loss {:.3}, {:.0} % right under attack, {left:.0} s left", line.loss, 100.0 * line.attacked);
                if let Some(bar) = &self.bar {
                    bar.set_position(line.step as u64 + 1);
                    bar.set_message(text);
                } else if self.last.elapsed() > SILENCE {
                    self.last = Instant::now();
                    say(&format!("step {} of {total}: {text}", line.step + 1));
                }
            }
            Progress::Epoch(line) => {
                let share = |count: usize| 100.0 * count as f64 / line.n.max(1) as f64;
                let name = if line.epoch == 0 { "original".to_owned() } else { format!("epoch {}", line.epoch) };
                self.above(&format!(
                    "{name:>14}  loss {:.3}, of {} validation samples {:.1} % robust, {:.1} % clean",
                    line.loss,
                    line.n,
                    share(line.robust),
                    share(line.clean)
                ));
            }
            Progress::Incident(incident) => self.above(&format!("warning: step {}: {}", incident.step, incident.what)),
            Progress::Weight(weight) => say(&format!("\nclean weight {weight}")),
            Progress::Judging(name) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                say(&format!("\naudit of the {name} model on test samples"));
            }
            _ => {}
        }
    }
}
