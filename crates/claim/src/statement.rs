//! What a claim says, as a sentence made of its property and its threat.

use brinell_record::{Among, Claim, Norm, Property, Quantity, Scale};

use super::plan::is_attacked;

/// Returns the claim in one sentence. It follows from the property, so that the two cannot contradict each other.
pub(super) fn statement(claim: &Claim) -> String {
    match &claim.property {
        Property::Forall { among: Among::All } => format!("Every sample gets the right answer{}.", under(claim)),
        Property::Forall { among: Among::Correct } if is_attacked(claim) => {
            format!("Every sample that gets the right answer {}.", kept(claim))
        }
        Property::Forall { among: Among::Correct } => "Every sample that gets the right answer gets it on every runtime.".to_owned(),
        Property::Rate { .. } => format!("{} of the inputs get the right answer{}.", share(&claim.property), under(claim)),
        Property::Bound { quantity, .. } => {
            let what = match quantity {
                Quantity::RobustAccuracy => format!("get the right answer{}", under(claim)),
                Quantity::NonFiniteRate => "get an answer that is not a finite number".to_owned(),
                _ => "get the right answer".to_owned(),
            };
            format!("{} of the inputs {what}.", share(&claim.property))
        }
        Property::Equal { other, tolerance, .. } => {
            format!("{other} gives the same answers as {}, with outputs that differ by at most {tolerance}.", claim.subject.model.display())
        }
        _ => "See the property.".to_owned(),
    }
}

/// `At least 60 %`, as the property says.
fn share(property: &Property) -> String {
    match threshold(property) {
        Some((words, share)) => format!("{} {} %", capital(words), percent(share)),
        None => "A share".to_owned(),
    }
}

/// The side and the share of a property that names them.
fn threshold(property: &Property) -> Option<(&'static str, f64)> {
    match property {
        Property::Rate { at_least: Some(share), .. } | Property::Bound { at_least: Some(share), .. } => Some(("at least", *share)),
        Property::Rate { at_most: Some(share), .. } | Property::Bound { at_most: Some(share), .. } => Some(("at most", *share)),
        _ => None,
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A percentage without the noise of binary fractions.
fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

/// The end of a sentence about samples that get the right answer, where they are attacked.
fn under(claim: &Claim) -> String {
    if is_attacked(claim) { format!(" and {}", kept(claim)) } else { String::new() }
}

/// `keep it as long as no value changes by more than 8/255`.
fn kept(claim: &Claim) -> String {
    let many = !matches!(claim.property, Property::Forall { .. });
    let target = claim.threat.as_ref().and_then(|threat| threat.threat.target.as_ref());
    let verb = match (target, many) {
        (None, true) => "keep it".to_owned(),
        (None, false) => "keeps it".to_owned(),
        (Some(target), true) => format!("are not turned into class {target}"),
        (Some(target), false) => format!("is not turned into class {target}"),
    };
    format!("{verb} as long as {}", change(claim))
}

fn change(claim: &Claim) -> String {
    let Some(threat) = claim.threat.as_ref().map(|threat| &threat.threat) else { return "nothing changes".to_owned() };
    let eps = threat.eps.text();
    // On tables a change is measured in units of the features.
    let ruled = !threat.feature.is_empty() || threat.unit.is_some() || claim.subject.scale == Some(Scale::Data);
    let what = match (threat.norm, ruled) {
        (Norm::Linf, true) => format!("no feature changes by more than {eps} of its unit"),
        (Norm::L0, true) => format!("at most {eps} features change"),
        (norm, true) => format!("the {} norm of the change, in units of the features, is at most {eps}", length(norm)),
        (Norm::Linf, false) => format!("no value changes by more than {eps}"),
        (Norm::L0, false) => format!("at most {eps} values change"),
        (norm, false) => format!("the {} norm of the change is at most {eps}", length(norm)),
    };
    if ruled { format!("{what} and every feature keeps its rules") } else { what }
}

fn length(norm: Norm) -> &'static str {
    if norm == Norm::L1 { "L1" } else { "L2" }
}

/// A share in a sentence of the user's own that the property contradicts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contradiction {
    /// The words in the sentence, such as `at least 60 %`.
    pub(super) said: String,
    /// The words that the property would give.
    pub(super) meant: String,
}

