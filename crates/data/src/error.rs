//! What can be wrong with a data set.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::rows::ManyLabels;

/// A file or folder that could not be used as labelled data, and why.
#[derive(Debug, Error)]
#[error("{}: {kind}", path.display())]
pub struct DataError {
    /// The file or folder at fault.
    pub path: PathBuf,
    /// What is wrong with it; its message is part of this error's, so that it is no source of its own.
    pub kind: DataErrorKind,
}

impl DataError {
    pub(super) fn new(path: &Path, kind: DataErrorKind) -> Self {
        Self { path: path.to_path_buf(), kind }
    }
}

/// Attaches the file at fault to an error.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, DataError>;
}

impl<T, E: Into<DataErrorKind>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, DataError> {
        self.map_err(|kind| DataError::new(path, kind.into()))
    }
}

/// What is wrong with a file or folder of data.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataErrorKind {
    /// Nothing stands at this path.
    #[error("no such file or folder")]
    NotFound,
    /// What was given as labels is neither a file nor something that names one class.
    #[error("the labels are not a file, a class index or a known class name")]
    LabelsNotFound,
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The path is a device, a pipe or a socket.
    #[error("it is neither a regular file nor a folder")]
    NotAFile,
    /// The file is none of the formats that are read.
    #[error(
        "unknown data format; accepted are IDX, .npy, .npz, CIFAR binary (.bin), safetensors, tables (.csv, .tsv), PNG and JPEG images, and folders of PNG or JPEG images"
    )]
    UnknownFormat,
    /// The file claims a format that it does not keep to.
    #[error("not a valid {format} file: {reason}")]
    Malformed {
        /// The format that it claims to be.
        format: &'static str,
        /// What is wrong, in words.
        reason: String,
    },
    /// The file ends before the data that its header declares.
    #[error("incomplete: the header announces {expected} bytes of data, but the file has {found}")]
    Truncated {
        /// Bytes that the header asks for.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file goes on after the data that its header declares.
    #[error("at least {extra} more bytes follow the data that the header announces")]
    TrailingBytes {
        /// Bytes too many, as far as they were counted.
        extra: u64,
    },
    /// The header declares sizes whose product no memory can hold.
    #[error("the header gives the impossible shape {shape:?}")]
    TooLarge {
        /// The shape as declared.
        shape: Vec<u64>,
    },
    /// The element type is not one that is read.
    #[error("the elements have type {found}; accepted types are {accepted}")]
    ElementType {
        /// The element type as the file names it.
        found: String,
        /// The element types accepted here.
        accepted: &'static str,
    },
    /// The array has too few axes to hold samples, or too many to hold labels.
    #[error("the array has shape {found:?}; {expected} was expected")]
    Shape {
        /// The shape as stored.
        found: Vec<usize>,
        /// The shapes accepted here.
        expected: &'static str,
    },
    /// The archive holds no array under a name that is looked for.
    #[error("no array is named {wanted}; the arrays are {}", if found.is_empty() { "none".to_owned() } else { found.join(", ") })]
    NoArray {
        /// The names that are looked for.
        wanted: String,
        /// The names that are there.
        found: Vec<String>,
    },
    /// No labels were given, and none were found beside the data.
    #[error("no labels were found for these samples")]
    NoLabels,
    /// There are more or fewer labels than samples.
    #[error("{labels} labels for {samples} samples; each sample needs exactly one")]
    CountMismatch {
        /// Number of samples in the data.
        samples: usize,
        /// Number of labels in the labels' file.
        labels: usize,
    },
    /// A label is no class of the model.
    #[error("sample {sample} has label {label}, but the model has {classes} classes (labels start at 0)")]
    LabelOutOfRange {
        /// The sample's index.
        sample: usize,
        /// Its label.
        label: usize,
        /// Number of classes of the model.
        classes: usize,
    },
    /// A label is negative or not a whole number.
    #[error("the label of sample {sample} is {value}; labels are class numbers that start at 0")]
    BadLabel {
        /// The sample's index.
        sample: usize,
        /// The value as stored.
        value: String,
    },
    /// A label that applies or not is something else.
    #[error("a label of sample {sample} is {value}; every label must be 0 or 1")]
    BadFlag {
        /// The sample's index.
        sample: usize,
        /// The value.
        value: f64,
    },
    /// A number that is right about a sample is none.
    #[error("the label of sample {sample} is {value}, not a finite number")]
    BadNumber {
        /// The sample's index.
        sample: usize,
        /// The value as stored.
        value: String,
    },
    /// Each sample has another number of labels than the model's output has values.
    #[error("{found} labels for each sample, but the model's output has {expected} values")]
    LabelWidth {
        /// Labels of a sample.
        found: usize,
        /// Values of the output.
        expected: usize,
    },
    /// A pair names a sample that is not there.
    #[error(
        "line {line}: `{name}` is not one of the samples, which {}",
        if *by_number { format!("are numbered from 0 to {}", n.saturating_sub(1)) } else { format!("are {n} files, named relative to their folder") }
    )]
    UnknownSample {
        /// Line of the file of pairs, counted from 1.
        line: usize,
        /// The sample as named.
        name: String,
        /// True where samples are known by their numbers.
        by_number: bool,
        /// Samples of the data.
        n: usize,
    },
    /// Pairs are asked for, and no file lists any.
    #[error("embeddings are compared in pairs of samples, but no pairs were given")]
    NoPairs,
    /// Labels are no class index, but start at 1.
    #[error("the labels seem to count from 1: they range from 1 to {classes}, but the model's {classes} classes are 0 to {}", classes - 1)]
    OneBased {
        /// Number of classes of the model.
        classes: usize,
    },
    /// A sample has several classes at once, or none.
    #[error(
        "each sample has between {} and {} of {} classes, but one class per sample is expected",
        labels.counts().0, labels.counts().1, labels.classes
    )]
    ManyLabels {
        /// What each sample has.
        labels: ManyLabels,
    },
    /// The name of a class is none that is known.
    #[error("sample {sample}: {unknown}")]
    LabelName {
        /// The sample's index.
        sample: usize,
        /// The name.
        unknown: UnknownClass,
    },
    /// A value is NaN or infinite.
    #[error("sample {sample}{} contains the value {value}", in_column(column.as_deref()))]
    NonFinite {
        /// The sample's index.
        sample: usize,
        /// The column of a table.
        column: Option<String>,
        /// The value.
        value: f64,
    },
    /// A number is one that the model's input takes and single precision, in which attacks move, does not hold.
    #[error("sample {sample}{} contains {value}, which single precision would round to {rounded}", in_column(column.as_deref()))]
    Inexact {
        /// The sample's index.
        sample: usize,
        /// The column of a table.
        column: Option<String>,
        /// The value.
        value: String,
        /// What single precision would make of it.
        rounded: String,
    },
    /// A whole number is too large for 64 bits.
    #[error("the value {value} is too large for a signed 64-bit integer")]
    TooWide {
        /// The value.
        value: String,
    },
    /// The model has other inputs than the attacked one, and the data cannot hold them.
    #[error("the file has a single array, but the model's inputs {} also need values", names.join(", "))]
    OneArray {
        /// Names of the inputs.
        names: Vec<String>,
    },
    /// The data set contains no samples.
    #[error("there are no samples")]
    Empty,
    /// A folder holds nothing that could be read.
    #[error("the folder contains neither PNG or JPEG images nor folders of them, one per class")]
    NoImages,
    /// The names of class folders are numbers, but not their places in the sorted order.
    #[error(
        "the class folders are named by numbers, but folder {folder} is at place {place} in alphabetical order, so it is not clear which folder is which class"
    )]
    NumberedFolders {
        /// The first folder that is out of place.
        folder: String,
        /// Its place, from 0.
        place: usize,
    },
    /// There are more or fewer class folders than classes, and nothing tells which is which.
    #[error("there are {} class folders ({}), but the model has {classes} classes with unknown names", folders.len(), few(folders))]
    FolderCount {
        /// Names of the folders.
        folders: Vec<String>,
        /// Number of classes of the model.
        classes: usize,
    },
    /// A table names more or fewer classes than the model has, and nothing tells which is which.
    #[error("the labels name {} classes ({}), but the model has {classes} classes with unknown names", names.len(), few(names))]
    TableCount {
        /// Names of the classes.
        names: Vec<String>,
        /// Number of classes of the model.
        classes: usize,
    },
    /// Class folders have names that are none of the classes'.
    #[error(
        "the class folders do not fit the names of the {classes} classes: no class is called {}; {}",
        few(folders), if names.is_empty() { "every class has another folder".to_owned() } else { format!("classes without a folder: {}", few(names)) }
    )]
    FolderNames {
        /// Folders that have no class.
        folders: Vec<String>,
        /// Classes that have no folder.
        names: Vec<String>,
        /// Number of classes.
        classes: usize,
    },
    /// Two class folders have the name of one class.
    #[error("the class folders {} and {} both have the name of class `{class}`", folders[0], folders[1])]
    FolderTwice {
        /// The folders.
        folders: [String; 2],
        /// The class.
        class: String,
    },
    /// An image has more pixels than are decoded.
    #[error("the image has {height}x{width} pixels; the limit is {most} pixels")]
    ImageTooLarge {
        /// Height of the image.
        height: u32,
        /// Width of the image.
        width: u32,
        /// The most pixels.
        most: u64,
    },
    /// An image cannot be decoded.
    #[error("cannot be decoded: {0}")]
    Image(#[from] image::ImageError),
    /// An image has another size than the first one.
    #[error("the image has {found_height}x{found_width} pixels, but the images before it have {height}x{width}")]
    ImageSize {
        /// Height of the first image.
        height: usize,
        /// Width of the first image.
        width: usize,
        /// Height of this image.
        found_height: usize,
        /// Width of this image.
        found_width: usize,
    },
    /// An image format that is not supported stands among the images.
    #[error("the image format is not supported")]
    OtherImage,
    /// The options ask for a number of channels or an image size that images cannot have.
    #[error(
        "images cannot be resized to {channels} channels of {size:?} pixels: the number of channels must be 1 (grey) or 3 (RGB), and the size at least 1x1"
    )]
    ImageOptions {
        /// Channels asked for.
        channels: usize,
        /// Height and width asked for.
        size: Option<(usize, usize)>,
    },
    /// Images lie both beside and inside the class folders.
    #[error("images and class folders are mixed ({file} is beside {folder}), and there is no labels.csv with their classes")]
    MixedFolder {
        /// An image beside the folders.
        file: String,
        /// A class folder.
        folder: String,
    },
    /// A line of a labels file cannot be used.
    #[error("line {line}: {reason}")]
    Line {
        /// Line number from 1.
        line: usize,
        /// What is wrong, in words.
        reason: String,
    },
    /// A line of a labels file names a class that is not known.
    #[error("line {line}: {unknown}")]
    ClassOfLine {
        /// Line number from 1.
        line: usize,
        /// The class; its message is part of this error's.
        unknown: UnknownClass,
    },
    /// A file of labels begins with names of classes, and goes on with a number.
    #[error("line {line}: label `{label}` is a number, but the labels before it are class names")]
    NumberAmongNames {
        /// Line number from 1.
        line: usize,
        /// The number.
        label: String,
    },
    /// A column of a table has no name.
    #[error("not a valid table file: column {place} has no name")]
    NamelessColumn {
        /// Its place, from 0.
        place: usize,
    },
    /// A cell of a table cannot be used.
    #[error("line {line}, column `{column}`: {reason}")]
    Cell {
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column, or its number from 0.
        column: String,
        /// What is wrong, in words.
        reason: String,
    },
    /// A table has no such column.
    #[error("there is no column `{column}`; the columns are {}", columns.join(", "))]
    Column {
        /// The column as asked for.
        column: String,
        /// The names that are there, or their numbers from 0.
        columns: Vec<String>,
    },
    /// A table has no columns for some of the inputs of a model.
    #[error("columns are missing for these inputs of the model: {}; the columns are {}", missing.join(", "), columns.join(", "))]
    NoInputColumn {
        /// Names of the inputs.
        missing: Vec<String>,
        /// The columns that are there, labels aside.
        columns: Vec<String>,
    },
    /// A table does not say which column holds the labels.
    #[error("it is not clear which column contains the labels: none is named label, target, class or y")]
    NoLabelColumn,
    /// No threads can be started to decode images.
    #[error("cannot be decoded with several threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A name is no known class.
    #[error("{0}")]
    Class(#[from] UnknownClass),
}

/// A class name or index that is not in the list of classes.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("unknown class `{text}` ({})", if *count == 0 { "no class names are known".to_owned() } else { format!("{count} classes are known") })]
pub struct UnknownClass {
    /// The text as given.
    pub text: String,
    /// Number of classes known.
    pub count: usize,
    /// Known names that look like it, closest first.
    pub close: Vec<String>,
}

fn in_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |column| format!(", column `{column}`,"))
}

/// Lists names, the first of many only.
fn few(names: &[String]) -> String {
    const FEW: usize = 12;
    let shown = names.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > FEW { format!("{shown}, ..") } else { shown }
}
