//! Labelled data: reading it, whatever reasonable form it has, without ever guessing silently.
//!
//! | Format | Told by | Samples | Labels |
//! |---|---|---|---|
//! | IDX (MNIST) | first bytes | first axis; u8, i8, i16, i32, f32, f64 | second IDX file, by default `images` -> `labels`, `idx3` -> `idx1` in the name |
//! | .npy | first bytes | first axis; bool, integers, f16, f32, f64, either byte order, C or Fortran order | second file; by default `NAME_labels.npy`, `x` -> `y`, `images` -> `labels`, else the `*_labels.npy` whose stem begins the name (longest wins), else `labels.npy` |
//! | .npz | first bytes | array `x`, `X`, `images`, `data`, `inputs`, `x_test` or `x_adv` | array `y`, `Y`, `labels`, `label`, `targets` or `y_test` |
//! | safetensors | first bytes | tensor named as in .npz | tensor named as in .npz |
//! | CIFAR binary | suffix `.bin` | rows of 3,073 (CIFAR-10) or 3,074 bytes (CIFAR-100) | first byte; CIFAR-100: the fine label |
//! | CSV | suffix `.csv`, `.tsv` (`.gz` too) | one a row, one number a column | a column: the one asked for by name or number, else the one named `label`, `target`, `class` or `y`; or a labels file |
//! | Parquet | `PAR1` | one a row, one number a column | as of CSV |
//! | PNG or JPEG | first bytes | one image, `[3, height, width]` | one class for it |
//! | folder of PNG and JPEG | a folder | every image, sorted by folder and name; with a table, in its order | `labels.csv` or another table, else one folder per class |
//!
//! Conventions:
//!
//! - An explicit labels file wins over labels inside the data or beside it. It may be IDX, .npy, .npz, safetensors, a table with a column of labels, or
//!   text with one class index or name a line, below a title such as `label` where there is one. Where no such file exists, the text is one class index or name for
//!   all samples. Labels start at 0; there must be exactly one per sample. Arrays of labels hold whole numbers, in whatever type, text, or Python objects that are
//!   either, or one-hot rows: `[n, classes]` zeros with a single 1 in each row. Rows with several ones are labels of several classes at once, and
//!   [an error of their own](DataErrorKind::ManyLabels); so are labels that [seem to start at 1](DataErrorKind::OneBased).
//! - Only bytes (u8) are pixels in 0..=255 and are scaled ([`Scale`]); every other type is taken as already in the declared scale. a NaN and an infinity are errors.
//!   For a model of single precision other numbers are rounded to it, as every framework does, and whole numbers that this changes are counted in a
//!   [note](Note::Coarsened). For a model of f64, numbers that rounding moves by more than 2^-20 of the spread of their column are [errors](DataErrorKind::Inexact); for a
//!   model of whole numbers those that it moves at all. That holds for every format alike.
//! - IDX, .npy and tables of text may be compressed with gzip. CIFAR binaries may not. Nothing unpacks to more than 256 MiB or 128 times its size, whichever is more.
//! - The separator of a table is the tab, the semicolon, the bar or the comma that gives all lines as many cells, quotes heeded; in `.tsv` it is the tab. Text is
//!   UTF-8, UTF-16 with a byte order mark, or else windows-1252, which has Latin-1 in it. Lines at the top that start with `#` are comments. Numbers have a decimal point or,
//!   where cells with one reading show it, a decimal comma; between thousands may stand the other of the two, a space or an apostrophe; `1,234` in a table that
//!   does not tell is an error. The first line is a header if no cell of it is a number, or if the numbers in it are those of their columns. An empty
//!   cell, NaN and text are errors that name row and column; `true` and `false` are 1 and 0.
//!   Labels are numbers or names of classes; those of a classic model (`ai.onnx.ml`) are what the model calls its classes.
//! - Columns that number the rows as pandas writes them (`__index_level_0__`, `Unnamed: 0`, a first column without a name) are left out, unless the model takes as many values as
//!   there are columns with them. Where the model names its features, columns are put in their order by name.
//! - Class folders sorted by name (bytewise) are the classes 0, 1, ..., as in torchvision's `ImageFolder`; where the names of the classes are known (from the
//!   user or from the model), every folder has one of them, and otherwise there must be as many folders as classes. A folder without images keeps its class. Folders named by numbers must be numbered like
//!   their places (`10` sorts before `2`) where no names of classes say what they mean.
//! - A labels table has lines `file,label`, or a header line that names these columns in any order. It decides which images belong to the data set.
//!   Labels are class indices or class names, looked up among those of the model or else sorted.
//! - Images become RGB (transparency is dropped, 16 bits become 8), or grey with the weights of ITU-R 601; EXIF orientation is applied. They must be of one size,
//!   or are resized by a triangle filter whose support grows when shrinking (bilinear with antialiasing), without regard to the aspect ratio and without cropping.
//!   Against Pillow 13 (measured on smooth colour images), PNG pixels are equal, resizing differs by at most 1 in 255, and JPEG pixels by at most 4 in 255 (0.4 on average),
//!   because decoders smooth subsampled colour differently. What of an image plays no role in these pixels (profile, transparency, depth, animation) is
//!   [counted](Note::Ignored). An image of more than 2^27 pixels is refused.
//! - Hidden files and files that are no images are left out of folders; images of other formats are errors.
//! - Of a model with several inputs, the samples stand in the array with the attacked input's name, where there is one (.npz, safetensors and tables). The
//!   arrays, or columns, with the names of the others say what these are held at: one row for each sample, or one for all. They are taken as they are, in
//!   the type of the input.
//! - With a limit as many samples of each class are kept ([`evenly`]), in the order of the file; the classes of all are read for that, and of the other samples nothing
//!   else, so that their errors stay unseen. Where there are no classes, the first are kept. Samples keep the numbers that they have in the file ([`Dataset::rows`]). Ranges and deviations ([`moments()`]) are those of all samples
//!   whatever the limit: where they are asked for, what follows is read too, without its labels.
//! - Of other tasks than classification ([`TruthKind`]) the labels are rows of numbers, one for each sample: an array `[n]` or `[n, k]`, text with one row a line, columns of the table
//!   (several are separated by commas), or the cell of a labels table, where labels that apply are separated by spaces, `;`, `|` or `+`. Each label of several is 0 or 1;
//!   numbers are finite. Of pairs ([`Truths::Pairs`]) no labels are read: a text file has a line `sample,reference[,same]` for each, with the numbers of samples or, of images, their files.
//! - The digest is SHA-256 over the bytes of all files, one after the other: the data (images in order of samples, only those kept; of pairs all), then the labels' file or the file of pairs.

mod archive;
mod array;
mod cell;
mod cifar;
mod classes;
mod columns;
mod csv;
mod dataset;
mod draw;
mod error;
mod folders;
mod gather;
mod idx;
mod images;
mod input;
mod labels;
mod load;
mod moments;
mod note;
mod npy;
pub mod npz;
mod number;
mod options;
mod parquet;
mod pickle;
mod picture;
mod precision;
mod rows;
mod sheet;
mod sniff;
mod table;
mod tensors;
mod text;
mod truths;
mod words;

pub use archive::{numbers, reals};
pub use array::Numbers;
pub use brinell_record::Scale;
pub use classes::{class_names, lookup};
pub use csv::is_table;
pub use dataset::{Dataset, NamedArray, Pixels};
pub use draw::evenly;
pub use error::{DataError, DataErrorKind, UnknownClass};
pub use folders::are_identifiers;
pub use load::{digest, load, load_alone, moments};
pub use moments::Moments;
pub use note::Note;
pub use options::{ColumnInput, ColumnKind, LoadOptions};
pub use precision::Precision;
pub use rows::ManyLabels;
pub use truths::{ManyValues, Pairs, TruthKind, Truths};
