//! Suites: lists of attacks, each run on what the former left over, as TOML.

use brinell_threat::{Norm, nearest_name};
use serde::Deserialize;
use toml::Spanned;

use crate::{AttackError, Knowledge, Recipe, recipe};

/// The suites that are compiled in.
const BUILT_IN: &[(&str, &str)] = &[
    ("none", include_str!("../suites/none.toml")),
    ("quick", include_str!("../suites/quick.toml")),
    ("fast", include_str!("../suites/fast.toml")),
    ("standard", include_str!("../suites/standard.toml")),
    ("plus", include_str!("../suites/plus.toml")),
    ("rand", include_str!("../suites/rand.toml")),
    ("minimum", include_str!("../suites/minimum.toml")),
    ("score", include_str!("../suites/score.toml")),
    ("label", include_str!("../suites/label.toml")),
    ("trees", include_str!("../suites/trees.toml")),
];

/// Attacks that run one after the other.
#[derive(Debug, Clone)]
pub struct Suite {
    name: String,
    about: String,
    text: String,
    stages: Vec<Entry>,
}

/// One attack of a suite, ready to run.
pub struct SuiteStage {
    /// The attack.
    pub recipe: Box<dyn Recipe>,
    /// How it is run.
    pub settings: StageSettings,
}

/// How a stage is run, apart from what its attack does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSettings {
    /// In which order samples are taken.
    pub order: StageOrder,
    /// Forwards plus backwards that one sample may cost in this stage.
    pub max_queries: Option<u64>,
    /// Only samples whose margin earlier stages brought down to this share of the clean one; all where absent.
    pub near: Option<f64>,
}

impl StageSettings {
    /// True where the stage takes a sample whose goal margin was `clean` and was brought up to `reached` (both negative while it stands).
    #[must_use]
    pub fn takes(&self, clean: f64, reached: f64) -> bool {
        // A margin that is not finite says nothing; such a sample is attacked.
        self.near.is_none_or(|near| {
            let left = reached / clean;
            !left.is_finite() || left <= near
        })
    }
}

/// In which order a stage takes its samples. What it finds out about each does not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageOrder {
    /// As in the data.
    #[default]
    Data,
    /// Those first that the earlier stages came nearest to breaking.
    Margin,
}

/// A suite as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: Option<String>,
    stage: Vec<RawEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawEntry {
    attack: Spanned<String>,
    norms: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    order: StageOrder,
    max_queries: Option<Spanned<u64>>,
    near: Option<Spanned<f64>>,
}

/// A stage whose attack is known to be one.
#[derive(Debug, Clone)]
struct Entry {
    attack: String,
    norms: Option<Vec<Norm>>,
    settings: StageSettings,
}

