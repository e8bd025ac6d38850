//! `brinell suites`

use std::fmt::Write as _;

use brinell::{Norm, Queries, Spent, Suite, load_suite, suites};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Suites {
    /// Name or file of the suite to print [default: list all suites]
    #[arg(value_name = "NAME|FILE")]
    suite: Option<String>,

    /// Print how many queries the reference implementation (auto-attack) needs for a sample that survives all stages, instead of the suite
    #[arg(long, requires = "suite")]
    reference_cost: bool,

    /// Norm for which queries are counted
    #[arg(long, default_value = "linf", value_parser = PossibleValuesParser::new(Norm::ALL.map(Norm::name)), requires = "reference_cost")]
    norm: String,

    /// Number of classes of the model
    #[arg(long, default_value_t = 10, requires = "reference_cost")]
    classes: usize,
}

impl Suites {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let text = match &self.suite {
            None => list()?,
            Some(name) if self.reference_cost => self.cost(&load_suite(name)?)?,
            Some(name) => load_suite(name)?.text().to_owned(),
        };
        print(&text);
        Ok(Exit::Done)
    }

    fn cost(&self, suite: &Suite) -> Result<String, Failure> {
        let norm: Norm = self.norm.parse().map_err(Failure::from_error)?;
        let mut text = format!("{:<12}{:>10}{:>10}\n", "stage", "forwards", "backwards");
        let mut row = |name: &str, queries: Queries| writeln!(text, "{name:<12}{:>10}{:>10}", queries.forwards, queries.backwards);
        let mut total = Queries { forwards: 1, backwards: 0 };
        let mut unknown = Vec::new();
        let _ = row("clean", total);
        for stage in suite.stages(norm).map_err(Failure::from_error)? {
            let recipe = stage.recipe.as_ref();
            match recipe.reference(&Spent::by_survivor(recipe, norm, self.classes.saturating_sub(1), self.classes)) {
                Some(queries) => {
                    total += queries;
                    let _ = row(recipe.name(), queries);
                }
                None => unknown.push(recipe.name().to_owned()),
            }
        }
        let _ = row("total", total);
        if !unknown.is_empty() {
            let _ = writeln!(text, "no reference implementation: {}", unknown.join(", "));
        }
        Ok(text)
    }
}

fn list() -> Result<String, Failure> {
    let mut text = String::new();
    for name in suites() {
        let suite = load_suite(name)?;
        let _ = writeln!(text, "{name:<10}{}", suite.about());
    }
    text += "\n`brinell suites NAME` prints a suite. Save it as a file, edit it, and use it with `brinell audit --suite FILE.toml`.\n";
    Ok(text)
}
