//! Work grows with the number of nodes, counted by what is allocated: in a process of its own, since others allocate too.

mod common;

use std::alloc::System;

use brinell_onnx::{read, write};
use common::{message, number};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A model of `n` nodes, each behind the last, all of one name, written back to front.
fn chain(n: usize) -> Vec<u8> {
    let node = |i: usize| {
        let output = if i + 1 == n { "y".to_owned() } else { format!("v{}", i + 1) };
        let input = if i == 0 { "t".to_owned() } else { format!("v{i}") };
        [message(1, input.as_bytes()), message(2, output.as_bytes()), message(3, b"node"), message(4, b"Relu")].concat()
    };
    let nodes: Vec<u8> = (0..n).rev().flat_map(|i| message(1, &node(i))).collect();
    let dim = message(1, &number(1, 3));
    let kind = message(1, &[number(1, 1), message(2, &dim)].concat());
    let input = [message(1, b"t"), message(2, &kind)].concat();
    let graph = [nodes, message(11, &input), message(12, &message(1, b"y"))].concat();
    [number(1, 7), message(7, &graph), message(8, &number(2, 13))].concat()
}

#[test]
fn work_grows_with_the_number_of_nodes_and_no_faster() {
    let allocations = |n: usize| {
        let bytes = chain(n);
        let region = Region::new(ALLOCATOR);
        let model = read(&bytes, None).unwrap();
        assert_eq!(model.graph.nodes().len(), n);
        write(&model.graph).unwrap();
        region.change().allocations
    };
    let (few, many) = (allocations(1000), allocations(20_000));
    assert!(many < 25 * few, "{few} allocations for 1000 nodes, {many} for 20000");
}
