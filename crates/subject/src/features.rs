//! Rules about the features of a table: from the settings file to the threat model, and from there to the record and back.

use brinell_engine::ValueKind;
use brinell_threat::{Ball, Change, Feature, Features, InputBox, Norm, Values};

pub use brinell_record::{ChangeRule, Column, FeatureRule, Unit};

use crate::SubjectError;
use crate::case::input_box;
use brinell_data::{Dataset, Moments, Pixels, Scale};

/// Returns the rules of all features of `data`; `None` where nothing was said that the box of the scale does not say.
///
/// Ranges that are not given are those of the scale, with [`Scale::Data`] of the values in the data; the unit is the range with [`Scale::Data`],
/// else 1. The deviation is that of the population, in f64. A feature that never varies has the unit 1. `whole` is asked for ranges and deviations
/// of the data, where they are needed: those of every sample, of which `data` may hold the first only. `kind` says what the value in each place is to the
/// model: whole numbers lead to whole numbers alone where no rule says otherwise and their range has one; texts, and numbers that are names, are not changed
/// unless a rule says so, and then to one of those in the data.
///
/// # Errors
/// [`SubjectError::Feature`] names the column and what is wrong with it; those of `whole`.
pub fn features(
    asked: &Asked<'_>,
    data: &Dataset,
    kind: &dyn Fn(usize) -> ValueKind,
    whole: impl FnOnce() -> Result<Moments, SubjectError>,
) -> Result<Option<Features>, SubjectError> {
    let &Asked { rules, unit, scale, norm } = asked;
    let d = data.sample_len();
    let has_names = (0..d).any(|index| is_name(kind(index)));
    // Only rules keep what is missing, and names, as they are.
    if rules.is_empty() && unit.is_none() && scale != Scale::Data && !data.has_missing() && !has_names {
        return Ok(None);
    }
    let bounds = input_box(scale)?;
    let default = unit.unwrap_or(if scale == Scale::Data { Unit::Range } else { Unit::Absolute });
    let columns = if scale == Scale::Data || default == Unit::Deviation { Some(whole()?) } else { None };
    let range = |index: usize| match &columns {
        Some(columns) if scale == Scale::Data => columns.range(index),
        _ => (bounds.lo(), bounds.hi()),
    };
    let deviation = |index: usize| {
        let stored = columns.as_ref().map_or(0.0, |columns| columns.deviation(index));
        match (scale, &data.pixels) {
            (Scale::Unit, Pixels::U8(_)) => stored / 255.0,
            (Scale::Range { lo, hi }, Pixels::U8(_)) => stored / 255.0 * (f64::from(hi) - f64::from(lo)),
            _ => stored,
        }
    };
    let mut list: Vec<Feature> = (0..d)
        .map(|index| {
            let (lo, hi) = range(index);
            let whole = if lo.ceil() <= hi.floor() { Values::Whole } else { Values::Real };
            let free = |values| Feature { lo, hi, unit: 0.0, values, change: Change::Any, keep: Vec::new() };
            match kind(index) {
                ValueKind::Real => free(Values::Real),
                ValueKind::Whole => free(whole),
                ValueKind::Named => named(distinct(data, index)),
                ValueKind::Text(count) => named((0..count).map(|place| place as f32).collect()),
            }
        })
        .collect();
    let mut given = vec![None; d];
    let mut one_hot = Vec::new();
    for rule in rules {
        let places = places(rule, data, d)?;
        for &index in &places {
            check_name(rule, kind(index), norm).map_err(|reason| {
                let column = data.columns.get(index).map_or_else(|| index.to_string(), Clone::clone);
                SubjectError::Feature { column, reason: reason.to_owned() }
            })?;
            if let (Some(feature), Some(given)) = (list.get_mut(index), given.get_mut(index)) {
                apply(rule, feature);
                *given = rule.unit.or(*given);
            }
        }
        if rule.one_hot {
            one_hot.push(places);
        }
    }
    for (index, (feature, given)) in list.iter_mut().zip(&given).enumerate() {
        let by_default = match default {
            _ if is_name(kind(index)) => 1.0,
            Unit::Range => f64::from(feature.hi) - f64::from(feature.lo),
            Unit::Deviation => deviation(index),
            Unit::Absolute => 1.0,
        };
        feature.unit = given.unwrap_or(if by_default > 0.0 { by_default } else { 1.0 });
    }
    let name = |index: usize| data.columns.get(index).map_or_else(|| index.to_string(), Clone::clone);
    Features::new(list, one_hot).map(Some).map_err(|error| match error {
        brinell_threat::ThreatError::BadFeature { index, reason } => {
            SubjectError::Feature { column: name(index), reason: reason.to_owned() }
        }
        other => other.into(),
    })
}

