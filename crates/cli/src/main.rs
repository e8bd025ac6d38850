//! The `brinell` command line.

fn main() {}
