//! What is asked of a transfer run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use brinell_record::{Artefact, Eps, FileError, Form, Part, Population, Question, Running, setting};

use crate::TransferError;

/// A model of the matrix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelSpec {
    /// Name in tables; the file's where none is given.
    pub name: Option<String>,
    /// File or address, and the preprocessing in front of it.
    pub artefact: Artefact,
    /// File with the names of its classes, where it does not name them itself.
    pub classes: Option<PathBuf>,
    /// File with lines `from -> to`, a class of the model and the class of the data that it stands for.
    pub map: Option<PathBuf>,
}

impl ModelSpec {
    /// Returns the name: as given, else that of the file without its ending, or the last part of the address.
    #[must_use]
    pub fn name(&self) -> String {
        let stem = || self.artefact.model.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned());
        self.name.clone().unwrap_or_else(stem)
    }
}

/// How the gradients of several sources become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ensemble {
    /// The sum of the sources' gradients at each point, each over the mean of its absolute values: no source decides alone because its numbers are larger.
    #[default]
    Norm,
    /// The gradient of the mean loss.
    Loss,
    /// The gradient of the loss of the mean logits.
    Logits,
    /// The gradient of the logarithm of the mean probability.
    Prob,
}

impl Ensemble {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Norm, Self::Loss, Self::Logits, Self::Prob];

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Norm => "norm",
            Self::Loss => "loss",
            Self::Logits => "logits",
            Self::Prob => "prob",
        }
    }
}

impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Ensemble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|rule| rule.name() == text)
            .ok_or_else(|| format!("unknown rule '{text}' for ensembles; the rules are {}", known()))
    }
}

/// Which examples are made on which models, and which models are asked about them.
#[derive(Debug, Clone)]
pub struct TransferQuestion {
    /// Every model.
    pub models: Vec<ModelSpec>,
    /// Numbers of those that examples are made on, each for itself.
    pub from: Vec<usize>,
    /// Numbers of those that are asked about the examples.
    pub to: Vec<usize>,
    /// The images.
    pub population: Population,
    /// Height and width that image files are resized to: the shared size.
    pub size: Option<(usize, usize)>,
    /// The radius in the shared range 0..1, in Linf.
    pub eps: Eps,
    /// The attack, with settings.
    pub attack: String,
    /// Whether all sources are attacked together as well, for each target without the target itself, and how.
    pub ensemble: Option<Ensemble>,
    /// Share of the sources' ReLUs, the last ones, that are softened on the way back; 0 for gradients as they are.
    pub soft: f64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Whether examples are stored as bytes.
    pub bytes: bool,
    /// What executes the models.
    pub running: Running,
}

/// A file of models: `[[model]]` with `file`, `name`, `classes`, `map` and the settings of a model, such as `mean` and `std`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    model: Vec<BTreeMap<String, toml::Value>>,
}

/// Reads a file of models; paths in it are relative to its folder.
///
/// # Errors
/// [`TransferError::File`], [`TransferError::List`], [`TransferError::Entry`], [`TransferError::NotOfOneModel`], [`TransferError::Nameless`].
pub fn read_models(path: &Path) -> Result<Vec<ModelSpec>, TransferError> {
    let text = std::fs::read_to_string(path).map_err(FileError::on("read", path))?;
    let list: List = toml::from_str(&text).map_err(|source| TransferError::List { path: path.to_path_buf(), source: Box::new(source) })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    list.model.into_iter().enumerate().map(|(number, entry)| read_model(path, folder, number, entry)).collect()
}

fn read_model(path: &Path, folder: &Path, number: usize, entry: BTreeMap<String, toml::Value>) -> Result<ModelSpec, TransferError> {
    let mut spec = ModelSpec::default();
    let mut question = Question::default();
    for (key, value) in &entry {
        let text = words(value);
        let file = || text.first().map(|file| folder.join(file));
        match key.as_str() {
            "name" => spec.name = text.first().cloned(),
            "classes" => spec.classes = file(),
            "map" => spec.map = file(),
            "file" => {
                let file = text.first().cloned().unwrap_or_default();
                let address = Artefact::of(&file).is_address();
                question.artefact.model = if address { file.into() } else { folder.join(file) };
            }
            _ => {
                let entry = spec.name.clone().unwrap_or_else(|| (number + 1).to_string());
                let failed = |source| TransferError::Entry { entry: entry.clone(), path: path.to_path_buf(), source };
                let setting = setting(key).map_err(failed)?;
                if !matches!(setting.part, Part::Model | Part::Preprocessing) || setting.form == Form::Positional {
                    return Err(TransferError::NotOfOneModel { entry, path: path.to_path_buf(), setting: setting.name });
                }
                setting.put(&mut question, &text).map_err(failed)?;
            }
        }
    }
    if question.artefact.model.as_os_str().is_empty() {
        return Err(TransferError::Nameless { number: number + 1, path: path.to_path_buf() });
    }
    Ok(ModelSpec { artefact: question.artefact, ..spec })
}

/// The words of a value.
fn words(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(values) => values.iter().flat_map(words).collect(),
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_models_is_read_with_the_settings_of_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.toml");
        let text =
            "[[model]]\nfile = \"a.onnx\"\nname = \"A\"\nmean = [0.5, 0.25, 0]\nstd = 0.2\n[[model]]\nfile = \"http://h/v2/models/m\"\n";
        std::fs::write(&path, text).unwrap();
        let models = read_models(&path).unwrap();
        assert_eq!((models[0].name(), models[0].artefact.mean.clone()), ("A".to_owned(), vec![0.5, 0.25, 0.0]));
        assert_eq!(models[0].artefact.model, folder.path().join("a.onnx"));
        assert!(models[1].artefact.is_address());
        assert_eq!(models[1].name(), "m");
        std::fs::write(&path, "[[model]]\nfile = \"a.onnx\"\nmeen = 1\n").unwrap();
        let error = read_models(&path).unwrap_err();
        assert!(matches!(error, TransferError::Entry { .. }), "{error}");
        for other in ["eps = 0.1", "suite = \"fast\"", "limit = 3", "model = \"b.onnx\""] {
            std::fs::write(&path, format!("[[model]]\nfile = \"a.onnx\"\n{other}\n")).unwrap();
            let error = read_models(&path).unwrap_err();
            assert!(matches!(error, TransferError::NotOfOneModel { .. }), "{error}");
        }
        std::fs::write(&path, "[[model]]\nname = \"A\"\n").unwrap();
        assert!(matches!(read_models(&path).unwrap_err(), TransferError::Nameless { number: 1, .. }));
    }

    #[test]
    fn ensembles_are_read_as_they_are_written() {
        for rule in Ensemble::ALL {
            assert_eq!(rule.to_string().parse::<Ensemble>().unwrap(), rule);
        }
        assert!("mean".parse::<Ensemble>().unwrap_err().contains("norm, loss, logits, prob"));
    }
}
