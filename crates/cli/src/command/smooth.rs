//! `brinell smooth`

use std::path::PathBuf;

use brinell::proofs::{self, Noise, SmoothJob, SmoothStanding, SmoothSummary, SmoothedSample};
use brinell::record::Rate;
use clap::Args;

use super::audit::{command_line, json, stop_flag};
use crate::console::{print, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Smoothable, default_folder, free_folder, give_back};

#[derive(Debug, Args)]
#[command(after_help = "\
The certificates are about the smoothed classifier, which answers with the class that the model gives most often under noise, and not about the model itself. \
Models that were not trained with the same noise (`brinell harden --noise`) usually lose accuracy.")]
pub(crate) struct Smooth {
    #[command(flatten)]
    question: Smoothable,

    /// Standard deviation of the noise, in units of the input
    #[arg(long, value_name = "S", help_heading = "Smoothing")]
    sigma: f64,

    /// Noise: gaussian for l2 and linf; uniform or laplace for l1 [default: gaussian for l2 and linf, uniform for l1]
    #[arg(long, value_name = "NOISE", help_heading = "Smoothing")]
    noise: Option<Noise>,

    /// Most votes for a sample
    #[arg(long, value_name = "N", default_value_t = 10_000, help_heading = "Smoothing")]
    votes: usize,

    /// Probability with which the certificate of a sample may be wrong
    #[arg(long, value_name = "P", default_value_t = 0.001, help_heading = "Smoothing")]
    alpha: f64,

    /// Take all votes for every sample and find the largest radius that they certify
    #[arg(long, help_heading = "Smoothing")]
    largest: bool,

    /// Folder to write the run to [default: brinell-runs/MODEL-NORM-EPS-smoothed, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    out: Option<PathBuf>,

    /// Continue the stopped run in --out
    #[arg(long, requires = "out", help_heading = "Running")]
    resume: bool,

    /// Print only summary.json on standard output
    #[arg(long)]
    json: bool,
}

impl Smooth {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = self.question.question()?;
        let chosen_here = self.out.is_none();
        let out = match self.out {
            Some(out) => out,
            None => free_folder(&format!("{}-smoothed", default_folder(&question)))?,
        };
        let job = SmoothJob {
            noise: self.noise,
            sigma: self.sigma,
            votes: self.votes,
            alpha: self.alpha,
            largest: self.largest,
            out,
            resume: self.resume,
            command: command_line(),
        };
        let stop = stop_flag()?;
        let mut report = |line: &SmoothedSample, _: usize| say(&format!("sample {}: {}", line.sample, words(line)));
        let (summary, _) = proofs::smooth(&question, &job, &stop, &mut report).inspect_err(|_| {
            if chosen_here {
                give_back(&job.out);
            }
        })?;
        print(&if self.json { json(&summary)? } else { text(&summary, &job) });
        Ok(Exit::Done)
    }
}

fn words(line: &SmoothedSample) -> String {
    let votes = format!("{} of {} votes for its label", line.right, line.votes);
    match line.standing {
        SmoothStanding::Certified => format!("certified within {:.4}, {votes}", line.radius),
        SmoothStanding::Open => format!("not certified, {votes}"),
        SmoothStanding::Misclassified => format!("misclassified, {votes}"),
    }
}

fn text(summary: &SmoothSummary, job: &SmoothJob) -> String {
    let rate = |rate: &Rate| {
        format!(
            "{:.1} % ({:.0} % interval {:.1} % to {:.1} %)",
            100.0 * rate.value,
            100.0 * rate.confidence,
            100.0 * rate.low,
            100.0 * rate.high
        )
    };
    let mut out = format!(
        "smoothed accuracy {}\ncertified         {} of {} samples within {} {}\nvotes             {} ({:.0} per sample, at most {})\n",
        rate(&summary.right),
        rate(&summary.certified),
        summary.n,
        summary.question.threat.norm.name(),
        summary.question.threat.eps.text(),
        summary.votes,
        summary.votes as f64 / summary.n.max(1) as f64,
        summary.most_votes,
    );
    if let Some(median) = summary.median_radius {
        out += &format!("median radius     {median:.4}, at most {:.4} with so many votes\n", summary.reach);
    }
    out + &format!(
        "\nThis is about the smoothed classifier: {} noise with standard deviation {}, the class with the most votes.\nEach certificate is wrong with a probability of at most {}, any of them with at most {:.3}.\n\nRun: {}\n",
        summary.noise.name(),
        summary.sigma,
        summary.alpha,
        summary.alpha_all,
        job.out.display()
    )
}
