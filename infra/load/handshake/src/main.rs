//! The parts of `infra/load/edge` that are measured in Rust.

fn main() {}
