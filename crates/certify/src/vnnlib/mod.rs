//! Properties in the format of the verification competition, VNN-LIB: which inputs are asked about, and which outputs must not occur.
//!
//! Of version 2.0 a query about one network with one input and one output is read, whose assertions are those of version 1.0: bounds of single inputs, and linear
//! atoms of outputs that are not strict.
//!
//! # Source
//! Demarchi et al., "Supporting Standardization of Neural Networks Verification with VNN-LIB and CoCoNet", FoMLAS 2023; the grammar of 2.0 is
//! `syntax/grammar.cf` of VNNLIB-Standard, April 2026.

mod declared;

use std::collections::HashMap;

use crate::error::CertifyError;
use crate::property::{Atom, Property};
use crate::region::Region;

pub use declared::{Declared, Tensor};
use declared::{named, numbers};

/// A box of inputs, and what must not happen on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The inputs.
    pub region: Region,
    /// What must not happen.
    pub property: Property,
}

/// A file of a property: the answer is "sat" where one of its cases happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Cases with different boxes.
    pub cases: Vec<Case>,
    /// The network as version 2.0 declares it; none in version 1.0.
    pub declared: Option<Declared>,
}

/// Nesting beyond this is refused.
const DEPTH: usize = 64;
/// Cases after disjunctions are multiplied out.
const CASES: usize = 100_000;
/// Elements of a tensor.
const LARGEST: usize = 1 << 26;

#[derive(Debug)]
enum Form {
    Word(String, usize),
    List(Vec<Form>, usize),
}

impl Form {
    fn line(&self) -> usize {
        match self {
            Self::Word(_, line) | Self::List(_, line) => *line,
        }
    }

    fn list(&self) -> Result<&[Form], CertifyError> {
        match self {
            Self::List(list, _) => Ok(list),
            Self::Word(word, line) => bad(*line, format!("found `{word}` instead of a list")),
        }
    }

    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word, _) => Some(word),
            Self::List(..) => None,
        }
    }
}

fn bad<T>(line: usize, problem: impl Into<String>) -> Result<T, CertifyError> {
    Err(CertifyError::Property { line, problem: problem.into() })
}

/// A linear expression of inputs and outputs.
#[derive(Debug, Clone, Default)]
struct Linear {
    inputs: HashMap<usize, f64>,
    outputs: HashMap<usize, f64>,
    constant: f64,
}

impl Linear {
    fn add(&mut self, other: &Self, factor: f64) {
        for (own, others) in [(&mut self.inputs, &other.inputs), (&mut self.outputs, &other.outputs)] {
            for (&i, &x) in others {
                *own.entry(i).or_default() += factor * x;
            }
        }
        self.constant += factor * other.constant;
    }

