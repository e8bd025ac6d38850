//! Hints for errors of what the user asked for.

use std::error::Error;

use brinell::errors::{SettingError, TaskError, WordError};
use brinell::record::TaskKind;

use super::{as_a, meant};
use crate::settings::FILE;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    as_a(error)
        .and_then(setting)
        .or_else(|| as_a(error).and_then(task))
        .or_else(|| as_a::<WordError>(error).and_then(|error| meant(error.nearest.as_deref())))
}

fn task(error: &TaskError) -> Option<String> {
    let given = |task: &TaskKind| match task {
        TaskKind::Classification => "--task classification".to_owned(),
        TaskKind::TopK => "--top-k K".to_owned(),
        TaskKind::Multilabel => "--task multilabel [--only-labels LABEL,..]".to_owned(),
        TaskKind::Regression => "--task regression --tolerance T".to_owned(),
        TaskKind::Embedding => "--task embedding --distance D --pairs FILE".to_owned(),
    };
    match error {
        TaskError::Missing { task, .. } | TaskError::Foreign { task, .. } => {
            Some(format!("this task needs exactly these settings: {} (docs/tasks.md)", given(task)))
        }
        _ => None,
    }
}

fn setting(error: &SettingError) -> Option<String> {
    match error {
        SettingError::Unknown { nearest, .. } => meant(*nearest),
        SettingError::Value { name: "eps", .. } => Some("write it as 8/255 or 0.03, in units of --scale".to_owned()),
        SettingError::Excluded { name, other } => Some(format!("leave out --{name} or --{other}")),
        SettingError::Missing { names } => {
            let flags: Vec<String> =
                names.iter().map(|name| if *name == "model" { "MODEL".to_owned() } else { format!("--{name}") }).collect();
            Some(format!("give {} on the command line, or in {FILE} (`brinell init MODEL` writes one)", flags.join(", ")))
        }
        _ => None,
    }
}