/// What is asked of the features as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Rules of single features, the later ones above the earlier.
    pub rules: &'a [FeatureRule],
    /// What a change of 1 is.
    pub unit: Option<Unit>,
    /// Range of the values.
    pub scale: Scale,
    /// The norm in which changes are counted.
    pub norm: Norm,
}

/// True where how far two values lie apart means nothing.
fn is_name(kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Named | ValueKind::Text(_))
}

/// A feature whose values are names: it stays as it is.
fn named(values: Vec<f32>) -> Feature {
    let (lo, hi) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    let values = if values.is_empty() { vec![0.0] } else { values };
    Feature { lo, hi, unit: 1.0, values: Values::OneOf(values), change: Change::None, keep: Vec::new() }
}

/// The values that samples have in a place, ascending.
fn distinct(data: &Dataset, index: usize) -> Vec<f32> {
    let mut x = vec![0.0; data.sample_len()];
    let mut values: Vec<f32> = data
        .samples()
        .filter_map(|sample| {
            data.sample(sample, Scale::Data, &mut x);
            x.get(index).copied().filter(|value| value.is_finite())
        })
        .collect();
    values.sort_by(f32::total_cmp);
    values.dedup();
    values
}

/// Says what a rule cannot mean for a feature whose values are names.
fn check_name(rule: &FeatureRule, kind: ValueKind, norm: Norm) -> Result<(), &'static str> {
    match kind {
        _ if !is_name(kind) => Ok(()),
        ValueKind::Text(count)
            if rule.integer.is_some() || rule.one_hot || !numbers(rule).all(|v| v.fract() == 0.0 && (0.0..count as f32).contains(&v)) =>
        {
            Err("it is text, so its allowed values are those in the data")
        }
        _ if !matches!(rule.change, None | Some(ChangeRule::None | ChangeRule::Any)) => Err("its values are names, so they have no order"),
        _ if rule.change == Some(ChangeRule::Any) && norm != Norm::L0 => {
            Err("its values are names, and only the norm l0 can measure a change of names")
        }
        _ => Ok(()),
    }
}

/// The numbers that a rule names.
fn numbers(rule: &FeatureRule) -> impl Iterator<Item = f32> {
    rule.values.iter().flatten().chain(rule.min.iter()).chain(rule.max.iter()).copied()
}

/// Puts rules into a ball; its box becomes the smallest that holds all ranges.
///
/// # Errors
/// [`SubjectError::Threat`] where no feature has a range.
pub fn constrain(ball: &mut Ball, features: Features) -> Result<(), SubjectError> {
    let lo = features.list().iter().map(|feature| feature.lo).fold(f32::INFINITY, f32::min);
    let hi = features.list().iter().map(|feature| feature.hi).fold(f32::NEG_INFINITY, f32::max);
    ball.bounds = InputBox::new(lo, hi)?;
    ball.features = Some(std::sync::Arc::new(features));
    Ok(())
}

