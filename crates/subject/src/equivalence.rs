//! Does the graph that attacks query compute what the file computes?

use std::sync::Arc;

use brinell_attack::Start;
use brinell_engine::{Answer, Artefact, Oracle, OracleError, Preprocess, Running, Runtime, Signature, open};
use brinell_graph::Graph;
use brinell_threat::{Ball, InputBox, Norm};

use crate::case::logits_of;
use crate::lanes::Lanes;
use crate::rows::{Rows, compare};
use crate::{Referee, Subject, SubjectError};

/// Points that are compared, as one batch of the graph.
const POINTS: usize = 3;

/// Returns an oracle with a free batch where the model allows it and then computes the same as the file, and otherwise one
/// with the model's own batch, and why.
///
/// # Errors
/// [`SubjectError::NotEquivalent`] where even the model's own batch gives other results, [`SubjectError::Oracle`].
pub(super) fn open_oracle(
    subject: &Subject,
    preprocess: &Preprocess,
    ball: &Ball,
    runtime: &Arc<dyn Runtime>,
    lanes: &Lanes,
    referee: &mut Referee,
) -> Result<(Oracle, Option<String>), SubjectError> {
    if subject.is_opaque() {
        let compile = || lanes.runtime.compile_file(subject.path());
        let open = |signature: &Signature| {
            let oracle = Oracle::black_box(&compile, signature, Arc::clone(&subject.held), preprocess, lanes.n)?;
            Ok::<_, OracleError>(match subject.host.as_ref().filter(|host| host.model().has_gradient()) {
                Some(host) => oracle.pulling(host, preprocess),
                None => oracle,
            })
        };
        let mut oracle = open(&subject.signature)?;
        if let Some(n) = oracle.fixed_batch() {
            return Ok((oracle, Some(format!("the model has a fixed batch of {n}, and a part of it cannot be read"))));
        }
        // A part that cannot be read, or a server, may mix samples, or take one of them at a time.
        let why_not = match gap(subject, preprocess, ball, &mut oracle, referee) {
            Ok(gap) if gap <= subject.rounding() => return Ok((oracle, None)),
            Ok(gap) => format!("its results in a batch differ by {gap:.1e}"),
            Err(error @ (SubjectError::Rows { .. } | SubjectError::Interrupted)) => return Err(error),
            // What a server answers to several samples it may not be cured of by asking for fewer.
            Err(error) if subject.is_no_file() => return Err(error),
            Err(error) => format!("it does not accept several samples at once: {error}"),
        };
        let alone = open(&Signature { fixed_batch: Some(1), ..subject.signature.clone() })?;
        return Ok((alone, Some(why_not)));
    }
    let (graph, mut why_not) = subject.with_free_batch();
    let freed = subject.signature.fixed_batch.is_some() && why_not.is_none();
    if freed {
        let tried = subject.oracle(&graph, preprocess, &lanes.runtime, lanes.n).and_then(|mut oracle| {
            let gap = gap(subject, preprocess, ball, &mut oracle, referee)?;
            Ok((oracle, gap))
        });
        why_not = match tried {
            Ok((oracle, gap)) if gap <= subject.rounding() => return Ok((oracle, None)),
            Ok((_, gap)) => Some(format!("with a variable batch size its results differ by {gap:.1e}")),
            Err(error) => Some(format!("with a variable batch size it does not run: {error}")),
        };
    }
    let mut oracle = match subject.signature.fixed_batch {
        None => subject.oracle(&subject.model.graph, preprocess, &lanes.runtime, lanes.n)?,
        Some(_) => subject.oracle(&subject.model.graph, preprocess, runtime, 1)?,
    };
    let gap = gap(subject, preprocess, ball, &mut oracle, referee)?;
    if gap <= subject.rounding() {
        return Ok((oracle, why_not));
    }
    if subject.signature.fixed_batch.is_none() {
        // Its samples may influence each other in a way that no operator tells by itself.
        let alone = brinell_graph::pin_batch(&subject.model.graph).map_err(OracleError::Graph)?;
        let mut oracle = subject.oracle(&alone, preprocess, runtime, 1)?;
        if self::gap(subject, preprocess, ball, &mut oracle, referee)? <= subject.rounding() {
            return Ok((oracle, Some(format!("its results in a batch differ by {gap:.1e}"))));
        }
    }
    if let Some(batch @ 2..) = subject.signature.fixed_batch
        && gap_up_to(1, subject, preprocess, ball, &mut oracle, referee)? <= subject.rounding()
    {
        let seem =
            "what it says of a sample depends on the other samples, so it seems that the samples are not along the first axis of the input";
        return Err(SubjectError::Rows { path: subject.path().to_path_buf(), batch, seem });
    }
    Err(SubjectError::NotEquivalent { path: subject.path().to_path_buf(), gap })
}

