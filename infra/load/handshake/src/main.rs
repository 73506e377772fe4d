//! The parts of `infra/load/edge` that are measured in Rust: the route table beside a bare hash map, certificates in
//! memory, and the clients that shake hands, flood, and wait for a domain to come or to go. Each prints a line of JSON.
//! Not part of the product.

mod client;
mod flood;
mod hold;
mod life;
mod names;
mod seed;
mod store;
mod table;
mod visits;

use std::alloc::System;
use std::io::Write as _;

use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Debug, Parser)]
#[command(about = "What the load test of the edge measures in Rust")]
enum Command {
    /// Look-ups in the route table and in a bare hash map, in turns.
    Table(table::Table),
    /// The route table and loaded certificates of a database, in a process that has nothing else.
    Hold(hold::Hold),
    /// Installs a certificate for each of the first hosts of a database.
    Seed(seed::Seed),
    /// Full handshakes, one after the other on each of some connections, as fast as they are answered.
    Handshakes(visits::Handshakes),
    /// One handshake with each host of a list.
    Visits(visits::Visits),
    /// Hellos that name hosts nobody has, at a fixed rate, from many addresses.
    Flood(flood::Flood),
    /// From a DNS record that a probe could see to the first page, for each host of a list.
    Arrive(life::Arrive),
    /// From a domain given back to the refusal by all nodes, for each host of a list.
    Leave(life::Leave),
}

fn main() -> anyhow::Result<()> {
    // One thread for clients: the cores are the servers'.
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = match Command::parse() {
        Command::Table(table) => table.run(),
        Command::Hold(hold) => tokio::runtime::Runtime::new()?.block_on(hold.run())?,
        Command::Seed(seed) => tokio::runtime::Runtime::new()?.block_on(seed.run())?,
        Command::Handshakes(handshakes) => alone()?.block_on(handshakes.run())?,
        Command::Visits(visits) => alone()?.block_on(visits.run())?,
        Command::Flood(flood) => alone()?.block_on(flood.run())?,
        Command::Arrive(arrive) => alone()?.block_on(arrive.run())?,
        Command::Leave(leave) => alone()?.block_on(leave.run())?,
    };
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
