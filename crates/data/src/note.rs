//! What was done to data on the way from the file to the samples, and what of it was left out.

use std::fmt;

/// One thing that a reader of the result should know about how the data were read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Images whose EXIF orientation was applied.
    Oriented {
        /// Number of images.
        images: usize,
    },
    /// Parts of images that play no role in their pixels as they were read.
    Ignored {
        /// Images with a colour profile, which was not applied.
        profiles: usize,
        /// Images with transparency, which was dropped.
        alphas: usize,
        /// Images of 16 bits a channel, which became 8.
        depths: usize,
        /// Animations, of which the first picture was read.
        animations: usize,
    },
    /// Labels were rows of zeros with a single 1.
    OneHot {
        /// Length of a row.
        classes: usize,
    },
    /// Columns that number the rows, as pandas writes them, are no features.
    Index {
        /// Names of the columns; empty for one without.
        columns: Vec<String>,
    },
    /// Columns that the model does not take.
    Unused {
        /// Names of the columns.
        columns: Vec<String>,
    },
    /// The columns stand in another order than the model's features, and were matched by name.
    Reordered,
    /// The text is not UTF-8.
    Encoding {
        /// The encoding it was read in.
        name: &'static str,
    },
    /// Numbers have a decimal comma.
    DecimalComma,
    /// Lines at the beginning that start with `#` were left out.
    Comments {
        /// Number of lines.
        lines: usize,
    },
    /// Whole numbers that single precision, in which the model computes, does not hold.
    Coarsened {
        /// Number of values.
        values: usize,
    },
    /// Values that are missing and stay so: the model handles them.
    Missing {
        /// Number of values.
        values: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let quoted = |names: &[String]| {
            names
                .iter()
                .map(|name| if name.is_empty() { "the first, which has no name".to_owned() } else { format!("`{name}`") })
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Oriented { images } => write!(f, "{} turned as EXIF says", some(*images, "image")),
            Self::Ignored { profiles, alphas, depths, animations } => {
                let parts = [
                    (*profiles, "colour profile"),
                    (*alphas, "transparency channel"),
                    (*depths, "16-bit depth"),
                    (*animations, "animation"),
                ];
                let parts: Vec<String> =
                    parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what} of {}", some(*n, "image"))).collect();
                write!(f, "not used: {}", parts.join(", "))
            }
            Self::OneHot { classes } => write!(f, "labels were read from one-hot rows of {}", some(*classes, "value")),
            Self::Index { columns } => write!(f, "columns with row numbers were ignored: {}", quoted(columns)),
            Self::Unused { columns } => write!(f, "columns that the model does not use were ignored: {}", quoted(columns)),
            Self::Reordered => f.write_str("columns were put in the order of the model's features, by name"),
            Self::Encoding { name } => write!(f, "the text was read as {name}"),
            Self::DecimalComma => f.write_str("numbers were read with a decimal comma"),
            Self::Comments { lines } => write!(f, "{} at the beginning left out", some(*lines, "comment line")),
            Self::Coarsened { values } => {
                write!(f, "{} were rounded to single precision, in which the model computes", some(*values, "whole number"))
            }
            Self::Missing { values } => write!(f, "{} stay missing", some(*values, "value")),
        }
    }
}