    fn is_constant(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}

/// Lower and upper ends of the inputs, and the clauses of their property.
type Boxed = (Vec<f64>, Vec<f64>, Vec<Vec<Atom>>);

/// `expression <= 0`, in a conjunction.
type Conjunction = Vec<(Linear, usize)>;

#[derive(Default)]
struct Reader {
    inputs: usize,
    outputs: usize,
    /// The version of the language is 2.0.
    is_second: bool,
    declared: Option<Declared>,
}

impl Query {
    /// Reads the text of a property.
    ///
    /// # Errors
    /// [`CertifyError::Property`] names the line; [`CertifyError::Interval`] for contradictory bounds of an input is no error but an empty case.
    pub fn read(text: &str) -> Result<Self, CertifyError> {
        let forms = parse(text)?;
        let mut reader = Reader::default();
        // One conjunction of what every case has, and disjunctions to be multiplied out.
        let mut cases: Vec<Conjunction> = vec![Vec::new()];
        for form in &forms {
            let list = form.list()?;
            let line = form.line();
            match (list.first().and_then(Form::word), list) {
                (Some("vnnlib-version"), [_, version]) => match version.word() {
                    Some("<2.0>") => reader.is_second = true,
                    Some("<1.0>") => {}
                    other => return bad(line, format!("version `{}` of the language is not known", other.unwrap_or_default())),
                },
                (Some("declare-const" | "declare-fun"), [_, name, rest @ ..]) if !reader.is_second => reader.declare(name, rest, line)?,
                (Some("declare-network"), [_, name, parts @ ..]) if reader.is_second => reader.network(name, parts, line)?,
                (Some("assert"), [_, formula]) => {
                    let alternatives = reader.formula(formula)?;
                    let [only] = alternatives.as_slice() else {
                        if cases.len().saturating_mul(alternatives.len()) > CASES {
                            return bad(line, format!("more than {CASES} cases"));
                        }
                        cases = cases.iter().flat_map(|case| alternatives.iter().map(|more| [case.as_slice(), more].concat())).collect();
                        continue;
                    };
                    cases.iter_mut().for_each(|case| case.extend(only.iter().cloned()));
                }
                (Some("set-logic" | "set-info" | "check-sat" | "exit"), _) => {}
                (Some(other), _) => return bad(line, format!("unknown command `{other}`")),
                (None, _) => return bad(line, "a command is expected"),
            }
        }
        if reader.inputs == 0 || reader.outputs == 0 {
            return bad(1, "no inputs X_0, .. or no outputs Y_0, .. are declared");
        }
        reader.assemble(cases)
    }
}

impl Reader {
    fn network(&mut self, name: &Form, parts: &[Form], line: usize) -> Result<(), CertifyError> {
        if self.declared.is_some() {
            return bad(line, "a second network is declared; queries about one can be read");
        }
        let (mut input, mut output) = (None, None);
        for part in parts {
            let (list, line) = (part.list()?, part.line());
            let words: Vec<&str> = list.iter().filter_map(Form::word).collect();
            let slot = match words.as_slice() {
                ["declare-input", ..] => &mut input,
                ["declare-output", ..] => &mut output,
                [other, ..] => return bad(line, format!("`{other}` cannot be read; a network has one input and one output")),
                [] => return bad(line, "a declaration is expected"),
            };
            // The shape is joined to the word before.
            let &[_, name, element] = words.as_slice() else { return bad(line, "a declaration has a name, a type and a shape") };
            let (element, shape) = named(element);
            let is_f32 = match element {
                "float32" => true,
                "Real" | "real" => false,
                other => return bad(line, format!("elements of type `{other}` cannot be read; `Real` and `float32` can")),
            };
            if slot.replace(Tensor { name: name.to_owned(), is_f32, shape: numbers(shape, line)? }).is_some() {
                return bad(line, "the network has several inputs or outputs; one of each can be read");
            }
        }
        let (Some(input), Some(output), Some(network)) = (input, output, name.word()) else {
            return bad(line, "a network needs a name, an input and an output");
        };
        (self.inputs, self.outputs) = match (input.len(), output.len()) {
            (Some(inputs), Some(outputs)) if inputs <= LARGEST && outputs <= LARGEST => (inputs, outputs),
            _ => return bad(line, format!("the tensors have more than {LARGEST} elements")),
        };
        self.declared = Some(Declared { network: network.to_owned(), input, output });
        Ok(())
    }

    fn declare(&mut self, name: &Form, rest: &[Form], line: usize) -> Result<(), CertifyError> {
        let name = name.word().unwrap_or_default();
        if rest.last().and_then(Form::word) != Some("Real") {
            return bad(line, format!("`{name}` is not declared as Real"));
        }
        let count = match name.split_once('_').map(|(letter, number)| (letter, number.parse::<usize>())) {
            Some(("X", Ok(i))) if i == self.inputs => &mut self.inputs,
            Some(("Y", Ok(i))) if i == self.outputs => &mut self.outputs,
            _ => return bad(line, format!("`{name}` is declared, but the next X_i or Y_i is expected")),
        };
        *count += 1;
        Ok(())
    }