/// Puts what a rule says of a feature into it.
fn apply(rule: &FeatureRule, feature: &mut Feature) {
    feature.lo = rule.min.unwrap_or(feature.lo);
    feature.hi = rule.max.unwrap_or(feature.hi);
    if rule.one_hot {
        (feature.lo, feature.hi) = (0.0, 1.0);
        feature.values = Values::OneOf(vec![0.0, 1.0]);
    }
    match (rule.integer, &rule.values) {
        (_, Some(values)) => {
            let mut values = values.clone();
            values.sort_by(f32::total_cmp);
            feature.lo = rule.min.or(values.first().copied()).unwrap_or(feature.lo);
            feature.hi = rule.max.or(values.last().copied()).unwrap_or(feature.hi);
            feature.values = Values::OneOf(values);
        }
        (Some(true), None) => feature.values = Values::Whole,
        (Some(false), None) => feature.values = Values::Real,
        (None, None) => {}
    }
    feature.change = rule.change.map_or(feature.change, direction);
    if let Some(keep) = &rule.keep {
        feature.keep.clone_from(keep);
    }
}

fn direction(rule: ChangeRule) -> Change {
    match rule {
        ChangeRule::Any => Change::Any,
        ChangeRule::Increase => Change::Increase,
        ChangeRule::Decrease => Change::Decrease,
        ChangeRule::None => Change::None,
    }
}

/// Places of the rule's columns, in the order named.
fn places(rule: &FeatureRule, data: &Dataset, d: usize) -> Result<Vec<usize>, SubjectError> {
    let unknown = |column: String, reason: String| SubjectError::Feature { column, reason };
    if rule.columns.is_empty() {
        return Err(unknown("?".to_owned(), "a [[feature]] needs `columns`, a list of names or numbers".to_owned()));
    }
    let mut places = Vec::new();
    for column in &rule.columns {
        let found: Vec<usize> = match column {
            Column::Number(number) => (*number < d).then_some(*number).into_iter().collect(),
            // All there are, whether they have names or not.
            Column::Name(name) if name == "*" => (0..d).collect(),
            Column::Name(name) => {
                let fits = |other: &str| match name.strip_suffix('*') {
                    Some(start) => other.starts_with(start),
                    None => other == name,
                };
                (0..data.columns.len()).filter(|&index| data.columns.get(index).is_some_and(|other| fits(other))).collect()
            }
        };
        if found.is_empty() {
            let (text, known) = match column {
                Column::Number(number) => (number.to_string(), format!("the data have features 0 to {}", d.saturating_sub(1))),
                Column::Name(name) if data.columns.is_empty() => {
                    (name.clone(), "the data have no header, so features are given by number, from 0".to_owned())
                }
                Column::Name(name) => (name.clone(), format!("the data's features are {}", data.columns.join(", "))),
            };
            return Err(unknown(text, format!("this feature does not exist; {known}")));
        }
        places.extend(found);
    }
    Ok(places)
}

/// Returns the rules as they stand in a record.
#[must_use]
pub fn to_record(features: &Features, names: &[String]) -> brinell_record::Features {
    let word = |change: Change| match change {
        Change::Any => ChangeRule::Any,
        Change::Increase => ChangeRule::Increase,
        Change::Decrease => ChangeRule::Decrease,
        Change::None => ChangeRule::None,
    };
    let feature = |(index, feature): (usize, &Feature)| brinell_record::Feature {
        name: names.get(index).cloned(),
        min: feature.lo,
        max: feature.hi,
        unit: feature.unit,
        integer: feature.values == Values::Whole,
        values: match &feature.values {
            Values::OneOf(values) => values.clone(),
            Values::Real | Values::Whole => Vec::new(),
        },
        change: word(feature.change),
        keep: feature.keep.clone(),
    };
    brinell_record::Features { columns: features.list().iter().enumerate().map(feature).collect(), one_hot: features.one_hot().to_vec() }
}

