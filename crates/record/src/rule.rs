//! Rules of features as they are written, in a settings file or in a claim.

use serde::{Deserialize, Serialize};

use crate::question::words;

/// What a change of 1 is, in distances and eps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// The range of the feature.
    Range,
    /// The standard deviation of the feature in the data.
    Deviation,
    /// The number 1.
    Absolute,
}

words!(Unit, "unit", Range = "range", Deviation = "std", Absolute = "absolute");

/// A column by its name in the header, or by its number from 0; a name may end in `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Name, or what names begin with before a `*`; `*` alone means all features.
    Name(String),
    /// Number among the features, labels left out.
    Number(usize),
}

/// Directions in which features may be changed, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ChangeRule {
    Any,
    Increase,
    Decrease,
    None,
}

words!(ChangeRule, "change", Any = "any", Increase = "increase", Decrease = "decrease", None = "none");

/// One `[[feature]]`; a later one overrides what it names.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `columns` | | the features that the rule is about |
/// | `min`, `max` | the range of `scale` | smallest and largest value that a change may lead to |
/// | `unit` | that of all | the change that counts as 1 |
/// | `integer` | false | changes lead to whole numbers |
/// | `values` | any | changes lead to one of these numbers |
/// | `change` | any | `increase`, `decrease` or `none` allow only that |
/// | `keep` | none | values that are not changed where they stand, and that no change leads to: padding, marks of beginning and end |
/// | `one-hot` | false | exactly one of these features is 1, the others are 0 |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the table says it")]
pub struct FeatureRule {
    pub columns: Vec<Column>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Vec<f32>>,
    #[serde(alias = "one_hot", skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
}
