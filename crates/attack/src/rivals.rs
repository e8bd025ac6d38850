//! How many rivals an attack that goes for one after the other tries.

/// Number of rivals that an attack on `wanted` of them has to try, of those there are: always one run.
pub(crate) fn count(wanted: u32, there: usize) -> u32 {
    wanted.min(u32::try_from(there).unwrap_or(u32::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_targets_than_other_classes_and_always_one_run() {
        assert_eq!([1, 4, 9, 99].map(|rivals| count(9, rivals)), [1, 4, 9, 9]);
        assert_eq!(count(9, 0), 1);
    }
}
