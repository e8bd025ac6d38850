//! Reads a finished run and renders its page, without a runtime: `cargo run --no-default-features --example read_run -- RUN`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use brinell::record::Outcome;
use brinell::report;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [folder] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: read_run RUN".into());
    };
    // Every count of the summary is computed again from the record.
    let run = brinell::runs::read(folder.as_ref())?;
    for sample in run.samples.iter().filter(|sample| sample.outcome == Outcome::Broken) {
        println!("sample {}: broken by {}", sample.sample, sample.attack.as_deref().unwrap_or("no attack"));
    }
    let title = run.summary.model.name.clone();
    let page = report::render(&report::Run { summary: run.summary, samples: run.samples, gallery: run.gallery, title })?;
    println!("its page has {} bytes", page.len());
    Ok(())
}
