//! Audits a model from Rust: `cargo run --example audit -- MODEL.onnx DATA EPS OUT`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it found")]

use brinell::{Artefact, Event, Job, Norm, Observer, Population, Question, Radius, Threat};

/// Says on the way how many samples survive.
struct Printer;

impl Observer for Printer {
    fn event(&mut self, event: Event<'_>) {
        if let Event::StageStarted { name, attacked, surviving, .. } = event {
            eprintln!("{name}: {attacked} samples, {surviving} survive so far");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [model, data, eps, out] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: audit MODEL.onnx DATA EPS OUT".into());
    };
    let question = Question {
        artefact: Artefact::of(model),
        population: Population { data: data.into(), ..Population::default() },
        threat: Threat { norm: Norm::Linf, eps: Radius::Within(eps.parse()?), ..Threat::default() },
        ..Question::default()
    };
    let job = Job { out: out.into(), ..Job::default() };
    let run = brinell::audit(&question, &job, &false.into(), &mut Printer)?;
    let rate = run.summary.robust_accuracy;
    println!("robust accuracy {:.1} % [{:.1}, {:.1}]", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high);
    Ok(())
}
