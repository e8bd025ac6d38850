use std::sync::OnceLock;
use std::time::{Duration, Instant};

use brinell_certify::{Limits, Network, Outcome, Verdict, decide};
use brinell_checker::{CheckError, Checker};
use brinell_engine::{Meaning, Preprocess, class_logits};
use brinell_graph::{DType, Dim, Graph, ValueId};
use brinell_record::{Artefact, Scale};
use brinell_subject::{Inspection, Subject};
use brinell_threat::{Ball, Norm};

use crate::ProofError;
use crate::statement::{question, statement};

/// A classifier from stored sample to logits, ready to be bounded.
#[derive(Debug)]
pub struct Prover {
    network: Network,
    graph: Graph,
    output: ValueId,
    checker: OnceLock<Result<Checker, CheckError>>,
}

/// What is known of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No allowed change reaches the goal.
    Certified,
    /// One does, as the original file confirms.
    Falsified,
    /// One does in real arithmetic, but not on the original file.
    Boundary,
    /// Not known when the time was over.
    OutOfTime,
    /// Not known when the memory was used up.
    OutOfMemory,
    /// Not known; nothing is left to split.
    Undecided,
    /// The clean answer is another class already.
    Misclassified,
}

impl Standing {
    /// What a verdict says of a sample.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        use brinell_certify::Reason;
        match verdict {
            Verdict::Certified => Self::Certified,
            Verdict::Falsified { .. } => Self::Falsified,
            Verdict::Boundary { .. } => Self::Boundary,
            Verdict::Unknown { reason: Reason::Memory } => Self::OutOfMemory,
            Verdict::Unknown { reason: Reason::Time | Reason::Stopped } => Self::OutOfTime,
            _ => Self::Undecided,
        }
    }
}

impl Prover {
    /// Puts the preprocessing in front of the model and reads the whole as a network.
    ///
    /// # Errors
    /// [`ProofError::Network`] names the first node that has no relaxation; [`ProofError::Kind`] for models that are not certified.
    pub fn new(subject: &Subject, preprocess: &Preprocess) -> Result<Self, ProofError> {
        let signature = &subject.signature;
        subject.check_answers("a proof")?;
        if subject.is_no_file() {
            return Err(ProofError::Kind { reason: "it is on a server, so its operators are unknown" });
        }
        if !subject.held.inputs().is_empty() {
            return Err(ProofError::Kind { reason: "it has other inputs besides the attacked one" });
        }
        if signature.meaning != Meaning::Class {
            return Err(ProofError::Kind { reason: "it does not answer with one class" });
        }
        if signature.takes_integers() {
            return Err(ProofError::Kind { reason: "its input takes whole numbers" });
        }
        let batch = match signature.fixed_batch {
            None => Dim::Batch(1),
            Some(1) => Dim::Fixed(1),
            Some(_) => return Err(ProofError::Kind { reason: "its batch is fixed at more than one sample" }),
        };
        let mut graph = Graph::new("certified");
        let shape = std::iter::once(batch).chain(preprocess.sample_shape().iter().map(|&n| Dim::Fixed(n))).collect();
        let x = graph.input("sample", DType::F32, shape);
        let ready = preprocess.append(&mut graph, x, batch).map_err(ProofError::Graph)?;
        let places = graph.splice(&subject.model.graph, &[(signature.input, ready)]).map_err(ProofError::Graph)?;
        let logits =
            places.get(&signature.logits).copied().ok_or(ProofError::Kind { reason: "its output is not computed by any operator" })?;
        let output = class_logits(&mut graph, signature, logits).map_err(ProofError::Graph)?;
        let network = Network::new(&graph, output).map_err(ProofError::Network)?;
        Ok(Self { network, graph, output, checker: OnceLock::new() })
    }

    /// Returns what checks certificates of this model again.
    ///
    /// # Errors
    /// [`CheckError`] names the operator that the checker does not cover.
    pub fn checker(&self) -> Result<&Checker, &CheckError> {
        let read = || Checker::new(&self.graph, self.output).and_then(|checker| checker.covers_f32().map(|()| checker));
        self.checker.get_or_init(read).as_ref()
    }

    /// Returns the network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Decides whether a change of sample `x` that the ball allows can make another class than `label` win, or, with a target, that class.
    ///
    /// # Guarantees
    /// `Certified` holds for real arithmetic, and for the deployed f32 arithmetic where a bound of its rounding error is known; the ball is taken
    /// with the allowance that the referee grants.
    ///
    /// # Errors
    /// [`ProofError::Network`] where sizes do not fit, [`ProofError::Kind`] for rules of features and L0.
    pub fn decide(
        &self,
        x: &[f32],
        label: usize,
        target: Option<usize>,
        ball: &Ball,
        limits: Limits<'_>,
        judge: &mut dyn FnMut(&[f32]) -> bool,
    ) -> Result<Outcome, ProofError> {
        let classes = self.network.outputs();
        let stated = statement(x, label, target, classes, ball)?;
        let (region, property) = question(&stated, classes).map_err(ProofError::Network)?;
        // The region is a little larger than the ball, and the point of it at which the bound is attained is no f32 number.
        let allowed = |x_adv: &[f64]| {
            let mut z: Vec<f32> = x_adv.iter().map(|&x| x as f32).collect();
            ball.project(x, &mut z);
            z
        };
        let outcome = decide(&self.network, &region, &property, limits, &mut |x| judge(&allowed(x))).map_err(ProofError::Network)?;
        Ok(match outcome.verdict {
            Verdict::Falsified { x } => {
                Outcome { verdict: Verdict::Falsified { x: allowed(&x).into_iter().map(f64::from).collect() }, ..outcome }
            }
            _ => outcome,
        })
    }
}

/// Says whether a model that was described can be certified, as far as the file shows it: all of its operators can be bounded.
///
/// # Errors
/// [`ProofError`] names what is in the way.
pub fn certifiable(inspection: &Inspection, artefact: &Artefact) -> Result<(), ProofError> {
    if inspection.interface.is_none() {
        return Err(ProofError::Kind { reason: "it is not a classifier" });
    }
    if artefact.is_address() {
        return Err(ProofError::Kind { reason: "it is on a server, so its operators are unknown" });
    }
    let subject = Subject::load(artefact)?;
    let preprocess = subject.preprocess(&Artefact::default(), &subject.signature.sample)?;
    Prover::new(&subject, &preprocess).map(|_| ())
}

/// Limits of the proof of a sample: so many seconds from now, half of the memory that is free, and the arithmetic of f32 as well as the real one.
#[must_use]
pub fn limits(seconds: f64, stop: &std::sync::atomic::AtomicBool) -> Limits<'_> {
    let deadline = Duration::try_from_secs_f64(seconds).ok().and_then(|time| Instant::now().checked_add(time));
    Limits { deadline, memory: free_memory(), stop: Some(stop), deployed: true, evidence: false }
}

/// Half of the memory that is free, where the system tells.
pub(crate) fn free_memory() -> usize {
    brinell_engine::free_memory().and_then(|bytes| usize::try_from(bytes / 2).ok()).unwrap_or(1 << 30)
}

/// True where samples of a scale can be certified: tables have ranges of their own.
pub(crate) fn is_certifiable(scale: Scale, norm: Norm) -> Result<(), ProofError> {
    if scale == Scale::Data {
        return Err(ProofError::Kind { reason: "certificates do not support rules for features" });
    }
    if norm == Norm::L0 { Err(ProofError::Kind { reason: "certificates do not support the norm l0" }) } else { Ok(()) }
}
