//! Work on a thread of its own, while the calling thread listens to Python: signals are handled, and progress is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use brinell::{Event, Observer};
use brinell_cli::Failure;
use pyo3::prelude::*;

use crate::error::{NativeError, raised};

/// Longest time between two looks at Python's signals.
const LOOK: Duration = Duration::from_millis(50);

/// Shortest time between two calls of what listens to progress.
const TELL: Duration = Duration::from_millis(100);

/// Exit code of an internal error.
const INTERNAL: u8 = 5;

/// Where an audit is.
#[derive(Debug, Clone, Default)]
struct Place {
    stage: String,
    done: usize,
    total: usize,
    surviving: usize,
}

/// Tells the calling thread where the audit is.
struct Teller {
    place: Place,
    sender: Sender<Place>,
}

impl Observer for Teller {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::StageStarted { name, attacked, done, surviving } => {
                self.place = Place { stage: name.to_owned(), done, total: attacked, surviving };
            }
            Event::SampleDone { surviving } => {
                self.place.done += 1;
                self.place.surviving = surviving;
            }
            _ => return,
        }
        // The calling thread is gone only where the work is about to be stopped.
        let _ = self.sender.send(self.place.clone());
    }
}

/// Runs `work` on a thread. Python's lock is not held while it runs.
///
/// # Errors
/// What the work ends with. A signal handler that raises, Ctrl-C for one, stops the work after the call in hand, and what it raised is raised then; so is
/// what `progress` raises. A panic is an internal error.
pub(crate) fn run<W>(py: Python<'_>, progress: Option<&Py<PyAny>>, work: W) -> PyResult<()>
where
    W: FnOnce(&AtomicBool, &mut dyn Observer) -> Result<(), Failure> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut places) = channel();
    let flag = Arc::clone(&stop);
    let worker = std::thread::spawn(move || {
        let mut teller = Teller { place: Place::default(), sender };
        catch_unwind(AssertUnwindSafe(|| work(&flag, &mut teller)))
    });
    let heard = listen(py, progress, &mut places, &stop);
    if heard.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    let done = py.detach(|| worker.join());
    heard?;
    match done {
        Ok(Ok(result)) => result.map_err(raised),
        Ok(Err(panic)) | Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let message = format!("internal error: {}", said.unwrap_or("a panic without words"));
            Err(NativeError::new_err((INTERNAL, message, Vec::<String>::new())))
        }
    }
}

/// Listens until the work is over.
fn listen(py: Python<'_>, progress: Option<&Py<PyAny>>, places: &mut Receiver<Place>, stop: &AtomicBool) -> PyResult<()> {
    let mut told = Instant::now();
    let mut newest: Option<Place> = None;
    loop {
        let receiver = &mut *places;
        let heard = py.detach(move || receiver.recv_timeout(LOOK));
        py.check_signals()?;
        let over = match heard {
            Ok(place) => {
                newest = Some(places.try_iter().last().unwrap_or(place));
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if let (Some(progress), true) = (progress, over || told.elapsed() >= TELL)
            && let Some(place) = newest.take()
        {
            told = Instant::now();
            let answer = progress.call1(py, (place.stage, place.done, place.total, place.surviving))?;
            if answer.bind(py).is(pyo3::types::PyBool::new(py, false)) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        if over {
            return Ok(());
        }
    }
}