/// Finds a share in the claim's sentence that is not the one of its property, where the property names one.
pub(super) fn contradiction(claim: &Claim) -> Option<Contradiction> {
    let (side, share) = threshold(&claim.property)?;
    let said = shares(&claim.statement, side);
    let meant = percent(share);
    let agrees = said.iter().any(|said| (said - meant).abs() < 1e-6);
    let wrong = said.first().filter(|_| !agrees)?;
    Some(Contradiction { said: format!("{side} {wrong} %"), meant: format!("{side} {meant} %") })
}

/// The percentages that follow `side` in a sentence.
fn shares(text: &str, side: &str) -> Vec<f64> {
    let lower = text.to_lowercase().replace('\u{a0}', " ");
    let after = lower.match_indices(side).filter_map(|(at, words)| lower.get(at + words.len()..));
    after.filter_map(percentage).collect()
}

/// Reads `60 %`, `60%`, `60 percent` or `60 per cent` at the start of a text.
fn percentage(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let rest = rest.trim_start();
    let marked = ["%", "percent", "per cent"].iter().any(|mark| rest.starts_with(mark));
    number.parse().ok().filter(|_| marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(property: &str, threat: &str, statement: &str) -> Claim {
        let text = format!(
            "id = \"a\"\nstatement = {statement:?}\nsubject = {{ model = \"m.onnx\" }}\npopulation = {{ data = \"x.npy\" }}\n{threat}\nproperty = {property}"
        );
        toml::from_str(&text).unwrap()
    }

    const THREAT: &str = "threat = { norm = \"linf\", eps = \"8/255\" }";

    #[test]
    fn the_sentence_follows_from_property_and_threat() {
        for (property, threat, expected) in [
            (
                "{ kind = \"rate\", at_least = 0.6 }",
                THREAT,
                "At least 60 % of the inputs get the right answer and keep it as long as no value changes by more than 8/255.",
            ),
            (
                "{ kind = \"rate\", at_most = 0.07 }",
                "threat = { norm = \"l2\", eps = \"0.5\", target = \"toaster\" }",
                "At most 7 % of the inputs get the right answer and are not turned into class toaster as long as the L2 norm of the change is at most 0.5.",
            ),
            (
                "{ kind = \"forall\", among = \"correct\" }",
                "threat = { norm = \"l0\", eps = 3 }",
                "Every sample that gets the right answer keeps it as long as at most 3 values change.",
            ),
            (
                "{ kind = \"forall\" }",
                "threat = { norm = \"linf\", eps = 0.1, unit = \"range\" }",
                "Every sample gets the right answer and keeps it as long as no feature changes by more than 0.1 of its unit and every feature keeps its rules.",
            ),
            (
                "{ kind = \"bound\", quantity = \"clean_accuracy\", at_least = 0.9 }",
                "",
                "At least 90 % of the inputs get the right answer.",
            ),
            (
                "{ kind = \"bound\", quantity = \"non_finite_rate\", at_most = 0 }",
                "",
                "At most 0 % of the inputs get an answer that is not a finite number.",
            ),
            (
                "{ kind = \"equal\", other = \"n.onnx\", sha256 = \"\", tolerance = 0.001 }",
                "",
                "n.onnx gives the same answers as m.onnx, with outputs that differ by at most 0.001.",
            ),
        ] {
            assert_eq!(statement(&claim(property, threat, "x")), expected);
        }
    }

    #[test]
    fn a_share_in_the_sentence_is_compared_with_the_property() {
        let rate = "{ kind = \"rate\", at_least = 0.7 }";
        let found = |statement: &str| contradiction(&claim(rate, THREAT, statement));
        assert_eq!(found("At least 70 % stay right if pixels change by at most 3 %."), None);
        assert_eq!(found("At least 70% of all."), None);
        assert_eq!(found("Seven in ten stay right."), None);
        let wrong = found("At least 60 % of all stay right.").unwrap();
        assert_eq!((wrong.said.as_str(), wrong.meant.as_str()), ("at least 60 %", "at least 70 %"));
        assert!(found("At least 60 percent of all stay right.").is_some());
        // A sentence made of the property agrees with it.
        for at_least in ["0.07", "0.29", "0.5716", "1"] {
            let mut claim = claim(&format!("{{ kind = \"rate\", at_least = {at_least} }}"), THREAT, "x");
            claim.statement = statement(&claim);
            assert_eq!(contradiction(&claim), None, "{}", claim.statement);
        }
    }
}
