//! What each column of a table is: a feature, the labels, an input of its own, or nothing that the model takes.

use super::csv::Header;
use super::error::DataErrorKind;
use super::note::Note;
use super::options::LoadOptions;
use super::truths::TruthKind;

/// The columns of a table by what they are.
pub(super) struct Columns {
    /// The column of labels; `None` where they stand in a file of their own.
    pub(super) label: Option<usize>,
    /// The columns of numbers that are right about a sample, where it has no class.
    pub(super) truths: Vec<usize>,
    /// The values of a sample, in the model's order.
    pub(super) features: Vec<usize>,
    /// Columns that are inputs of their own, in the order in which they were asked for.
    pub(super) arrays: Vec<usize>,
    pub(super) notes: Vec<Note>,
}

impl Columns {
    /// Tells what the columns are.
    ///
    /// # Errors
    /// A column that was asked for is not there, or none is named as one of labels.
    pub(super) fn of(header: &Header, options: &LoadOptions) -> Result<Self, DataErrorKind> {
        let file = options.labels.as_ref().is_some_and(|labels| labels.is_file());
        let truths = match (&options.labels, options.truth) {
            (_, TruthKind::Classes | TruthKind::Pairs) => Vec::new(),
            _ if file => Vec::new(),
            (Some(asked), _) => asked.to_string_lossy().split(',').map(|name| header.column(name.trim())).collect::<Result<_, _>>()?,
            (None, _) => vec![header.label_column()?],
        };
        let label = match &options.labels {
            _ if options.truth != TruthKind::Classes => None,
            Some(file) if file.is_file() => None,
            Some(asked) => Some(header.column(&asked.to_string_lossy())?),
            None => Some(header.label_column()?),
        };
        let dropped = options.drop.iter().map(|name| header.column(name)).collect::<Result<Vec<_>, _>>()?;
        let arrays = options.arrays.iter().map(|name| header.column(name)).collect::<Result<Vec<_>, _>>()?;
        let free: Vec<usize> = (0..header.columns.len())
            .filter(|place| Some(*place) != label && !truths.contains(place) && !dropped.contains(place) && !arrays.contains(place))
            .collect();
        let mut columns = Self { label, truths, features: free.clone(), arrays, notes: Vec::new() };
        let name = |place: &usize| header.columns.get(*place).cloned().unwrap_or_default();
        let by_name = |wanted: &str| free.iter().copied().find(|place| header.named && name(place) == wanted);
        let known = options.features.as_deref().map(|names| names.iter().map(|wanted| by_name(wanted)).collect::<Option<Vec<_>>>());
        if let Some(Some(ordered)) = known {
            columns.take(ordered, &free, &name);
        } else if let Some(own) = options.input.as_deref().filter(|_| !options.arrays.is_empty()).and_then(by_name) {
            columns.take(vec![own], &free, &name);
        } else {
            let is_index = |place: &usize| header.named && is_index(&name(place), *place);
            let rest: Vec<usize> = free.iter().copied().filter(|place| !is_index(place)).collect();
            // A model may have been trained with the numbers of rows among its features.
            if rest.len() < free.len() && (options.width != Some(free.len()) || options.width == Some(rest.len())) {
                columns.notes.push(Note::Index { columns: free.iter().filter(|place| is_index(place)).map(name).collect() });
                columns.features = rest;
            }
        }
        Ok(columns)
    }

    /// Makes these columns the features; what is left of the `free` ones is not used.
    fn take(&mut self, features: Vec<usize>, free: &[usize], name: &dyn Fn(&usize) -> String) {
        let unused: Vec<usize> = free.iter().copied().filter(|place| !features.contains(place)).collect();
        let (index, others): (Vec<usize>, Vec<usize>) = unused.into_iter().partition(|place| is_index(&name(place), *place));
        if !index.is_empty() {
            self.notes.push(Note::Index { columns: index.iter().map(name).collect() });
        }
        if !others.is_empty() {
            self.notes.push(Note::Unused { columns: others.iter().map(name).collect() });
        }
        if !features.is_sorted() {
            self.notes.push(Note::Reordered);
        }
        self.features = features;
    }
}

/// True for the names that pandas gives the numbers of rows: in Parquet files, in text, and in text that was read and written once more.
fn is_index(name: &str, place: usize) -> bool {
    let numbered = |start: &str| name.strip_prefix(start).is_some_and(|rest| rest.trim_end_matches('_').parse::<usize>().is_ok());
    (name.is_empty() && place == 0) || numbered("__index_level_") || (name.starts_with("Unnamed: 0") && place == 0)
}

#[cfg(test)]
mod tests {
    use super::super::cell::Decimal;
    use super::*;

    fn of(names: &[&str], options: &LoadOptions) -> Columns {
        let columns = names.iter().map(|name| (*name).to_owned()).collect();
        Columns::of(&Header { columns, named: true, decimal: Decimal::Unknown, notes: Vec::new() }, options).unwrap()
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn numbers_of_rows_are_no_features_unless_the_model_counts_them() {
        let plain = LoadOptions::default();
        for names in [["", "a", "b", "label"], ["Unnamed: 0", "a", "b", "label"], ["__index_level_0__", "a", "b", "label"]] {
            let found = of(&names, &plain);
            assert_eq!((found.features, found.notes), (vec![1, 2], vec![Note::Index { columns: strings(&names[..1]) }]));
            assert_eq!(of(&names, &LoadOptions { width: Some(3), ..plain.clone() }).features, [0, 1, 2]);
        }
        assert_eq!(of(&["index", "a", "label"], &plain).features, [0, 1]);
        assert_eq!(of(&["index", "a", "label"], &LoadOptions { drop: strings(&["index"]), ..plain }).features, [1]);
    }

    #[test]
    fn columns_are_matched_to_the_models_names() {
        let options = LoadOptions { features: Some(strings(&["a", "b"])), ..LoadOptions::default() };
        let found = of(&["b", "extra", "a", "label"], &options);
        assert_eq!(found.features, [2, 0]);
        assert_eq!(found.notes, [Note::Unused { columns: strings(&["extra"]) }, Note::Reordered]);
        // Where a name is missing, the names of the table are others than the model's, and their order has to do.
        assert_eq!(of(&["b", "c", "label"], &options).features, [0, 1]);
    }

    #[test]
    fn inputs_of_their_own_are_columns_of_their_names() {
        let options = LoadOptions { input: Some("age".to_owned()), arrays: strings(&["city"]), ..LoadOptions::default() };
        let found = of(&["age", "city", "pay", "label"], &options);
        assert_eq!((found.features, found.arrays, found.notes), (vec![0], vec![1], vec![Note::Unused { columns: strings(&["pay"]) }]));
        let found = of(&["x", "city", "pay", "label"], &options);
        assert_eq!((found.features, found.arrays), (vec![0, 2], vec![1]));
    }
}
