//! Is there room for what a call will need? A runtime that asks for more than there is ends the program, not the call.

/// Bytes of a number in single precision, in which runtimes keep what they compute.
const NUMBER: u64 = 4;

/// A call needs more memory than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a call about {rows} samples needs about {} of memory for intermediate values, and {} are free", size(*needed), size(*free))]
pub struct Shortage {
    /// Samples of the call.
    pub rows: usize,
    /// Bytes that it needs.
    pub needed: u64,
    /// Bytes that are free.
    pub free: u64,
}

fn size(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Checks that a call about `rows` samples, each of which needs `live` numbers at the same time, fits into memory. Where the system does not tell how much is
/// free, it does.
///
/// # Errors
/// [`Shortage`].
pub(crate) fn check(live: u64, rows: usize) -> Result<(), Shortage> {
    free_memory().map_or(Ok(()), |free| fits(live, rows, free))
}

fn fits(live: u64, rows: usize, free: u64) -> Result<(), Shortage> {
    let needed = live.saturating_mul(rows as u64).saturating_mul(NUMBER);
    if needed > free { Err(Shortage { rows, needed, free }) } else { Ok(()) }
}

/// Bytes that the calls of one batch may take by default, however much is free: larger batches gain no time.
const BUDGET: u64 = 1 << 30;

/// Returns how many samples a batch may have so that a gradient, for which each needs so many numbers at the same time, takes at most a quarter of the memory that is
/// free, and at most 1 GiB; 1 at least.
#[must_use]
pub fn rows_within_budget(numbers: u64) -> usize {
    rows_within(numbers, free_memory())
}

fn rows_within(numbers: u64, free: Option<u64>) -> usize {
    let budget = free.map_or(BUDGET, |free| BUDGET.min(free / 4));
    usize::try_from(budget / numbers.saturating_mul(NUMBER).max(1)).unwrap_or(usize::MAX).max(1)
}

/// Returns the bytes of memory that are free, where the system tells.
#[must_use]
pub fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_a_quarter_of_what_is_free_and_no_more_than_it_gains_from() {
        // 58 MB for each sample.
        let numbers = 14_500_000;
        assert_eq!(rows_within(numbers, Some(64 << 30)), 18);
        assert_eq!(rows_within(numbers, None), 18);
        assert_eq!(rows_within(numbers, Some(1 << 30)), 4);
        assert_eq!(rows_within(numbers, Some(1 << 20)), 1);
        assert_eq!(rows_within(0, Some(1 << 30)), 1 << 28);
    }

    #[test]
    fn what_does_not_fit_is_said_with_both_sizes() {
        assert_eq!(fits(1 << 28, 8, 1 << 33), Ok(()));
        let error = fits(1 << 28, 16, 1 << 33).unwrap_err();
        assert_eq!(error.to_string(), "a call about 16 samples needs about 17.2 GB of memory for intermediate values, and 8.6 GB are free");
        assert!(fits(u64::MAX, 2, u64::MAX - 1).is_err());
    }
}
