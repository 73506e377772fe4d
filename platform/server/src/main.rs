//! The only binary, `portico`.
fn main() {}