    /// A formula as alternatives of conjunctions.
    fn formula(&self, form: &Form) -> Result<Vec<Conjunction>, CertifyError> {
        let (list, line) = (form.list()?, form.line());
        let operator = list.first().and_then(Form::word).unwrap_or_default();
        match (operator, &list[1.min(list.len())..]) {
            ("or", parts) => Ok(parts.iter().map(|part| self.formula(part)).collect::<Result<Vec<_>, _>>()?.concat()),
            ("and", parts) => {
                let mut all: Vec<Conjunction> = vec![Vec::new()];
                for part in parts {
                    let alternatives = self.formula(part)?;
                    if all.len().saturating_mul(alternatives.len()) > CASES {
                        return bad(line, format!("more than {CASES} cases"));
                    }
                    if let [only] = alternatives.as_slice() {
                        all.iter_mut().for_each(|case| case.extend(only.iter().cloned()));
                    } else {
                        all = all.iter().flat_map(|case| alternatives.iter().map(|more| [case.as_slice(), more].concat())).collect();
                    }
                }
                Ok(all)
            }
            ("<=" | ">=" | "==" | "=", [a, b]) => {
                let (a, b) = (self.term(a)?, self.term(b)?);
                let atom = |from: &Linear, less: &Linear| {
                    let mut expression = from.clone();
                    expression.add(less, -1.0);
                    (expression, line)
                };
                Ok(vec![match operator {
                    "<=" => vec![atom(&a, &b)],
                    ">=" => vec![atom(&b, &a)],
                    _ => vec![atom(&a, &b), atom(&b, &a)],
                }])
            }
            ("<" | ">", _) => bad(line, format!("`{operator}` is a strict inequality; only `<=` and `>=` are supported")),
            (other, _) => bad(line, format!("unknown formula `{other}`")),
        }
    }

    fn term(&self, form: &Form) -> Result<Linear, CertifyError> {
        let line = form.line();
        if let Some(word) = form.word() {
            return self.leaf(word, line);
        }
        let list = form.list()?;
        let operator = list.first().and_then(Form::word).unwrap_or_default();
        let terms = list.iter().skip(1).map(|term| self.term(term)).collect::<Result<Vec<_>, _>>()?;
        let mut sum = Linear::default();
        match (operator, terms.as_slice()) {
            ("+", terms) => terms.iter().for_each(|term| sum.add(term, 1.0)),
            ("-", [only]) => sum.add(only, -1.0),
            ("-", [first, rest @ ..]) => {
                sum.add(first, 1.0);
                rest.iter().for_each(|term| sum.add(term, -1.0));
            }
            ("*", [a, b]) if a.is_constant() => sum.add(b, a.constant),
            ("*", [a, b]) if b.is_constant() => sum.add(a, b.constant),
            ("*", _) => return bad(line, "a product of variables is not linear"),
            _ => return bad(line, format!("unknown term `{operator}`")),
        }
        Ok(sum)
    }

    fn leaf(&self, word: &str, line: usize) -> Result<Linear, CertifyError> {
        let mut term = Linear::default();
        if let Some(Declared { input, output, .. }) = &self.declared {
            if let Some(i) = input.element(word, line)? {
                term.inputs.insert(i, 1.0);
                return Ok(term);
            }
            if let Some(i) = output.element(word, line)? {
                term.outputs.insert(i, 1.0);
                return Ok(term);
            }
        }
        match word.split_once('_').filter(|_| !self.is_second).map(|(letter, number)| (letter, number.parse::<usize>())) {
            Some(("X", Ok(i))) if i < self.inputs => drop(term.inputs.insert(i, 1.0)),
            Some(("Y", Ok(i))) if i < self.outputs => drop(term.outputs.insert(i, 1.0)),
            Some(("X" | "Y", _)) => return bad(line, format!("`{word}` is not declared")),
            _ => match word.parse::<f64>() {
                Ok(number) if number.is_finite() => term.constant = number,
                _ => return bad(line, format!("`{word}` is neither a number nor declared")),
            },
        }
        Ok(term)
    }

