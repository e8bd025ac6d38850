//! Draws `report.html` again from the record of one or several runs.
//!
//!     cargo run -p brinell-report --example render -- OUT.html RUN_DIR [RUN_DIR ...]

use brinell_report::{Run, render, render_comparison};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: render OUT.html RUN_DIR [RUN_DIR ...]")?;
    let runs = arguments.map(|dir| read(Path::new(&dir))).collect::<Result<Vec<_>, _>>()?;
    let page = match runs.as_slice() {
        [run] => render(run)?,
        runs => render_comparison(runs)?,
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
