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
        DataErrorKind::TrailingBytes { .. } => "give one array for each file",
        DataErrorKind::NoLabels => "name their file, or one class for all samples, with --labels",
        DataErrorKind::NonFinite { .. } => "remove the sample or repair it",
        DataErrorKind::OneArray { .. } => {
            "give a table, or one .npz or .safetensors file, with columns or arrays of these names beside the samples"
        }
        DataErrorKind::NoImages => "for another format, name one file",
        DataErrorKind::NumberedFolders { .. } => "list the model's class names in order with --classes",
        DataErrorKind::ImageSize { .. } => "give images of one size, or give the size to resize them to with --shape",
        DataErrorKind::OtherImage => "convert it to PNG or JPEG, or move it out of the folder",
        DataErrorKind::MixedFolder { .. } => "give a labels.csv, or move the images",
        DataErrorKind::NumberAmongNames { .. } => "name the classes with --classes",
        DataErrorKind::NamelessColumn { .. } => "if the column numbers the rows, write the table without it (pandas: index=False)",
        DataErrorKind::NoInputColumn { .. } => {
            "call the columns of the table as the model calls its inputs, or name the inputs to attack with --input A,B: the others are held"
        }
        DataErrorKind::NoLabelColumn => {
            "name the one that holds the labels with --labels COLUMN (its name, or its number from 0), or give a labels file"
        }
        DataErrorKind::OneBased { .. } => "subtract 1 from every label, or name the classes in their order with --classes",
        DataErrorKind::ManyLabels { .. } => {
            "give one class for each sample, or --task multilabel where each label applies or not by itself"
        }
        DataErrorKind::BadLabel { .. } => "labels that are numbers and no classes belong to --task regression --tolerance T",
        DataErrorKind::BadFlag { .. } => "give a row of zeros and ones for each sample, with a column for each label of the model",
        DataErrorKind::BadNumber { .. } => "remove the sample or give it a number",
        DataErrorKind::LabelWidth { .. } => "give as many labels for each sample as the output has values, or choose another --output NAME",
        DataErrorKind::UnknownSample { .. } => {
            "check --pairs: files are named as in the folder of --data, samples of arrays and tables by number"
        }
        DataErrorKind::NoPairs => "list them in a file, one SAMPLE,REFERENCE[,SAME] a line, and give it with --pairs",
        DataErrorKind::FolderCount { .. } => "list the model's class names in order with --classes",
        DataErrorKind::Class(unknown) | DataErrorKind::ClassOfLine { unknown, .. } | DataErrorKind::LabelName { unknown, .. } => {
            return Some(class(unknown));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn class(unknown: &UnknownClass) -> String {
    if unknown.close.is_empty() {
        "name the classes with --classes, or give an index".to_owned()
    } else {
        format!("did you mean `{}`?", unknown.close.join("`, `"))
    }
}
