/// Parts of one answer that can be right or wrong by themselves: labels, numbers, objects, pixels. Classification has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// How many there are.
    pub total: usize,
    /// How many of them the answer has right.
    pub kept: usize,
}

/// What a task says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// True where the answer is what the attack wants.
    pub reached: bool,
    /// What of the truth is left.
    pub units: Units,
}
