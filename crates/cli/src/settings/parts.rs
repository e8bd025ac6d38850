//! The settings that single commands take, as flags: parts of the table, some in other words.

use std::path::Path;

use brinell::record::{Form, Part, SETTINGS, Setting, setting};
use brinell::{Artefact, Question, Running, Scale};
use clap::{ArgMatches, Args, FromArgMatches};

use super::{Given, flag, given};
use crate::failure::Failure;

/// Checks settings and puts them into a question.
fn put(given: &Given, question: &mut Question) -> Result<(), Failure> {
    for (name, values) in given {
        setting(name).and_then(|setting| setting.put(question, values)).map_err(Failure::from_error)?;
    }
    Ok(())
}

/// Checks settings and makes a question of them; the scale of a table is that of its data.
fn of(given: &Given) -> Result<Question, Failure> {
    let mut question = Question::of(given.iter().map(|(name, values)| (*name, values.as_slice()))).map_err(Failure::from_error)?;
    if question.artefact.scale.is_none() && brinell::data::is_table(&question.population.data) {
        question.artefact.scale = Some(Scale::Data);
    }
    Ok(question)
}

/// Defines the flags of one part of the settings, for commands that take no more.
macro_rules! part {
    ($name:ident, $doc:literal, $wanted:expr) => {
        part!($name, $doc, $wanted, |command| command);
    };
    ($name:ident, $doc:literal, $wanted:expr, $reword:expr) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name(Given);

        impl $name {
            fn wanted(setting: &Setting) -> bool {
                let wanted: fn(&Setting) -> bool = $wanted;
                wanted(setting)
            }
        }

        impl Args for $name {
            fn augment_args(command: clap::Command) -> clap::Command {
                let reword: fn(clap::Command) -> clap::Command = $reword;
                reword(command.args(SETTINGS.iter().filter(|setting| Self::wanted(setting)).map(flag)))
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(given(matches, Self::wanted)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

/// The help of a command that needs the weights of the model.
fn file(command: clap::Command) -> clap::Command {
    command.mut_arg("model", |arg| arg.help("ONNX file of the model"))
}

/// The help of a command for some norms only; the library refuses the others by name.
fn norms(command: clap::Command, names: &'static [&'static str]) -> clap::Command {
    let command = command
        .mut_arg("norm", |arg| arg.help(format!("How the size of a change is measured: {}", names.join(", "))).hide_possible_values(true));
    command.mut_arg("eps", |arg| arg.help("Largest allowed change, in units of --scale, such as 8/255 or 0.03"))
}

/// Settings of models that refuse samples.
const REFUSALS: [&str; 2] = ["suspicion", "max-suspicion"];

/// Settings of other tasks than classification.
const TASKS: [&str; 6] = ["task", "top-k", "only-labels", "tolerance", "distance", "pairs"];

part!(
    Training,
    "Model, training samples, threat and runtime of a training run.",
    |setting| {
        let others = ["target", "knowledge", "minimum-norm", "batch", "certify"];
        (setting.part != Part::Attacks || setting.name == "seed")
            && !others.iter().chain(&TASKS).chain(&REFUSALS).any(|other| *other == setting.name)
    },
    |command| norms(file(command), &["linf", "l2"])
);
part!(Ports, "Which input and output of a model are looked at.", |setting| {
    setting.part == Part::Model && setting.form != Form::Positional
});
part!(Classifiers, "Which input and output of classifiers are looked at.", |setting| {
    setting.part == Part::Model && setting.form != Form::Positional && !TASKS.iter().chain(&REFUSALS).any(|other| *other == setting.name)
});
part!(Fronts, "What stands between a shared image and a model.", |setting| setting.part == Part::Preprocessing, |command| command
    .mut_arg("scale", |arg| {
        arg.help("Range of the model's input; images are rescaled to it: 0..1, 0..255 or any two numbers [default: 0..1]")
    }));
part!(Contenders, "What is asked of several models alike.", |setting| {
    setting.form != Form::Positional && !["minimum-norm", "certify"].contains(&setting.name)
});
part!(Samples, "The samples.", |setting| setting.part == Part::Data && !TASKS.contains(&setting.name));
part!(Runners, "What executes models, for commands that read what to do from files of their own.", |setting| {
    setting.part == Part::Running
});

impl Fronts {
    /// Checks the settings and puts them into a question.
    pub(crate) fn put(&self, question: &mut Question) -> Result<(), Failure> {
        put(&self.0, question)
    }
}

impl Samples {
    /// Checks the settings and puts them into a question.
    pub(crate) fn put(&self, question: &mut Question) -> Result<(), Failure> {
        put(&self.0, question)
    }
}

part!(
    Defended,
    "Model, samples and runtime of a defence.",
    |setting| {
        let others = ["batch", "defence-end"];
        matches!(setting.part, Part::Model | Part::Data | Part::Preprocessing | Part::Running)
            && !others.iter().chain(&TASKS).chain(&REFUSALS).any(|other| *other == setting.name)
    },
    file
);

impl Defended {
    /// Checks the settings and turns them into a question without a threat.
    pub(crate) fn question(&self) -> Result<Question, Failure> {
        let mut question = Question::default();
        put(&self.0, &mut question)?;
        if question.artefact.model.as_os_str().is_empty() {
            return Err(Failure::input("missing: the model"));
        }
        if question.population.data.as_os_str().is_empty() {
            return Err(Failure::input("missing: the samples").hint("name them with --data"));
        }
        Ok(question)
    }
}

part!(
    Smoothable,
    "What a certificate of a smoothed classifier is about.",
    |setting| {
        let others = ["defence-end", "task", "only-labels", "tolerance", "distance", "pairs"];
        (matches!(setting.part, Part::Model | Part::Data | Part::Preprocessing | Part::Running)
            && !others.iter().chain(&REFUSALS).any(|other| *other == setting.name))
            || ["norm", "eps", "seed"].contains(&setting.name)
    },
    |command| norms(command, &["linf", "l2", "l1"])
);
part!(
    Certifiable,
    "What a certificate is about.",
    |setting| {
        (matches!(setting.part, Part::Model | Part::Data | Part::Preprocessing | Part::Running)
            && setting.name != "defence-end"
            && !REFUSALS.contains(&setting.name))
            || ["norm", "eps", "target"].contains(&setting.name)
    },
    |command| norms(file(command), &["linf", "l2", "l1"])
);

impl Smoothable {
    /// Checks the settings and turns them into a question.
    pub(crate) fn question(&self) -> Result<Question, Failure> {
        Question::of(self.0.iter().map(|(name, values)| (*name, values.as_slice()))).map_err(Failure::from_error)
    }
}

impl Certifiable {
    /// Checks the settings and turns them into a question.
    pub(crate) fn question(&self) -> Result<Question, Failure> {
        Question::of(self.0.iter().map(|(name, values)| (*name, values.as_slice()))).map_err(Failure::from_error)
    }
}

impl Contenders {
    /// Checks the settings and turns them into what is asked of every model, with `model` as the first of them.
    pub(crate) fn question(&self, model: &Path) -> Result<Question, Failure> {
        let mut given = self.0.clone();
        given.insert("model", vec![model.to_string_lossy().into_owned()]);
        of(&given)
    }
}

impl Training {
    /// Returns what is asked of the model.
    pub(crate) fn question(&self) -> Result<Question, Failure> {
        of(&self.0)
    }
}

impl Ports {
    /// Returns what is said of a model.
    pub(crate) fn artefact(&self, model: &Path) -> Result<Artefact, Failure> {
        artefact(&self.0, model)
    }
}

impl Classifiers {
    /// Returns what is said of a model.
    pub(crate) fn artefact(&self, model: &Path) -> Result<Artefact, Failure> {
        artefact(&self.0, model)
    }
}

fn artefact(given: &Given, model: &Path) -> Result<Artefact, Failure> {
    let mut question = Question::default();
    put(given, &mut question)?;
    Ok(Artefact { model: model.to_path_buf(), ..question.artefact })
}

impl Runners {
    /// Returns the settings that were given, by name.
    pub(crate) fn words(self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.0.into_iter().map(|(name, values)| (name.to_owned(), values))
    }

    /// Returns what executes the models.
    pub(crate) fn running(&self) -> Result<Running, Failure> {
        let mut question = Question::default();
        put(&self.0, &mut question)?;
        Ok(question.running)
    }
}
