//! Which classes an attack with targets of its own goes for.

/// Classes other than `label` by falling clean logit, at most `n`; in their own order where the logits are not known.
pub(crate) fn rivals(logits: &[f32], label: usize, classes: usize, n: usize) -> Vec<usize> {
    let mut rivals: Vec<usize> = (0..classes).filter(|&class| class != label).collect();
    let logit = |class: usize| logits.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    // Stable: of equal logits the first class comes first.
    rivals.sort_by(|&a, &b| logit(b).total_cmp(&logit(a)));
    rivals.truncate(n);
    rivals
}

/// Number of classes that an untargeted attack on `targets` classes has to try.
pub(crate) fn count(targets: u32, classes: usize) -> u32 {
    targets.min(u32::try_from(classes.saturating_sub(1)).unwrap_or(u32::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_come_by_falling_logit_without_the_label() {
        assert_eq!(rivals(&[1.0, 5.0, 3.0, 3.0, -2.0], 1, 5, 3), [2, 3, 0]);
        assert_eq!(rivals(&[], 1, 4, 9), [0, 2, 3]);
        assert_eq!(rivals(&[0.0, f32::NAN, 1.0], 0, 3, 9).len(), 2);
        assert!(rivals(&[1.0], 0, 1, 9).is_empty());
    }

    #[test]
    fn there_are_no_more_targets_than_other_classes_and_always_one_run() {
        assert_eq!([2, 5, 10, 100].map(|classes| count(9, classes)), [1, 4, 9, 9]);
        assert_eq!(count(9, 1), 1);
    }
}
