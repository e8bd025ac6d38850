//! What is right about samples, and what the model says of them, as arrays of an .npz file.

use brinell_data::{NamedArray, Numbers, npz};
use brinell_record::Label;
use brinell_subject::Case;

/// Returns what is right about these samples: the array `label`, and for pairs the inputs of their references, `reference`.
pub(crate) fn of(case: &Case, samples: &[usize]) -> Vec<NamedArray> {
    let labels: Vec<Option<Label>> = samples.iter().map(|&sample| Some(case.label(sample))).collect();
    let mut facts = vec![array("label", &labels)];
    let references: Vec<Vec<f32>> = samples.iter().filter_map(|&sample| case.data.reference(sample, case.scale)).collect();
    if references.len() == samples.len() && !samples.is_empty() {
        let shape = std::iter::once(samples.len()).chain(case.data.shape.iter().copied()).collect();
        let values = references.concat().into_iter().map(f64::from).collect();
        facts.push(NamedArray { name: "reference".to_owned(), shape, numbers: Numbers::Real(values) });
    }
    facts
}

/// Returns an array with one row for each label: the class, -1 where there is none; zeros and ones; the numbers; 1 for the same.
pub(crate) fn array(name: &str, labels: &[Option<Label>]) -> NamedArray {
    let rows = |width: usize, numbers| NamedArray { name: name.to_owned(), shape: vec![labels.len(), width], numbers };
    match labels.iter().flatten().next() {
        Some(Label::Labels { labels: first }) => {
            let row = |label: &Option<Label>| match label {
                Some(Label::Labels { labels }) => labels.iter().map(|&applies| i64::from(applies)).collect(),
                _ => vec![-1; first.len()],
            };
            rows(first.len(), Numbers::Whole(labels.iter().flat_map(row).collect()))
        }
        Some(Label::Values { values: first }) => {
            let row = |label: &Option<Label>| match label {
                Some(Label::Values { values }) => values.clone(),
                _ => vec![f64::NAN; first.len()],
            };
            rows(first.len(), Numbers::Real(labels.iter().flat_map(row).collect()))
        }
        _ => {
            let number = |label: &Option<Label>| match label {
                Some(Label::Class(class)) => i64::try_from(*class).unwrap_or(-1),
                Some(Label::Pair { same, .. }) => i64::from(*same),
                _ => -1,
            };
            npz::column(name, labels.iter().map(number).collect())
        }
    }
}