/// Returns the model's graph, with a free batch where the file fixes it at 1 and the freed graph computes the same, and otherwise why it is not freed.
/// What other inputs are held at stands in data that are not here: the comparison makes numbers up for them, others for each sample.
///
/// # Errors
/// [`SubjectError::Engine`] where no runtime can run the file, [`SubjectError::Preprocess`].
pub(crate) fn checked_graph(mut subject: Subject) -> Result<(Graph, Option<String>), SubjectError> {
    let (freed, why_not) = subject.with_free_batch();
    if subject.signature.fixed_batch != Some(1) || why_not.is_some() {
        return Ok((freed, why_not));
    }
    let own = subject.model.graph.clone();
    let held = !subject.signature.held.is_empty();
    if let Err(problem) = subject.make_up_held(POINTS) {
        return Ok((own, Some(problem)));
    }
    let subject = &subject;
    let preprocess = subject.preprocess(&Artefact::default(), &subject.signature.sample)?;
    let ball = Ball { norm: Norm::Linf, eps: 0.0, bounds: InputBox::UNIT, features: None };
    let runtime = open(&Running::default())?;
    let lanes = Lanes { n: 1, runtime: Arc::clone(&runtime) };
    let mut referee = subject.referee(&runtime)?;
    // A made-up number may be none that the model can take: then nothing is known, and the file keeps its batch.
    let opened = open_oracle(subject, &preprocess, &ball, &runtime, &lanes, &mut referee);
    let why_not = match opened {
        Ok((_, why_not)) => why_not,
        Err(error) if held => Some(format!("it does not run with random numbers for its other inputs: {error}")),
        Err(error) => return Err(error),
    };
    Ok(if why_not.is_none() { (freed, None) } else { (own, why_not) })
}

/// Returns the largest difference on random points of the box, relative to the largest output; infinity where an output
/// is finite on one side only. Batches of one sample and of more are compared with the file asked about each alone.
///
/// # Errors
/// [`SubjectError::Rows`] where a batch gives the numbers of its samples in another order.
fn gap(subject: &Subject, preprocess: &Preprocess, ball: &Ball, oracle: &mut Oracle, referee: &mut Referee) -> Result<f32, SubjectError> {
    gap_up_to(oracle.fixed_batch().unwrap_or(POINTS).min(POINTS), subject, preprocess, ball, oracle, referee)
}

/// As [`gap`] for batches of at most `count` samples.
fn gap_up_to(
    count: usize,
    subject: &Subject,
    preprocess: &Preprocess,
    ball: &Ball,
    oracle: &mut Oracle,
    referee: &mut Referee,
) -> Result<f32, SubjectError> {
    let points: Vec<Vec<f32>> = (0..count as u64).map(|sample| random_point(ball, oracle.sample_len(), sample)).collect();
    let (rows, held) = (subject.held.samples(), &subject.held);
    let mut alone = Vec::with_capacity(count);
    for (sample, x) in points.iter().enumerate() {
        let original = referee.ask(preprocess, x, held.sample(sample % rows))?.output;
        let again = referee.ask(preprocess, x, held.sample(sample % rows))?.output;
        if original.iter().zip(&again).any(|(a, b)| a.to_bits() != b.to_bits()) {
            // A model that answers the same question differently cannot be compared; the clean pass flags it.
            return Ok(0.0);
        }
        alone.push(original);
    }
    let mut answer = Answer::default();
    let mut largest = 0.0f32;
    for batch in 1..=count {
        // Each lane gets all points of the batch: divided among lanes, they would be asked about one by one.
        let (x, samples): (Vec<_>, Vec<_>) = (0..batch * oracle.lanes())
            .map(|i| (points.get(i % batch).cloned().unwrap_or_default(), held.sample(i % batch % rows)))
            .unzip();
        logits_of(oracle, samples, &x, &mut answer)?;
        let outputs: Vec<Vec<f32>> = answer
            .values
            .chunks_exact(oracle.width())
            .map(|values| oracle.task().output(values).into_iter().map(|v| v as f32).collect())
            .collect();
        for lane in outputs.chunks(batch) {
            match compare(alone.get(..batch).unwrap_or_default(), lane, subject.rounding()) {
                Rows::Samples(gap) => largest = largest.max(gap),
                Rows::Seem(seem) => return Err(SubjectError::Rows { path: subject.path().to_path_buf(), batch, seem }),
            }
        }
    }
    Ok(largest)
}

pub(super) fn random_point(ball: &Ball, len: usize, sample: u64) -> Vec<f32> {
    let start = Start { sample, ..Start::new(&[], ball) };
    let mut rng = brinell_attack::rng::generator("equivalence", &start);
    let mut x = vec![0.0; len];
    brinell_threat::fill_uniform(&mut rng, &mut x);
    for (place, v) in x.iter_mut().enumerate() {
        let (lo, hi) = ball.range(place);
        *v = lo + (hi - lo) * (*v + 1.0) / 2.0;
        // Some values may be whole numbers only, or names.
        let rule = ball.features.as_ref().and_then(|features| features.list().get(place));
        *v = rule.and_then(|rule| rule.nearest(f64::from(*v), lo, hi)).unwrap_or(*v);
    }
    x
}
