//! Hints for errors of data and labels.

use std::error::Error;

use brinell::errors::{DataError, DataErrorKind, UnknownClass};

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let data = as_a::<DataError>(error).and_then(|error| kind(&error.kind));
    data.or_else(|| as_a(error).map(class))
}

fn kind(kind: &DataErrorKind) -> Option<String> {
    let hint = match kind {
        DataErrorKind::LabelsNotFound => "--labels takes a file, a class index or a class name",
        DataErrorKind::ElementType { found, .. } if found.contains('O') => {
            "numpy stores Python objects there: save numbers instead, such as numpy.stack(list(x)).astype(\"float32\")"
        }
        DataErrorKind::Truncated { .. } => "copy or download it again",
        DataErrorKind::TrailingBytes { .. } => "write one array per file",
        DataErrorKind::NoLabels => "give --labels with a file of labels, or with one class for all samples",
        DataErrorKind::NonFinite { .. } => "repair or remove the sample",
        DataErrorKind::OneArray { .. } => {
            "give a table, or one .npz or .safetensors file, with columns or arrays of these names beside the samples"
        }
        DataErrorKind::NoImages => "for another format, give a single file",
        DataErrorKind::NumberedFolders { .. } => "list the model's class names in order with --classes",
        DataErrorKind::ImageSize { .. } => {
            "give images of the same size, or the size to resize them to: --shape, or --size where several models share the images"
        }
        DataErrorKind::OtherImage => "convert it to PNG or JPEG, or move it out of the folder",
        DataErrorKind::MixedFolder { .. } => "write a labels.csv, or move the images into class folders",
        DataErrorKind::NumberAmongNames { .. } => "give the class names with --classes",
        DataErrorKind::NamelessColumn { .. } => "if the column contains row numbers, write the table without it (pandas: index=False)",
        DataErrorKind::NoInputColumn { .. } => {
            "name the columns of the table like the model's inputs, or choose the inputs to attack with --input A,B"
        }
        DataErrorKind::NoLabelColumn => "choose the column with --labels COLUMN (its name, or its number from 0), or give a file of labels",
        DataErrorKind::OneBased { .. } => "subtract 1 from every label, or list the class names in order with --classes",
        DataErrorKind::ManyLabels { .. } => "give one class per sample, or --task multilabel if several labels can apply to a sample",
        DataErrorKind::BadLabel { .. } => "if the labels are numbers and not classes, give --task regression --tolerance T",
        DataErrorKind::BadFlag { .. } => "give one row of zeros and ones per sample, with one column for each label of the model",
        DataErrorKind::BadNumber { .. } => "correct or remove the sample",
        DataErrorKind::LabelWidth { .. } => "give as many numbers per sample as the output has values, or choose another --output NAME",
        DataErrorKind::UnknownSample { .. } => {
            "check the file of --pairs: name images as in the folder of --data, and samples of arrays and tables by number"
        }
        DataErrorKind::NoPairs => "write a file with one SAMPLE,REFERENCE[,SAME] per line, and give it with --pairs",
        DataErrorKind::FolderNames { .. } => {
            "name the folders like the model's classes, or list the folder names in the order of the model's classes with --classes"
        }
        DataErrorKind::FolderTwice { .. } => "put the images of a class into one folder",
        DataErrorKind::FolderCount { .. } | DataErrorKind::TableCount { .. } => "list the model's class names in order with --classes",
        DataErrorKind::Class(unknown) | DataErrorKind::ClassOfLine { unknown, .. } | DataErrorKind::LabelName { unknown, .. } => {
            return Some(class(unknown));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn class(unknown: &UnknownClass) -> String {
    if unknown.close.is_empty() {
        "give the class names with --classes, or use an index".to_owned()
    } else {
        format!("did you mean `{}`?", unknown.close.join("`, `"))
    }
}
