//! What the route table takes from the allocator: nothing for a look-up, little for a known host. A program of its own,
//! because it counts every allocation of the process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

use std::alloc::System;
use std::hint::black_box;

use platform_core::id::{DomainId, TenantId};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tenant_router::{Host, Kind, Pattern, Route, RouteTable};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HOSTS: u128 = 20_000;

fn host(number: u128) -> Host {
    Host::parse(&format!("success-{number}.customer-{}.example", number % 977)).unwrap()
}

/// Every host is another tenant's, with a slug of its own: the worst case.
fn routes() -> impl Iterator<Item = (Pattern, Route)> {
    (0..HOSTS).map(|number| {
        let route = Route {
            tenant: TenantId(Uuid::from_u128(number)),
            slug: format!("tenant-{number}").into(),
            domain: Some(DomainId(Uuid::from_u128(number))),
            kind: Kind::Live,
        };
        (Pattern::Exact(host(number)), route)
    })
}

#[test]
fn a_look_up_allocates_nothing_and_a_host_is_small() {
    let table = RouteTable::new();
    let region = Region::new(ALLOCATOR);
    table.replace(routes());
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    let each = held as f64 / HOSTS as f64;
    println!("{each:.0} octets a host");
    assert!(each <= 300.0, "{each}");

    let known: Vec<Host> = (0..HOSTS).step_by(7).map(host).collect();
    let strangers: Vec<String> = (0..1000).map(|n| format!("n{n}.stranger.example")).collect();
    // A thread's first look into each shard makes a place for its reads.
    known.iter().for_each(|host| assert!(table.get(host).is_some()));
    let region = Region::new(ALLOCATOR);
    for host in &known {
        assert!(black_box(table.get(host)).is_some());
        assert!(black_box(table.with(host, |known| known.tenant)).is_some());
        assert!(black_box(table.find(host.as_str(), |known| known.tenant)).is_some());
    }
    for name in &strangers {
        assert!(black_box(table.find(name, |_| ())).is_none());
    }
    assert_eq!(region.change().allocations, 0);
}
