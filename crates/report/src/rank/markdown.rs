//! The ranking in GitHub's Markdown, such as for a README or a comment.

use super::words;
use crate::export::{code, plain, prose};
use crate::format::size;
use brinell_record::Ranking;
use std::fmt::Write as _;

/// A table of the models with what was tested. Names are in code spans, in which nothing is markup.
pub fn markdown(ranking: &Ranking) -> String {
    let mut out = String::from("### Brinell: ranking of models\n\n");
    let distances = ranking.models.iter().any(|model| model.distances.is_some());
    let (head, line) = if distances { (" Median distance | Rank by distance |", "---|---|") } else { ("", "") };
    let _ =
        writeln!(out, "| Rank | Model | Clean accuracy | Robust accuracy |{head} Queries to break half |\n|---|---|---|---|{line}---:|");
    for model in &ranking.models {
        let far = model
            .distances
            .as_ref()
            .map(|found| format!(" {} | {} |", plain(&words::median(&found.median, ranking)), plain(&words::rank(found.rank))));
        let far = far.unwrap_or_else(|| if distances { " - | - |".to_owned() } else { String::new() });
        let doubt = if model.blocking.is_empty() { "" } else { " (not reliable)" };
        let _ = writeln!(
            out,
            "| {} | {}{doubt} | {} | {} |{far} {} |",
            plain(&words::rank(model.rank)),
            code(&model.name),
            plain(&words::rate(&model.clean_accuracy)),
            plain(&words::rate(&model.robust_accuracy)),
            words::to_half(model)
        );
    }
    let within = crate::format::radius(&ranking.threat);
    let _ = writeln!(out, "\n{}", prose(&format!("{} samples, changes of at most {within}, exact 95 % intervals.", size(ranking.data.n))));
    for text in std::iter::once(words::tested(ranking)).chain([words::RANKS.to_owned()]).chain(words::class_distance(ranking)) {
        let _ = writeln!(out, "{}", prose(&text));
    }
    let _ = writeln!(out, "{}", crate::export::NO_PROOF);
    for note in &ranking.notes {
        let _ = writeln!(out, "\n> [!CAUTION]\n> {}", prose(note));
    }
    out
}
