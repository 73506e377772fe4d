//! A look-up of a host beside a bare hash map's: names in random order, in turns of a fraction of a millisecond. A round is
//! the median of its turns, so that what else the machine does touches few of them, and all contenders alike.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use platform_core::id::{DomainId, TenantId};
use serde_json::json;
use stats_alloc::Region;
use tenant_router::{Host, Kind, Pattern, Route, RouteTable};
use uuid::Uuid;

use crate::ALLOCATOR;
use crate::names::{Dice, quantile};

/// Look-ups of a turn.
const TURN: usize = 2000;

/// A name, and whether the look-up of the n-th name gives what it should.
type Contender<'a> = (&'static str, Box<dyn Fn(usize) -> bool + 'a>);

#[derive(Debug, Args)]
pub(crate) struct Table {
    #[arg(long, default_value_t = 100_000)]
    hosts: u32,
    #[arg(long, default_value_t = 9)]
    rounds: u32,
    /// Turns of each contender a round.
    #[arg(long, default_value_t = 300)]
    turns: usize,
}

impl Table {
    /// Gives `octets` a host, and for each round the nanoseconds of a look-up: `raw` (bare map), `host` (a parsed host),
    /// `name` (a client's spelling), `stranger` (a name that is not there); and `allocations` of all look-ups.
    pub(crate) fn run(&self) -> serde_json::Value {
        let region = Region::new(ALLOCATOR);
        let table = RouteTable::new();
        table.replace((0..self.hosts).map(|n| (Pattern::Exact(host(n)), route(n))));
        let change = region.change();
        let octets = change.bytes_allocated - change.bytes_deallocated;
        // hashbrown's own choice of a hash.
        let raw: hashbrown::HashMap<Host, Arc<Route>, foldhash::fast::RandomState> =
            (0..self.hosts).map(|n| (host(n), Arc::new(route(n)))).collect();
        let mut dice = Dice::new(7);
        let mut asked: Vec<Host> = (0..self.hosts).map(host).collect();
        dice.shuffle(&mut asked);
        let strangers: Vec<String> = (0..self.hosts).map(|n| format!("n{n}.stranger.example")).collect();

        let live = |route: &Route| route.kind == Kind::Live;
        let mut contenders: [Contender<'_>; 4] = [
            ("raw", Box::new(|at| raw.get(black_box(asked[at].as_str())).is_some())),
            ("host", Box::new(|at| table.with(black_box(&asked[at]), live) == Some(true))),
            ("name", Box::new(|at| table.find(black_box(asked[at].as_str()), live) == Some(true))),
            ("stranger", Box::new(|at| table.find(black_box(&strangers[at]), live).is_none())),
        ];
        for (_, look_up) in &contenders {
            // A thread's first look into each shard makes a place for it.
            assert!((0..asked.len()).all(look_up));
        }
        let names = contenders.each_ref().map(|(name, _)| *name);
        let mut nanoseconds = names.map(|name| (name, Vec::new()));
        let (mut allocations, mut at) = (0, 0);
        for _ in 0..self.rounds {
            let mut turns = names.map(|name| (name, Vec::with_capacity(self.turns)));
            for _ in 0..self.turns {
                dice.shuffle(&mut contenders);
                for (name, look_up) in &contenders {
                    // Other names for each: nobody finds what another one has just fetched.
                    at = (at + TURN) % asked.len();
                    let (region, began) = (Region::new(ALLOCATOR), Instant::now());
                    let found = (at..at + TURN).filter(|at| look_up(at % asked.len())).count();
                    let each = began.elapsed().as_nanos() as f64 / TURN as f64;
                    allocations += region.change().allocations;
                    assert_eq!(found, TURN, "{name}");
                    of(&mut turns, name).push(each);
                }
            }
            for (name, mut each) in turns {
                each.sort_unstable_by(f64::total_cmp);
                of(&mut nanoseconds, name).push(quantile(&each, 0.5));
            }
        }
        let mut report =
            json!({ "octets": octets as f64 / f64::from(self.hosts), "allocations": allocations });
        for (name, each) in nanoseconds {
            report[name] = json!(each);
        }
        report
    }
}

fn of<'a>(all: &'a mut [(&'static str, Vec<f64>)], name: &str) -> &'a mut Vec<f64> {
    &mut all.iter_mut().find(|(known, _)| *known == name).expect("a contender").1
}

fn host(number: u32) -> Host {
    let name = format!("success-{number}.customer-{}.example", number % 9973);
    Host::parse(&name).expect("a host")
}

/// Every host is another tenant's: the worst case.
fn route(number: u32) -> Route {
    let id = Uuid::from_u128(u128::from(number));
    let slug = format!("tenant-{number}").into();
    Route { tenant: TenantId(id), slug, domain: Some(DomainId(id)), kind: Kind::Live }
}
