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
    fn what_does_not_fit_is_said_with_both_sizes() {
        assert_eq!(fits(1 << 28, 8, 1 << 33), Ok(()));
        let error = fits(1 << 28, 16, 1 << 33).unwrap_err();
        assert_eq!(error.to_string(), "a call about 16 samples needs about 17.2 GB of memory for intermediate values, and 8.6 GB are free");
        assert!(fits(u64::MAX, 2, u64::MAX - 1).is_err());
    }
}
