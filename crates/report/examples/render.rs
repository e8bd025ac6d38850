//! Draws `report.html` again from the record of one or several runs, or the page of a claim from its `verdict.json`.
//!
//!     cargo run -p brinell-report --example render -- OUT.html RUN_DIR [RUN_DIR ...]
//!     cargo run -p brinell-report --example render -- OUT.html verdict.json [RUN_DIR]

use brinell_report::{Run, render, render_claim, render_comparison};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: render OUT.html [verdict.json] RUN_DIR [RUN_DIR ...]")?;
    let mut arguments = arguments.peekable();
    let verdict = arguments.next_if(|first| first.ends_with(".json")).map(fs::read_to_string).transpose()?;
    let verdict = verdict.map(|text| serde_json::from_str(&text)).transpose()?;
    let runs = arguments.map(|dir| read(Path::new(&dir))).collect::<Result<Vec<_>, _>>()?;
    let page = match (verdict, runs.as_slice()) {
        (Some(verdict), runs) => render_claim(&verdict, runs.first())?,
        (None, [run]) => render(run)?,
        (None, runs) => render_comparison(runs)?,
    };
    fs::write(out, page)?;
    Ok(())
}

fn read(dir: &Path) -> Result<Run, Box<dyn Error>> {
    let summary: brinell_record::Summary = serde_json::from_str(&fs::read_to_string(dir.join("summary.json"))?)?;
    Ok(Run {
        title: summary.model.name.clone(),
        samples: fs::read_to_string(dir.join("record.jsonl"))?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?,
        gallery: serde_json::from_str(&fs::read_to_string(dir.join("gallery.json"))?)?,
        summary,
    })
}
