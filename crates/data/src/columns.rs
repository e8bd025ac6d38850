//! What each column of a table is: a feature, the labels, an input of its own, or nothing that the model takes.

use super::cell::Cell;
use super::csv::Header;
use super::error::DataErrorKind;
use super::note::Note;
use super::options::{ColumnInput, ColumnKind, LoadOptions};
use super::truths::TruthKind;

/// The columns of a table by what they are.
pub(super) struct Columns {
    /// The column of labels; `None` where they stand in a file of their own.
    pub(super) label: Option<usize>,
    /// The columns of numbers that are right about a sample, where it has no class.
    pub(super) truths: Vec<usize>,
    /// The values of a sample, in the model's order.
    pub(super) features: Vec<usize>,
    /// What stands in them.
    pub(super) kinds: Vec<ColumnKind>,
    /// Columns that are inputs of their own, in the order in which they were asked for.
    pub(super) arrays: Vec<usize>,
    pub(super) notes: Vec<Note>,
}

impl Columns {
    /// Tells what the columns are; `first` is the first row.
    ///
    /// # Errors
    /// A column that was asked for is not there, or none is named as one of labels.
    pub(super) fn of(header: &Header, first: &[Cell<'_>], options: &LoadOptions) -> Result<Self, DataErrorKind> {
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
        let is_feature = |name: &String| options.inputs.iter().any(|input| input.name == *name);
        let beside = options.arrays.iter().filter(|name| !is_feature(name));
        let arrays = beside.map(|name| header.column(name)).collect::<Result<Vec<_>, _>>()?;
        let free: Vec<usize> = (0..header.columns.len())
            .filter(|place| Some(*place) != label && !truths.contains(place) && !dropped.contains(place) && !arrays.contains(place))
            .collect();
        let mut columns = Self { label, truths, features: free.clone(), kinds: Vec::new(), arrays, notes: Vec::new() };
        let name = |place: &usize| header.columns.get(*place).cloned().unwrap_or_default();
        let is_index = |place: &usize| header.named && is_index(&name(place), *place);
        let by_name = |wanted: &str| free.iter().copied().find(|place| header.named && name(place) == wanted);
        let known = options.features.as_deref().map(|names| names.iter().map(|wanted| by_name(wanted)).collect::<Option<Vec<_>>>());
        if !options.inputs.is_empty() {
            let (features, kinds) = of_inputs(&options.inputs, &free, &by_name, &is_index).map_err(|missing| {
                let columns = free.iter().map(name).collect();
                DataErrorKind::NoInputColumn { missing, columns }
            })?;
            columns.take(features, &free, &name);
            columns.kinds = kinds;
            return Ok(columns);
        }
        if let Some(Some(ordered)) = known {
            columns.take(ordered, &free, &name);
        } else if let Some(own) = options.input.as_deref().filter(|_| !options.arrays.is_empty()).and_then(by_name) {
            columns.take(vec![own], &free, &name);
        } else {
            let rest: Vec<usize> = free.iter().copied().filter(|place| !is_index(place)).collect();
            // A model may have been trained with the numbers of rows among its features.
            let counted = options.width == Some(free.len()) && options.width != Some(rest.len());
            if rest.len() < free.len() && !counted {
                columns.notes.push(Note::Index { columns: free.iter().filter(|place| is_index(place)).map(name).collect() });
                columns.features = rest;
            }
            columns.leave_text_out(header, first, options.width);
        }
        columns.kinds = vec![ColumnKind::Numbers { precision: options.precision, missing: options.missing }; columns.features.len()];
        Ok(columns)
    }

    /// Returns what stands in the column of a feature.
    pub(super) fn kind(&self, index: usize) -> ColumnKind {
        self.kinds.get(index).copied().unwrap_or(ColumnKind::Text)
    }

    /// Leaves out columns whose first cell is text, where the model takes as many values as there are without them.
    fn leave_text_out(&mut self, header: &Header, first: &[Cell<'_>], width: Option<usize>) {
        let is_text = |place: &usize| first.get(*place).is_some_and(|cell| cell.number(header.decimal).is_err());
        let (texts, numbers): (Vec<usize>, Vec<usize>) = self.features.iter().copied().partition(is_text);
        if header.named && !texts.is_empty() && width == Some(numbers.len()) {
            let columns = texts.iter().filter_map(|&place| header.columns.get(place)).cloned().collect();
            self.notes.push(Note::Unused { columns });
            self.features = numbers;
        }
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

/// Returns the columns of several inputs, and what stands in each of them; the names of inputs that have none on failure.
fn of_inputs(
    inputs: &[ColumnInput],
    free: &[usize],
    by_name: &dyn Fn(&str) -> Option<usize>,
    is_index: &dyn Fn(&usize) -> bool,
) -> Result<(Vec<usize>, Vec<ColumnKind>), Vec<String>> {
    let own: Vec<Option<usize>> = inputs.iter().map(|input| if input.width == 1 { by_name(&input.name) } else { None }).collect();
    let rest: Vec<usize> = free.iter().copied().filter(|place| !own.contains(&Some(*place)) && !is_index(place)).collect();
    let takes_rest = |input: &ColumnInput| input.width > 1 && input.width == rest.len();
    let lacking = inputs.iter().zip(&own).filter(|(input, own)| own.is_none() && !takes_rest(input));
    let missing: Vec<String> = lacking.map(|(input, _)| input.name.clone()).collect();
    if !missing.is_empty() || inputs.iter().filter(|input| input.width > 1).count() > 1 {
        let wide = || inputs.iter().filter(|input| input.width > 1).map(|input| input.name.clone()).collect();
        return Err(if missing.is_empty() { wide() } else { missing });
    }
    let (mut features, mut kinds) = (Vec::new(), Vec::new());
    for (input, own) in inputs.iter().zip(own) {
        features.extend(own.map_or_else(|| rest.clone(), |own| vec![own]));
        kinds.resize(features.len(), input.kind);
    }
    Ok((features, kinds))
}

/// True for the names that pandas gives the numbers of rows: in Parquet files, in text, and in text that was read and written once more.
fn is_index(name: &str, place: usize) -> bool {
    let numbered = |start: &str| name.strip_prefix(start).is_some_and(|rest| rest.trim_end_matches('_').parse::<usize>().is_ok());
    (name.is_empty() && place == 0) || numbered("__index_level_") || (name.starts_with("Unnamed: 0") && place == 0)
}

#[cfg(test)]
mod tests {
    use super::super::cell::Decimal;
    use super::super::precision::Precision;
    use super::*;

    fn try_of(names: &[&str], first: &[&str], options: &LoadOptions) -> Result<Columns, DataErrorKind> {
        let columns = names.iter().map(|name| (*name).to_owned()).collect();
        let first: Vec<Cell<'_>> = first.iter().map(|text| Cell::Raw(text)).collect();
        Columns::of(&Header { columns, named: true, decimal: Decimal::Unknown, notes: Vec::new() }, &first, options)
    }

    fn of(names: &[&str], options: &LoadOptions) -> Columns {
        try_of(names, &[], options).unwrap()
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

    #[test]
    fn text_that_the_model_has_no_room_for_is_left_out() {
        let options = LoadOptions { width: Some(2), ..LoadOptions::default() };
        let found = try_of(&["a", "note", "b", "label"], &["1", "fine", "2", "0"], &options).unwrap();
        assert_eq!((found.features, found.notes), (vec![0, 2], vec![Note::Unused { columns: strings(&["note"]) }]));
        // With room for all columns, or for fewer numbers than there are, the cell is an error where it is read.
        for width in [Some(3), Some(1), None] {
            let options = LoadOptions { width, ..LoadOptions::default() };
            assert_eq!(try_of(&["a", "note", "b", "label"], &["1", "fine", "2", "0"], &options).unwrap().features, [0, 1, 2]);
        }
    }

    #[test]
    fn several_inputs_take_the_columns_of_their_names_and_one_takes_the_rest() {
        let number = ColumnKind::Numbers { precision: Precision::Single, missing: false };
        let input = |name: &str, width, kind| ColumnInput { name: name.to_owned(), width, kind };
        let options = |inputs| LoadOptions { inputs, arrays: strings(&["city"]), ..LoadOptions::default() };
        let three = options(vec![input("pay", 1, number), input("city", 1, ColumnKind::Text), input("age", 1, number)]);
        let found = of(&["age", "city", "extra", "pay", "label"], &three);
        assert_eq!((found.features, found.arrays), (vec![3, 1, 0], vec![]));
        assert_eq!(found.kinds, [number, ColumnKind::Text, number]);
        assert_eq!(found.notes, [Note::Unused { columns: strings(&["extra"]) }, Note::Reordered]);
        let Err(DataErrorKind::NoInputColumn { missing, .. }) = try_of(&["age", "town", "label"], &[], &three) else { panic!("no error") };
        assert_eq!(missing, ["pay", "city"]);
        let rest = options(vec![input("city", 1, ColumnKind::Text), input("x", 2, number)]);
        assert_eq!(of(&["Unnamed: 0", "age", "city", "pay", "label"], &rest).features, [2, 1, 3]);
        assert!(try_of(&["age", "city", "pay", "more", "label"], &[], &rest).is_err());
    }
}