    /// Puts cases with the same box together.
    fn assemble(self, cases: Vec<Conjunction>) -> Result<Query, CertifyError> {
        let mut boxes: Vec<Boxed> = Vec::new();
        for case in cases {
            let (mut lo, mut hi) = (vec![f64::NEG_INFINITY; self.inputs], vec![f64::INFINITY; self.inputs]);
            let mut clause = Vec::new();
            for (expression, line) in case {
                if expression.inputs.is_empty() {
                    let mut row = vec![0.0; self.outputs];
                    expression.outputs.iter().for_each(|(&i, &x)| row[i] = x);
                    clause.push(Atom { row, shift: expression.constant });
                    continue;
                }
                let mut inputs = expression.inputs.iter();
                let (Some((&i, &factor)), None, true) = (inputs.next(), inputs.next(), expression.outputs.is_empty()) else {
                    return bad(
                        line,
                        "an assertion relates several inputs, or inputs and outputs; only bounds of single inputs are supported",
                    );
                };
                let bound = -expression.constant / factor;
                if factor > 0.0 { hi[i] = hi[i].min(bound) } else { lo[i] = lo[i].max(bound) }
            }
            if let Some(i) = (0..self.inputs).find(|&i| !(lo[i].is_finite() && hi[i].is_finite())) {
                return bad(1, format!("X_{i} has no lower or no upper bound"));
            }
            // Contradictory bounds: there is no such input.
            if lo.iter().zip(&hi).any(|(lo, hi)| lo > hi) {
                continue;
            }
            match boxes.iter_mut().find(|(l, h, _)| *l == lo && *h == hi) {
                Some((.., clauses)) => clauses.push(clause),
                None => boxes.push((lo, hi, vec![clause])),
            }
        }
        let case = |(lo, hi, clauses)| Ok(Case { region: Region::between(lo, hi)?, property: Property::new(clauses, self.outputs)? });
        let cases = boxes.into_iter().map(case).collect::<Result<_, CertifyError>>()?;
        Ok(Query { inputs: self.inputs, outputs: self.outputs, cases, declared: self.declared })
    }
}

/// Splits a text into nested lists.
fn parse(text: &str) -> Result<Vec<Form>, CertifyError> {
    let mut open: Vec<(Vec<Form>, usize)> = vec![(Vec::new(), 1)];
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let code = line.split(';').next().unwrap_or_default();
        let spaced = code.replace('(', " ( ").replace(')', " ) ");
        for token in spaced.split_whitespace() {
            match token {
                "(" if open.len() > DEPTH => return bad(number, format!("lists are nested more than {DEPTH} deep")),
                "(" => open.push((Vec::new(), number)),
                ")" => {
                    let closed = open.pop();
                    match (closed, open.last_mut()) {
                        (Some((list, line)), Some((parent, _))) => parent.push(Form::List(list, line)),
                        _ => return bad(number, "a closing parenthesis has no opening one"),
                    }
                }
                word => {
                    if let Some((list, _)) = open.last_mut() {
                        match list.last_mut() {
                            // Indices and shapes belong to the word before, however they are spaced.
                            Some(Form::Word(before, _)) if word.starts_with('[') || (before.contains('[') && !before.ends_with(']')) => {
                                before.push_str(word);
                            }
                            _ => list.push(Form::Word(word.to_owned(), number)),
                        }
                    }
                }
            }
        }
    }
    match (open.pop(), open.last()) {
        (Some((forms, _)), None) => Ok(forms),
        (Some((_, line)), Some(_)) => bad(line, "an opening parenthesis has no closing one"),
        _ => bad(1, "the text is empty"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disjunctions_over_inputs_become_cases() {
        let text = "(declare-const X_0 Real) (declare-const Y_0 Real)\n(declare-const Y_1 Real)
            (assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 2) (<= X_0 3)))) ; boxes
            (assert (or (<= Y_0 Y_1) (>= Y_0 1e1)))";
        let query = Query::read(text).unwrap();
        assert_eq!(query.cases.len(), 2);
        assert_eq!(query.cases[1].region.hull(), ([2.0].as_slice(), [3.0].as_slice()));
        assert_eq!(query.cases[0].property.clauses().len(), 2);
        assert!(query.cases[0].property.is_violated(&[1.0, 1.0]) && query.cases[0].property.is_violated(&[10.0, 0.0]));
        assert!(!query.cases[0].property.is_violated(&[2.0, 1.0]));
    }

    #[test]
    fn the_second_version_says_the_same_as_the_first() {
        let first = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)
            (assert (<= X_0 0.5))(assert (>= X_0 -0.5))(assert (>= X_1 0))(assert (<= X_1 1))
            (assert (or (<= Y_0 Y_1) (>= Y_1 2.5)))";
        let second = "; one network
            (vnnlib-version <2.0>)
            (declare-network f (declare-input in Real [1, 2]) (declare-output out Real [2]))
            (assert (and (<= in[0,0] 0.5) (>= in [0, 0] -0.5)))(assert (>= in[0,1] 0.0))(assert (<= (* 2.0 in[0 , 1]) 2.0))
            (assert (or (<= (- out[0] out[1]) 0.0) (>= out[1] 2.5)))";
        let (first, second) = (Query::read(first).unwrap(), Query::read(second).unwrap());
        assert_eq!(first.cases, second.cases);
        let declared = second.declared.unwrap();
        assert_eq!((declared.network.as_str(), declared.input.shape, declared.input.is_f32), ("f", vec![1, 2], false));
    }

    #[test]
    fn what_the_second_version_has_beyond_the_first_is_refused() {
        let network = "(declare-network f (declare-input X float32 [2]) (declare-output Y float32 [1]))";
        for (text, problem) in [
            (format!("{network}{network}"), "a second network"),
            (format!("{network}(assert (< Y[0] 1.0))"), "strict"),
            (format!("{network}(assert (!= Y[0] 1.0))"), "unknown formula"),
            (format!("{network}(assert (<= X[2] 1.0))"), "no element of `X`"),
            (format!("{network}(assert (<= X[0,0] 1.0))"), "no element of `X`"),
            (format!("{network}(assert (<= X_0 1.0))"), "neither a number"),
            (format!("{network}(assert (<= X[0] X[1]))"), "relates several inputs"),
            ("(declare-network f (declare-input X int8 [2]) (declare-output Y Real [1]))".to_owned(), "`int8`"),
            ("(declare-network f (equal-to g) (declare-input X Real [2]) (declare-output Y Real [1]))".to_owned(), "`equal-to`"),
            ("(declare-network f (declare-input X Real [2]))".to_owned(), "needs"),
            ("(declare-network f (declare-input X Real [99999999,99999999]) (declare-output Y Real [1]))".to_owned(), "elements"),
        ] {
            let error = Query::read(&format!("(vnnlib-version <2.0>){text}")).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(Query::read("(vnnlib-version <3.0>)").is_err());
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        let declared = "(declare-const X_0 Real)(declare-const Y_0 Real)\n";
        let bomb = "(".repeat(100_000);
        for (text, problem) in [
            ("(assert (<= X_3 1))", "`X_3` is not declared"),
            ("(assert (<= X_0 nan))", "neither a number"),
            ("(push 1)", "unknown command `push`"),
            ("(assert (<= X_0 1)", "no closing one"),
            ("(assert (<= X_0 1)))", "no opening one"),
            ("(assert (<= (* X_0 Y_0) 1))", "not linear"),
            ("(assert (<= X_0 1))", "X_0 has no lower"),
            (&bomb, "nested"),
        ] {
            let error = Query::read(&format!("{declared}{text}")).unwrap_err().to_string();
            assert!(error.contains(problem), "{text:.40}: {error}");
        }
        assert!(Query::read("").is_err());
    }

    #[test]
    fn contradictory_bounds_leave_no_case() {
        let text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 0))(assert (>= X_0 1))(assert (<= Y_0 0))";
        assert!(Query::read(text).unwrap().cases.is_empty());
    }
}
