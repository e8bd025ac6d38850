//! What the classes of a model are called.

use brinell_data::{self as data, Dataset};
use brinell_onnx::{ClassLabels, Model};
use brinell_record::Population;

use crate::SubjectError;

/// Names of classes, as labels are looked up among them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ClassNames {
    /// In the order of the model, where they are known.
    pub(crate) names: Option<Vec<String>>,
    /// Labels are names even where they are numbers: classes have numbers for names, and not those of their places.
    pub(crate) only_names: bool,
}

impl ClassNames {
    /// Those that the user lists, else those that the file has for that many classes.
    ///
    /// # Errors
    /// [`SubjectError::Data`] where the list cannot be read.
    pub(crate) fn of(model: &Model, n_classes: usize, population: &Population) -> Result<Self, SubjectError> {
        Self::among(model, model.class_names(n_classes), population)
    }

    /// As [`ClassNames::of`] where the number of classes is not known yet: a size of an output may be it.
    ///
    /// # Errors
    /// As [`ClassNames::of`].
    pub(crate) fn early(model: &Model, population: &Population) -> Result<Self, SubjectError> {
        let shapes = model.graph.outputs().iter().filter_map(|&id| model.graph.shape(id));
        let sized = shapes.flatten().filter_map(|dim| dim.fixed()).find_map(|size| model.class_names(size));
        Self::among(model, sized.or_else(|| model.class_labels.as_ref().map(ClassLabels::names)), population)
    }

    fn among(model: &Model, names: Option<Vec<String>>, population: &Population) -> Result<Self, SubjectError> {
        if let Some(path) = &population.classes {
            return Ok(Self { names: Some(data::class_names(path)?), only_names: false });
        }
        let Some(names) = names else { return Ok(Self::default()) };
        let is_other_number =
            |(class, name): (usize, &String)| name.parse::<i64>().is_ok_and(|number| usize::try_from(number) != Ok(class));
        let only_names = names.iter().enumerate().any(is_other_number);
        // A classic model answers with these numbers. In metadata they are for people to read, so that labels may as well be places.
        let is_answer = model.class_labels.as_ref().is_some_and(|labels| labels.names() == names);
        if only_names && !is_answer && !population.data.is_dir() {
            return Ok(Self::default());
        }
        Ok(Self { names: Some(names), only_names })
    }

    /// True where data that were read before these names were known have their classes by these.
    pub(crate) fn fit(&self, data: &Dataset, n_classes: usize) -> bool {
        match (&self.names, &data.class_names) {
            (None, Some(found)) => found.len() == n_classes,
            (known, found) => known == found,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use brinell_data::DataErrorKind;
    use brinell_graph::{DType, Dim, Graph, Op, Reduce};
    use brinell_onnx::Patch;
    use brinell_record::Artefact;
    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;
    use crate::{Opened, Subject};

    /// A model whose classes are called dog, cat and bird, of images of any size or of one, with these metadata.
    fn model(sizes: [Dim; 2], metadata: &[(&str, &str)]) -> Vec<u8> {
        let mut graph = Graph::new("colours");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(3), sizes[0], sizes[1]]);
        let mean = graph.add(Op::Reduce { kind: Reduce::Mean, axes: vec![2, 3], keepdims: false }, &[x]).unwrap();
        graph.output(mean);
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Patch { metadata, ..Patch::default() }.apply(&brinell_onnx::write(&graph).unwrap()).unwrap()
    }

    fn open(folder: &Path, bytes: &[u8]) -> Result<Opened, SubjectError> {
        std::fs::write(folder.join("model.onnx"), bytes).unwrap();
        let population = Population { data: folder.join("data"), ..Population::default() };
        Subject::open(&Artefact { model: folder.join("model.onnx"), ..Artefact::default() }, &population)
    }

    fn fill(folder: &Path, names: &[&str]) {
        let _ = std::fs::remove_dir_all(folder.join("data"));
        for name in names {
            let class = folder.join("data").join(name);
            std::fs::create_dir_all(&class).unwrap();
            RgbImage::from_pixel(4, 4, Rgb([1, 2, 3])).save_with_format(class.join("a.png"), ImageFormat::Png).unwrap();
        }
    }

    #[test]
    fn class_folders_are_found_by_the_names_in_the_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (any, one) = ([Dim::Unknown, Dim::Unknown], [Dim::Fixed(4), Dim::Fixed(4)]);
        let names = [("names", "{0: 'dog', 1: 'cat', 2: 'bird'}")];
        // A list of another length names something else.
        let json = [("classes", "a,b,c,d"), ("config", "{\"id2label\": {\"0\": \"dog\", \"1\": \"cat\", \"2\": \"bird\"}}")];
        for bytes in [model(one, &names), model(any, &names), model(any, &json)] {
            fill(folder, &["bird", "cat", "dog"]);
            let opened = open(folder, &bytes).unwrap_or_else(|error| unreachable!("{error}"));
            assert_eq!(
                (&opened.data.labels[..], opened.data.class_names.unwrap()),
                (&[2, 1, 0][..], ["dog", "cat", "bird"].map(str::to_owned).to_vec())
            );
            fill(folder, &["Dog"]);
            assert_eq!(open(folder, &bytes).unwrap_or_else(|error| unreachable!("{error}")).data.labels, [0]);
            fill(folder, &["bird", "cow", "dog"]);
            let Err(SubjectError::Data(error)) = open(folder, &bytes) else { unreachable!("no class is called cow") };
            assert!(error.to_string().contains("no class is called cow; classes without a folder: cat"), "{error}");
        }
        for sizes in [one, any] {
            fill(folder, &["bird", "dog"]);
            let Err(SubjectError::Data(error)) = open(folder, &model(sizes, &[])) else { unreachable!("two folders for three classes") };
            assert!(matches!(error.kind, DataErrorKind::FolderCount { classes: 3, .. }), "{error}");
        }
    }
}