impl Suite {
    /// Returns the suite of that name.
    ///
    /// # Errors
    /// `UnknownSuite`, which lists what is known and names the nearest.
    pub fn named(name: &str) -> Result<Self, AttackError> {
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = suites().collect();
            let nearest = nearest_name(name, &known);
            return Err(AttackError::UnknownSuite { name: name.to_owned(), known, nearest });
        };
        Self::parse(name, text)
    }

    /// Reads a suite.
    ///
    /// # Errors
    /// `BadSuite` and `BadStage`, which name the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, AttackError> {
        let bad =
            |error: toml::de::Error| AttackError::BadSuite { name: name.to_owned(), problem: error.to_string().trim_end().to_owned() };
        let file: File = toml::from_str(text).map_err(bad)?;
        let at = |start: usize, problem: AttackError| {
            let line = text.bytes().take(start).filter(|&byte| byte == b'\n').count() + 1;
            AttackError::BadStage { name: name.to_owned(), line, source: Box::new(problem) }
        };
        let mut stages = Vec::new();
        for raw in file.stage {
            let made = recipe(raw.attack.get_ref()).map_err(|error| at(raw.attack.span().start, error))?;
            let mut norms = None;
            if let Some(given) = &raw.norms {
                let read = |text: &String| text.parse::<Norm>().map_err(|error| at(given.span().start, error.into()));
                let given_norms = given.get_ref().iter().map(read).collect::<Result<Vec<_>, _>>()?;
                if let Some(&norm) = given_norms.iter().find(|norm| !made.norms().contains(norm)) {
                    return Err(at(given.span().start, AttackError::NotItsNorm { attack: made.name().to_owned(), norm }));
                }
                norms = Some(given_norms);
            }
            let max_queries = raw.max_queries.as_ref();
            if let Some(limit) = max_queries.filter(|limit| *limit.get_ref() < 2) {
                return Err(at(limit.span().start, AttackError::TooFewQueries));
            }
            if let Some(near) = raw.near.as_ref().filter(|near| !(0.0..=1.0).contains(near.get_ref())) {
                return Err(at(near.span().start, AttackError::BadNear));
            }
            let settings = StageSettings {
                order: raw.order,
                max_queries: max_queries.map(|limit| *limit.get_ref()),
                near: raw.near.map(Spanned::into_inner),
            };
            stages.push(Entry { attack: raw.attack.into_inner(), norms, settings });
        }
        Ok(Self { name: name.to_owned(), about: file.about.unwrap_or_default(), text: text.to_owned(), stages })
    }

    /// A suite of these attacks with nothing else to say about them.
    ///
    /// # Errors
    /// As [`recipe`].
    pub fn of(name: &str, specs: &[String]) -> Result<Self, AttackError> {
        let stage = |spec: &String| {
            recipe(spec)?;
            Ok(Entry { attack: spec.clone(), norms: None, settings: StageSettings::default() })
        };
        let stages = specs.iter().map(stage).collect::<Result<_, AttackError>>()?;
        Ok(Self { name: name.to_owned(), about: String::new(), text: String::new(), stages })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The TOML that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its stages for one norm: those that are for it, or for any.
    ///
    /// # Errors
    /// `NoStage` where it has stages, but none for the norm.
    pub fn stages(&self, norm: Norm) -> Result<Vec<SuiteStage>, AttackError> {
        let fits = |entry: &&Entry| entry.norms.as_ref().is_none_or(|norms| norms.contains(&norm));
        let stages = self.stages.iter().filter(fits);
        let stages = stages.map(|entry| Ok(SuiteStage { recipe: recipe(&entry.attack)?, settings: entry.settings }));
        let stages: Vec<SuiteStage> = stages.collect::<Result<_, AttackError>>()?;
        if stages.is_empty() && !self.stages.is_empty() {
            let has = |norm: &Norm| self.stages.iter().any(|entry| entry.norms.as_ref().is_some_and(|norms| norms.contains(norm)));
            let known = Norm::ALL.into_iter().filter(has).collect();
            return Err(AttackError::NoStage { suite: self.name.clone(), norm, known });
        }
        Ok(stages)
    }
}

/// Name of the suite for an attacker who sees so much; `nearest` where the smallest change is looked for.
#[must_use]
pub fn suite_for(knowledge: Knowledge, nearest: bool) -> &'static str {
    match (knowledge, nearest) {
        (Knowledge::White, false) => "quick",
        (Knowledge::White, true) => "minimum",
        (Knowledge::Score, false) => "score",
        // No attack on scores looks for the smallest change; who sees scores sees labels too.
        (Knowledge::Score, true) | (Knowledge::Label, _) => "label",
    }
}

impl SuiteStage {
    /// Attack and settings in one line, for the record.
    #[must_use]
    pub fn describe(&self) -> String {
        let StageSettings { order, max_queries, near } = self.settings;
        let order = if order == StageOrder::Margin { " order=margin" } else { "" };
        let limit = max_queries.map(|limit| format!(" max-queries={limit}")).unwrap_or_default();
        let near = near.map(|near| format!(" near={near}")).unwrap_or_default();
        format!("{}{order}{limit}{near}", self.recipe.describe())
    }
}

