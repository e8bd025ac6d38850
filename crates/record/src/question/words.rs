//! Words that stand for values.

/// A word that stands for nothing here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{word}`; use {known}")]
pub struct WordError {
    /// What the word should name, such as `norm`.
    pub what: &'static str,
    /// The word as given.
    pub word: String,
    /// The words that are known, as a list in a sentence.
    pub known: String,
    /// The known word that is spelt most alike, where one is near.
    pub nearest: Option<String>,
}

impl WordError {
    /// Builds the error for a word that is none of `known`.
    #[must_use]
    pub fn new(what: &'static str, word: &str, known: &[&str]) -> Self {
        let nearest = nearest(word, known.iter().copied()).map(str::to_owned);
        Self { what, word: word.to_owned(), known: list(known), nearest }
    }
}

/// Joins words as in a sentence: `a, b or c`.
fn list(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// Returns the known word that is spelt most like `word`, where they are alike enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let scored = known.map(|other| (strsim::damerau_levenshtein(&lower, &other.to_lowercase()), other));
    let allowed = (lower.chars().count() / 3).max(1);
    scored.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// Gives an enumeration names: `name()`, `ALL`, parsing, display, and (de)serialisation by name.
macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident = $name:literal $(| $alias:literal)*),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The names of all values, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Returns the name on the command line, in files and in records.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::question::words::WordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err($crate::question::words::WordError::new($what, text, Self::NAMES)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        $crate::question::words::by_text!($type);
    };
}

/// Serialises a type as its text and reads it from there.
macro_rules! by_text {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = $crate::question::words::Text::deserialize(deserializer)?.0;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {by_text, words};

/// Text, or a number as its text: `8/255`, `0.03`.
pub(crate) struct Text(pub(crate) String);

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a word, a number such as 0.03, or a fraction such as \"8/255\"")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_where_it_may_be_meant() {
        let known = ["linf", "l2", "l1", "l0"];
        assert_eq!(nearest("L2", known.into_iter()), Some("l2"));
        assert_eq!(nearest("lnif", known.into_iter()), Some("linf"));
        assert_eq!(nearest("euclidean", known.into_iter()), None);
    }
}
