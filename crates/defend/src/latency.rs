//! How long a call of a model takes.

use std::path::Path;
use std::time::{Duration, Instant};

use brinell_engine::{Runtime, Session, View};
use brinell_record::{Latency, Times};

use crate::DefendError;

/// Samples in a call.
const BATCHES: [usize; 2] = [1, 32];
/// Calls that are timed, at most and at least.
const CALLS: usize = 400;
const FEWEST: usize = 20;
/// Time after which no more calls are made of one model.
const ENOUGH: Duration = Duration::from_secs(2);
/// Calls before time is taken: the first ones are slower.
const WARM: usize = 3;

/// Times both files on the same inputs, `ready` `[n, ..model]`, call by call in turns so that what else the machine does meets both alike.
pub(crate) fn latency(
    runtime: &dyn Runtime,
    files: [&Path; 2],
    input: &str,
    sample: &[usize],
    ready: &[f32],
) -> Result<Vec<Latency>, DefendError> {
    let [mut parent, mut defended] = [runtime.compile_file(files[0])?, runtime.compile_file(files[1])?];
    let mut all = Vec::with_capacity(BATCHES.len());
    for batch in BATCHES {
        let len = sample.iter().product::<usize>() * batch;
        let x: Vec<f32> = ready.iter().copied().cycle().take(len).collect();
        let shape: Vec<usize> = std::iter::once(batch).chain(sample.iter().copied()).collect();
        let feeds = [(input, View::f32(&shape, &x))];
        let (mut times, start) = ([Vec::new(), Vec::new()], Instant::now());
        for call in 0..WARM + CALLS {
            for (session, times) in [&mut parent, &mut defended].into_iter().zip(&mut times) {
                let took = once(session.as_mut(), &feeds)?;
                if call >= WARM {
                    times.push(took);
                }
            }
            if call >= WARM + FEWEST && start.elapsed() > 2 * ENOUGH {
                break;
            }
        }
        let calls = times[0].len();
        let [parent, defended] = times.map(|mut times| quantiles(&mut times));
        all.push(Latency { batch, calls, parent, defended });
    }
    Ok(all)
}

fn once(session: &mut dyn Session, feeds: &[(&str, View<'_>)]) -> Result<f64, DefendError> {
    let start = Instant::now();
    session.run(feeds, &mut |_, _| {})?;
    Ok(1e3 * start.elapsed().as_secs_f64())
}

fn quantiles(times: &mut [f64]) -> Times {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied().unwrap_or(f64::NAN);
    Times { p50: at(0.5), p99: at(0.99) }
}