/// Returns the rules that a record holds.
///
/// # Errors
/// [`SubjectError::Threat`] where they are none.
pub fn of_record(record: &brinell_record::Features) -> Result<Features, SubjectError> {
    let feature = |feature: &brinell_record::Feature| Feature {
        lo: feature.min,
        hi: feature.max,
        unit: feature.unit,
        values: match (feature.integer, feature.values.is_empty()) {
            (true, _) => Values::Whole,
            (false, true) => Values::Real,
            (false, false) => Values::OneOf(feature.values.clone()),
        },
        change: direction(feature.change),
        keep: feature.keep.clone(),
    };
    Ok(Features::new(record.columns.iter().map(feature).collect(), record.one_hot.clone())?)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn data() -> Dataset {
        Dataset {
            path: "table.csv".into(),
            label_path: None,
            pixels: Pixels::F32(vec![1.0, 10.0, 0.0, 1.0, 3.0, 30.0, 1.0, 0.0]),
            exact: Vec::new(),
            shape: vec![4],
            labels: vec![0, 1],
            truths: brinell_data::Truths::Classes,
            n: 2,
            total: 2,
            rows: Vec::new(),
            format: "csv",
            class_names: None,
            ids: Vec::new(),
            columns: ["age", "pay", "is_a", "is_b"].map(str::to_owned).to_vec(),
            resized: 0,
            arrays: Vec::new(),
            notes: Vec::new(),
            sha256: String::new(),
        }
    }

    fn rules(text: &str) -> Vec<FeatureRule> {
        #[derive(Deserialize)]
        struct File {
            feature: Vec<FeatureRule>,
        }
        toml::from_str::<File>(text).unwrap().feature
    }

    fn of(rules: &[FeatureRule], unit: Option<Unit>, scale: Scale) -> Result<Option<Features>, SubjectError> {
        let asked = Asked { rules, unit, scale, norm: Norm::Linf };
        features(&asked, &data(), &|_| ValueKind::Real, || Ok(Moments::of(&data())))
    }

    #[test]
    fn ranges_and_units_are_those_of_the_data_unless_given() {
        let found = of(&[], None, Scale::Data).unwrap().unwrap();
        assert_eq!((found.list()[1].lo, found.list()[1].hi, found.list()[1].unit), (10.0, 30.0, 20.0));
        let found = of(&[], Some(Unit::Deviation), Scale::Data).unwrap().unwrap();
        assert_eq!((found.list()[0].unit, found.list()[1].unit), (1.0, 10.0));
        assert_eq!(of(&[], None, Scale::Unit).unwrap(), None);
        let text = "[[feature]]\ncolumns = [\"age\", 1]\nmin = 0\nmax = 100\ninteger = true\n[[feature]]\ncolumns = [\"pay\"]\nchange = \"increase\"\nunit = 5\n[[feature]]\ncolumns = [\"is_*\"]\none-hot = true\n";
        let found = of(&rules(text), None, Scale::Data).unwrap().unwrap();
        assert_eq!((&found.list()[0].values, found.list()[0].unit), (&Values::Whole, 100.0));
        assert_eq!((&found.list()[1].values, found.list()[1].unit, found.list()[1].change), (&Values::Whole, 5.0, Change::Increase));
        assert_eq!(found.one_hot(), [vec![2, 3]]);
        assert_eq!(of_record(&to_record(&found, &data().columns)).unwrap(), found);
    }

    #[test]
    fn what_no_rule_can_mean_is_named() {
        for (text, expected) in [
            ("[[feature]]\ncolumns = [\"weight\"]", "`weight`: this feature does not exist; the data's features are age, pay"),
            ("[[feature]]\ncolumns = [7]", "`7`: this feature does not exist; the data have features 0 to 3"),
            ("[[feature]]\nmin = 3", "needs `columns`"),
            ("[[feature]]\ncolumns = [\"age\"]\nmin = 5", "`age`: its range must have"),
            ("[[feature]]\ncolumns = [\"is_a\"]\none-hot = true", "`is_a`: a one-hot group needs at least two"),
        ] {
            let error = of(&rules(text), None, Scale::Data).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