/// Names of all suites that are compiled in.
pub fn suites() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spent;

    fn names(suite: &str, norm: Norm) -> Vec<String> {
        Suite::named(suite).unwrap().stages(norm).unwrap().iter().map(|stage| stage.recipe.name().to_owned()).collect()
    }

    #[test]
    fn every_suite_is_read_and_says_what_it_is_for() {
        for name in suites() {
            let suite = Suite::named(name).unwrap();
            assert!(!suite.about().is_empty() && suite.name() == name, "{name}");
            suite.stages(Norm::Linf).unwrap();
        }
        assert_eq!(
            Suite::named("slow").unwrap_err().to_string(),
            "unknown suite 'slow'; the suites are none, quick, fast, standard, plus, rand, minimum, score, label, trees"
        );
    }

    #[test]
    fn the_suite_for_a_knowledge_needs_no_more() {
        for &knowledge in Knowledge::ALL {
            for nearest in [false, true] {
                let stages = Suite::named(suite_for(knowledge, nearest)).unwrap().stages(Norm::L2).unwrap();
                assert!(!stages.is_empty());
                assert!(stages.iter().all(|stage| stage.recipe.knowledge() <= knowledge), "{knowledge:?}");
                assert!(!nearest || stages.iter().all(|stage| stage.recipe.seeks_minimum()), "{knowledge:?}");
            }
        }
    }

    #[test]
    fn standard_and_plus_are_those_of_the_reference() {
        assert_eq!(names("standard", Norm::Linf), ["apgd-ce", "apgd-t", "fab-t", "square"]);
        assert_eq!(names("plus", Norm::L2), ["apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"]);
        assert_eq!(names("rand", Norm::Linf), ["apgd-ce", "apgd-dlr"]);
        let runs = |norm| Suite::named("standard").unwrap().stages(norm).unwrap().iter().map(|stage| stage.recipe.runs(9)).collect();
        let (linf, l1): (Vec<u32>, Vec<u32>) = (runs(Norm::Linf), runs(Norm::L1));
        assert_eq!((linf, l1), (vec![1, 9, 9, 1], vec![5, 5, 9, 1]));
    }

    #[test]
    fn a_survivor_of_standard_costs_the_reference_what_was_counted_there() {
        // As counted in an instrumented run of auto-attack: clean pass 1 and 0 besides.
        for (norm, expected) in [
            (Norm::Linf, [(103, 101), (920, 909), (1829, 900), (5004, 0)]),
            (Norm::L2, [(103, 101), (920, 909), (1829, 900), (5004, 0)]),
            (Norm::L1, [(517, 515), (522, 515), (1829, 900), (5004, 0)]),
        ] {
            let stages = Suite::named("standard").unwrap().stages(norm).unwrap();
            let cost = |stage: &SuiteStage| {
                let spent = Spent::by_survivor(stage.recipe.as_ref(), norm, 9, 10);
                let queries = stage.recipe.reference(&spent).unwrap();
                (queries.forwards, queries.backwards)
            };
            let found: Vec<(u64, u64)> = stages.iter().map(cost).collect();
            assert_eq!(found, expected, "{norm}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, words) in [
            ("stage = 1", "line 1"),
            ("[[stage]]\nattack = \"apgd-ce\"\nnorm = \"l2\"\n", "unknown field `norm`"),
            ("[[stage]]\n\nattack = \"apgd\"\n", "line 3: unknown attack 'apgd'"),
            ("[[stage]]\nattack = \"apgd-ce:steps=0\"\n", "line 2: setting steps"),
            ("[[stage]]\nattack = \"apgd-ce\"\nnorms = [\"l3\"]\n", "line 3: unknown norm 'l3'"),
            ("[[stage]]\nattack = \"square\"\nnorms = [\"l0\"]\n", "line 3: attack square does not support the norm l0"),
            ("[[stage]]\nattack = \"square\"\nmax-queries = 1\n", "line 3: max-queries must be at least 2"),
            ("[[stage]]\nattack = \"square\"\norder = \"size\"\n", "unknown variant `size`"),
            ("[[stage]]\nattack = \"square\"\nnear = 1.5\n", "line 3: near must be between 0 and 1"),
            ("about = \"x\"\n", "missing field `stage`"),
        ] {
            let error = Suite::parse("mine.toml", text).unwrap_err().to_string();
            assert!(error.starts_with("suite 'mine.toml'") && error.contains(words), "{error}");
        }
        let error = Suite::named("standard").unwrap().stages(Norm::L0).err().unwrap().to_string();
        assert_eq!(error, "suite 'standard' has no attack for the norm l0, only for linf, l2, l1");
    }

    #[test]
    fn a_stage_for_near_samples_leaves_out_those_that_earlier_ones_hardly_moved() {
        let near = StageSettings { near: Some(0.25), ..StageSettings::default() };
        assert!(near.takes(-4.0, -1.0) && near.takes(-4.0, -0.1) && near.takes(f64::NAN, -1.0));
        assert!(!near.takes(-4.0, -1.1) && !near.takes(-4.0, -4.0));
        assert!(StageSettings::default().takes(-4.0, -4.0));
    }

    #[test]
    fn settings_of_a_stage_are_part_of_its_description() {
        let suite = Suite::parse("mine", "[[stage]]\nattack = \"fgsm\"\norder = \"margin\"\nmax-queries = 7\n").unwrap();
        assert_eq!(suite.stages(Norm::L2).unwrap()[0].describe(), "fgsm order=margin max-queries=7");
        assert_eq!(Suite::of("custom", &["fgsm".to_owned()]).unwrap().stages(Norm::L2).unwrap()[0].describe(), "fgsm");
    }
}
