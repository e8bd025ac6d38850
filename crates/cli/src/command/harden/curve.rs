//! `brinell harden --curve`

use std::path::Path;
use std::sync::atomic::AtomicBool;

use brinell::hardening::{Ask, Job, Traced};
use brinell::record::Rate;

use super::watch::Shown;
use super::{page, rate};
use crate::command::audit::{REPORT, json};
use crate::exit::Exit;
use crate::failure::Failure;

/// Trains for each weight, renders all pages, and returns what to print.
///
/// # Errors
/// A [`Failure`] as the command line would end with; an interrupted run can be resumed.
pub(super) fn answer(ask: &Ask, job: &Job, weights: &[f64], as_json: bool, stop: &AtomicBool) -> Result<(String, Exit), Failure> {
    let traced = brinell::hardening::curve(ask, job, weights, stop, &mut Shown::new())?;
    for (folder, hardened) in &traced.runs {
        page(folder, hardened)?;
    }
    let model = &ask.question.artefact.model;
    let title = model.file_name().map_or_else(|| model.display().to_string(), |name| name.to_string_lossy().into_owned());
    let html = brinell::report::harden::curve_page(&title, &traced.curve).map_err(Failure::from_internal)?;
    let path = job.folder.join(REPORT);
    crate::command::write(&path, &html)?;
    let exit = if traced.unreliable { Exit::Unreliable } else { Exit::Done };
    Ok((if as_json { json(&traced.curve)? } else { told(&traced, job, &path) }, exit))
}

fn told(traced: &Traced, job: &Job, page: &Path) -> String {
    let curve = &traced.curve;
    let mut text = format!("{:>12}  {:<22}{}\n", "clean weight", "robust", "clean");
    text.push_str(&format!("{:>12}  {:<22}{}\n", "original", rate(&curve.robust), rate(&curve.clean)));
    for point in &curve.points {
        let of = |found: &Option<Rate>| found.as_ref().map_or_else(|| "no gain".to_owned(), rate);
        text.push_str(&format!("{:>12}  {:<22}{}\n", point.clean_weight, of(&point.robust), of(&point.clean)));
    }
    match &curve.headline {
        Some(headline) => {
            text.push_str(&format!("\nAt clean weight {}: {headline}\nModel: {}\n", curve.written, job.output.display()));
        }
        None => text.push_str(&format!(
            "\nNo model was written: at clean weight {} no epoch was more robust than the original model. Choose another --clean-weight.\n",
            curve.written
        )),
    }
    text.push_str(&format!("Report: {}\n", page.display()));
    text
}
