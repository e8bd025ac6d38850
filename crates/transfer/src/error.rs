//! Why there is no matrix.

use std::path::PathBuf;

use brinell_attack::AttackError;
use brinell_data::DataError;
use brinell_engine::OracleError;
use brinell_ledger::LedgerError;
use brinell_record::{FileError, SettingError, TaskKind};
use brinell_subject::SubjectError;

/// A transfer run that cannot be made or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A model cannot be used.
    #[error("the model {model}")]
    Model {
        /// Its name.
        model: String,
        /// Why.
        source: Box<SubjectError>,
    },
    /// The data cannot be used.
    #[error("the data cannot be used")]
    Data(#[from] DataError),
    /// The attack cannot be made.
    #[error("the attack cannot be used")]
    Attack(#[from] AttackError),
    /// The folder of the run cannot be used.
    #[error("the run's folder cannot be used")]
    Ledger(#[from] LedgerError),
    /// A file cannot be read or written.
    #[error("a file cannot be used")]
    File(#[from] FileError),
    /// The file of models is not one.
    #[error("{path} is not a valid list of models")]
    List {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A model in the file has a setting that no model has, or none of its values.
    #[error("entry {entry} of {path} is wrong")]
    Entry {
        /// Name of the model.
        entry: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SettingError,
    },
    /// A model in the file has a setting that is not about one model.
    #[error("entry {entry} of {path}: `{setting}` is not a setting of one model")]
    NotOfOneModel {
        /// Name of the model.
        entry: String,
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
    },
    /// A model in the file has no file.
    #[error("entry {number} of {path} names no file")]
    Nameless {
        /// Number of the entry, from 1.
        number: usize,
        /// The file.
        path: PathBuf,
    },
    /// Two models have the same name.
    #[error("two models are named {name}")]
    Twice {
        /// The name.
        name: String,
    },
    /// A model shares no class with the data.
    #[error("{model} and the data have no class in common: the model has {has}, the data have {wanted}")]
    NoSharedClass {
        /// The model.
        model: String,
        /// Its first classes.
        has: String,
        /// The first classes of the data.
        wanted: String,
    },
    /// A model does not name its classes, and has not as many as the data.
    #[error("{model} has {has} classes without names, and the data have {wanted} classes, so it is not clear which classes are the same")]
    NoNames {
        /// The model.
        model: String,
        /// Its classes.
        has: usize,
        /// Those of the data.
        wanted: usize,
    },
    /// A list of class names has another length than the model's output.
    #[error("{model} has {has} classes, but {found} class names were given")]
    ClassCount {
        /// The model.
        model: String,
        /// Its classes.
        has: usize,
        /// Names.
        found: usize,
    },
    /// A line of a class map is none.
    #[error("line {line} of {path} does not have the form `from -> to`, with a class of the model and a class of the data")]
    BadMap {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A model takes other sizes than the images have, and they cannot be resized for it.
    #[error("{model} needs inputs of shape {takes:?}, but the images have shape {found:?}; only height and width can be adjusted")]
    Shape {
        /// The model.
        model: String,
        /// Its input.
        takes: Vec<usize>,
        /// The images.
        found: Vec<usize>,
    },
    /// A model does something else than to name one class.
    #[error("the task of {model} is {task}, but transfer works only for classification")]
    OtherTask {
        /// The model.
        model: String,
        /// Its task.
        task: TaskKind,
    },
    /// The data say something else than one class of each image.
    #[error("the data must give exactly one class for each image")]
    NoClasses,
    /// A model has inputs beside the images.
    #[error("{model} has other inputs than the image: {names}")]
    OtherInputs {
        /// The model.
        model: String,
        /// Their names.
        names: String,
    },
    /// The scale of a model is that of a table.
    #[error("{model} has the scale `data`, but here the scale must be a range of numbers that is the same for all images")]
    DataScale {
        /// The model.
        model: String,
    },
    /// Values of the images lie outside of 0..1.
    #[error("image {sample} contains the value {value}, outside the range 0..1")]
    OutsideRange {
        /// The image.
        sample: usize,
        /// The value.
        value: f32,
    },
    /// A source has no gradient, and the attack needs one.
    #[error("the attack {attack} needs a gradient, but {model} has none")]
    NoGradient {
        /// The source.
        model: String,
        /// The attack.
        attack: String,
    },
    /// The attack does not work in Linf, reads trees, or goes for one class after the other.
    #[error(
        "the attack {attack} cannot be used for transfer: it needs to support linf with a radius, and must not try one class after another"
    )]
    WrongAttack {
        /// The attack.
        attack: String,
    },
    /// An attack of pictures on what is none.
    #[error("the attack {attack} works on images only, and samples of shape {shape:?} are not images")]
    NoPicture {
        /// The attack.
        attack: String,
        /// The shape.
        shape: Vec<usize>,
    },
    /// A patch is to be put into what is no picture.
    #[error("a patch needs images, but samples of shape {shape:?} are not images")]
    NoPatch {
        /// The shape.
        shape: Vec<usize>,
    },
    /// A patch is larger than the image.
    #[error("a patch of {side} x {side} pixels is larger than the images of {height} x {width}")]
    LargePatch {
        /// Its side.
        side: usize,
        /// Rows of an image.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The class that a patch is to be seen as is not among those of the data.
    #[error("there is no class {class} among the {n} classes of the data")]
    NoClass {
        /// As given.
        class: String,
        /// Classes of the data.
        n: usize,
    },
    /// A source lacks the class that a patch is to be seen as.
    #[error("{model} does not have class {class} of the data, which is the target of the patch")]
    NoClassOfModel {
        /// The source.
        model: String,
        /// Number of the class among those of the data.
        class: usize,
    },
    /// The mean of logits needs models of the same classes.
    #[error("logits can only be averaged over models with the same classes in the same order, but {model} has other classes")]
    OtherClasses {
        /// The first model with others.
        model: String,
    },
    /// There is not one image that a source and a target both get right.
    #[error("no image is classified correctly by a source and a target at once: {}", clean.join(", "))]
    NothingRight {
        /// What each model gets right.
        clean: Vec<String>,
    },
    /// The images cannot be divided into some to fit to and others to test on.
    #[error("there are {fit} images for the fit and {test} for the test, but both numbers must be at least 1")]
    Split {
        /// Images to fit to.
        fit: usize,
        /// Images to test on.
        test: usize,
    },
    /// A model answers nothing at all.
    #[error("{model} gave no answer for any image")]
    NoAnswer {
        /// The model.
        model: String,
        /// The last error.
        source: Box<OracleError>,
    },
    /// A source or a target is missing.
    #[error("the list of models contains no {what}")]
    Missing {
        /// `source` or `target`.
        what: &'static str,
    },
    /// The radius is larger than the range of the images.
    #[error("the radius {eps} is larger than the range 0..1 of the images")]
    Radius {
        /// As given.
        eps: String,
    },
    /// The driver failed.
    #[error("a source model cannot be evaluated")]
    Oracle(#[from] OracleError),
    /// Threads cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The user stopped the work.
    #[error("interrupted")]
    Interrupted,
}
