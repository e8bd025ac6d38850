//! rten kept apart: what goes wrong inside it ends as an error, and a long model does not take the stack of whoever asks.
//!
//! rten follows a model by recursion, one call for each operator of the longest chain, when it first plans a run. Models with many operators are therefore
//! loaded and first run on a thread with a stack of their size, which takes memory only as far as it is used. Sizes that a file names are checked before
//! ([`brinell_graph::budget`]); what still makes rten panic is caught here. A failed allocation cannot be caught by anybody.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Operators up to which the stack of the caller does.
const SHORT: usize = 1000;
/// Operators that are run at most.
pub(super) const LONGEST: usize = 500_000;
/// Bytes of stack for one operator.
const FRAME: usize = 4096;
/// Bytes of stack beside that.
const BASE: usize = 8 << 20;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Returns true on a thread that is executing a model: a panic there becomes an error of the runtime, and need not be reported by a hook.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get() || std::thread::current().name().is_some_and(|name| name.starts_with("rten-"))
}

/// Runs `f`, which executes a model of so many operators for the first time.
pub(super) fn first<T: Send>(operators: usize, f: impl FnOnce() -> T + Send) -> Result<T, String> {
    if operators <= SHORT {
        return caught(f);
    }
    if operators > LONGEST {
        return Err(format!("it has {operators} operators; the limit is {LONGEST}"));
    }
    let stack = BASE + operators * FRAME;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("rten-first".to_owned()).stack_size(stack).spawn_scoped(scope, || caught(f));
        let thread = thread.map_err(|error| format!("a thread for {operators} operators cannot be started: {error}"))?;
        thread.join().unwrap_or_else(|panic| Err(words(panic.as_ref())))
    })
}

/// Runs `f`, and makes a panic an error.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    let before = GUARDED.replace(true);
    // Whatever a panic leaves half done belongs to a session that has failed.
    let result = catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(before);
    result.map_err(|panic| words(panic.as_ref()))
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it failed inside: {}", text.unwrap_or("no reason given").replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let failed: Result<(), String> = caught(|| panic!("size {}\nis wrong", 3));
        assert_eq!(failed.unwrap_err(), "it failed inside: size 3 is wrong");
        let failed: Result<(), String> = first(5000, || panic!("on the other thread"));
        assert_eq!(failed.unwrap_err(), "it failed inside: on the other thread");
        assert!(!is_guarded());
    }

    #[test]
    fn there_is_a_stack_for_every_operator() {
        fn deep(n: usize) -> usize {
            let here = std::hint::black_box([n; 64]);
            if n == 0 { 0 } else { 1 + deep(std::hint::black_box(here[n % 64] - 1)) }
        }
        assert_eq!(first(50_000, || deep(50_000)), Ok(50_000));
        assert!(first(LONGEST + 1, || ()).unwrap_err().contains("500000"));
    }
}
