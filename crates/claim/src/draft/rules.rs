//! The rules of a record as they are written in a claim.

use std::fmt::Write;

use brinell_record::{ChangeRule, Feature, Features};

use super::quoted;

/// Returns a table a line, for an array `feature` of a claim: features with the same rules share one, and so do those of a one-hot group.
///
/// # Guarantees
/// Read back against the same features, the lines give the very same rules: nothing is left to ranges of data.
pub(super) fn list(features: &Features) -> String {
    let in_group = |index: &usize| features.one_hot.iter().any(|group| group.contains(index));
    let mut out = String::new();
    // What a one-hot group says of its features comes first, since what follows overrides it.
    for group in &features.one_hot {
        let _ = writeln!(out, "    {{ columns = [{}], one-hot = true }},", columns(features, group));
    }
    let mut told: Vec<(Rule, Vec<usize>)> = Vec::new();
    for (index, feature) in features.columns.iter().enumerate() {
        let rule = Rule::of(feature, in_group(&index));
        match told.iter_mut().find(|(other, _)| *other == rule) {
            Some((_, places)) => places.push(index),
            None => told.push((rule, vec![index])),
        }
    }
    for (Rule(rule), places) in told {
        let _ = writeln!(out, "    {{ columns = [{}], {rule} }},", columns(features, &places));
    }
    out
}

/// What is said of a feature, as text.
#[derive(PartialEq)]
struct Rule(String);

impl Rule {
    fn of(feature: &Feature, in_group: bool) -> Self {
        let mut rule = format!("min = {}, max = {}, unit = {:?}", single(feature.min), single(feature.max), feature.unit);
        // 0 and 1 are said by the group.
        let of_group = in_group && feature.values == [0.0, 1.0];
        if in_group && feature.values.is_empty() && !feature.integer {
            rule.push_str(", integer = false");
        }
        if !of_group && !feature.values.is_empty() {
            let _ = write!(rule, ", values = [{}]", numbers(&feature.values));
        }
        if !feature.keep.is_empty() {
            let _ = write!(rule, ", keep = [{}]", numbers(&feature.keep));
        }
        if feature.integer {
            rule.push_str(", integer = true");
        }
        if feature.change != ChangeRule::Any {
            let _ = write!(rule, ", change = {}", quoted(feature.change.name()));
        }
        Self(rule)
    }
}

fn numbers(values: &[f32]) -> String {
    values.iter().map(|&value| single(value)).collect::<Vec<_>>().join(", ")
}

/// Names of features, or their numbers where a name would not say which is meant.
fn columns(features: &Features, places: &[usize]) -> String {
    let name = |&index: &usize| {
        let name = features.columns.get(index).and_then(|feature| feature.name.as_deref());
        let alone = |name: &&str| features.columns.iter().filter(|feature| feature.name.as_deref() == Some(name)).count() == 1;
        name.filter(|name| !name.ends_with('*')).filter(alone).map_or_else(|| index.to_string(), quoted)
    };
    places.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A number in single precision with the fewest digits that a reader through double precision makes the same number of.
fn single(value: f32) -> String {
    let short = format!("{value:?}");
    let same = short.parse::<f64>().is_ok_and(|wide| (wide as f32).to_bits() == value.to_bits());
    if same { short } else { format!("{:?}", f64::from(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_data::{Dataset, Pixels, Scale};
    use brinell_engine::ValueKind;
    use brinell_subject::features::{Asked, FeatureRule, features, of_record, to_record};
    use brinell_threat::Norm;

    #[derive(serde::Deserialize)]
    struct File {
        feature: Vec<FeatureRule>,
    }

    #[test]
    fn what_is_written_means_the_very_same() {
        let names: Vec<String> = ["age", "pay", "a*", "is_a", "is_b", "kind"].map(str::to_owned).to_vec();
        let data = |rows: &[f32]| Dataset {
            path: "table.csv".into(),
            label_path: None,
            pixels: Pixels::F32(rows.to_vec()),
            exact: Vec::new(),
            shape: vec![6],
            labels: vec![0; rows.len() / 6],
            truths: brinell_data::Truths::Classes,
            n: rows.len() / 6,
            total: rows.len() / 6,
            rows: Vec::new(),
            format: "csv",
            class_names: None,
            ids: Vec::new(),
            columns: names.clone(),
            resized: 0,
            arrays: Vec::new(),
            notes: Vec::new(),
            sha256: String::new(),
        };
        let first = data(&[17.0, 0.1, -1e-7, 1.0, 0.0, 3.0, 90.5, 1.0 / 3.0, 16_777_216.0, 0.0, 1.0, 5.0]);
        let asked = r#"
            [[feature]]
            columns = ["is_*"]
            one-hot = true
            unit = 20
            [[feature]]
            columns = ["is_b"]
            change = "decrease"
            [[feature]]
            columns = ["kind"]
            values = [7, 0.2, 3]
            [[feature]]
            columns = ["age"]
            integer = true
            keep = [18, 0.1]
            max = 120
            change = "increase"
        "#;
        let asked: File = toml::from_str(asked).unwrap();
        let whole = |data: &Dataset| brinell_data::Moments::of(data);
        fn of(rules: &[FeatureRule]) -> Asked<'_> {
            Asked { rules, unit: None, scale: Scale::Data, norm: Norm::Linf }
        }
        let rules = features(&of(&asked.feature), &first, &|_| ValueKind::Real, || Ok(whole(&first))).unwrap().unwrap();
        let text = format!("feature = [\n{}]", list(&to_record(&rules, &names)));
        let read: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        // Other data, with other ranges: nothing comes from them.
        let other = data(&[0.0; 6]);
        let again = features(&of(&read.feature), &other, &|_| ValueKind::Real, || Ok(whole(&other))).unwrap().unwrap();
        assert_eq!(again, rules, "{text}");
        assert_eq!(of_record(&to_record(&again, &names)).unwrap(), rules);
    }
}
