//! The certificates in memory, within a limit of octets. What was not asked for since the hand last came by goes first
//! (CLOCK, which is near to least-recently-used and costs a reader one flag). Wildcards are pinned: each serves many
//! hosts, and none of those takes a place of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::cache::Loaded;

/// How long the absence of a certificate is remembered, should the hint of its arrival be lost.
const ABSENT_FOR: TimeDelta = TimeDelta::seconds(5);
/// An entry without its certificate: key, slot in the map, place in the ring.
const ENTRY: usize = 200;

/// What memory says of a host.
#[derive(Debug)]
pub(crate) enum Seen {
    Ready(Arc<Loaded>),
    /// There was none a moment ago.
    Absent,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Arc<str>, Entry>,
    /// The hosts of `entries`, in the order in which the hand comes by.
    ring: VecDeque<Arc<str>>,
    octets: usize,
    /// By the name behind `*.`.
    wildcards: HashMap<Arc<str>, Arc<Loaded>>,
}

#[derive(Debug)]
struct Entry {
    loaded: Option<Arc<Loaded>>,
    made: DateTime<Utc>,
    visited: AtomicBool,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: RwLock::default() }
    }

    /// The certificate for a host: its own before a wildcard's, a valid one before an expired one.
    pub(crate) fn look(&self, host: &str, now: DateTime<Utc>) -> Seen {
        let held = self.held.read().expect("no holder panics");
        let own = held.entries.get(host);
        if let Some(entry) = own {
            // Writing the flag each time would have every core fetch the line anew.
            if !entry.visited.load(Ordering::Relaxed) {
                entry.visited.store(true, Ordering::Relaxed);
            }
            if let Some(loaded) = entry.loaded.as_ref().filter(|loaded| loaded.not_after > now) {
                return Seen::Ready(loaded.clone());
            }
        }
        let wildcard = parent(host).and_then(|parent| held.wildcards.get(parent));
        match (own, wildcard) {
            (_, Some(loaded)) if loaded.not_after > now => Seen::Ready(loaded.clone()),
            (Some(Entry { loaded: Some(loaded), .. }), _) => Seen::Ready(loaded.clone()),
            (Some(entry), _) if now - entry.made <= ABSENT_FOR => Seen::Absent,
            _ => Seen::Unknown,
        }
    }

    /// Puts what the database said of a host, in place of what was there.
    pub(crate) fn put(&self, host: &str, loaded: Option<Arc<Loaded>>, now: DateTime<Utc>) {
        let mut held = self.held.write().expect("no holder panics");
        let wildcard = loaded.as_ref().and_then(|loaded| {
            let parent = parent(host)?;
            loaded.names.iter().any(|name| name.strip_prefix("*.") == Some(parent)).then_some(parent)
        });
        if let Some(parent) = wildcard {
            held.remove(host);
            held.wildcards.extend(loaded.map(|loaded| (Arc::from(parent), loaded)));
            return;
        }
        if let Some(parent) = host.strip_prefix("*.") {
            held.wildcards.remove(parent);
            return;
        }
        held.insert(host, Entry { loaded, made: now, visited: AtomicBool::new(false) });
        held.shrink_to(self.limit);
    }

    /// Whether a change of this host's (or `*.name`'s) certificate concerns anything here.
    pub(crate) fn concerned(&self, host: &str) -> bool {
        let held = self.held.read().expect("no holder panics");
        match host.strip_prefix("*.") {
            // A wildcard that nobody here has asked for is left where it is.
            Some(base) => {
                held.wildcards.contains_key(base)
                    || held.entries.keys().any(|host| parent(host) == Some(base))
            }
            None => held.entries.contains_key(host),
        }
    }

    /// Every name here with the id of its certificate, wildcards as `*.name`.
    pub(crate) fn contents(&self) -> Vec<(String, Option<Uuid>)> {
        let held = self.held.read().expect("no holder panics");
        let own = held
            .entries
            .iter()
            .map(|(host, entry)| (host.to_string(), entry.loaded.as_ref().map(|loaded| loaded.id)));
        let wildcards = held.wildcards.iter().map(|(base, loaded)| (format!("*.{base}"), Some(loaded.id)));
        own.chain(wildcards).collect()
    }

    /// Certificates here and the octets they are counted with, wildcards left out.
    pub(crate) fn size(&self) -> (usize, usize) {
        let held = self.held.read().expect("no holder panics");
        (held.entries.len(), held.octets)
    }
}

impl Held {
    fn insert(&mut self, host: &str, entry: Entry) {
        self.octets += entry.weight();
        match self.entries.get_mut(host) {
            Some(old) => {
                self.octets -= old.weight();
                *old = entry;
            }
            None => {
                let host: Arc<str> = Arc::from(host);
                self.ring.push_back(host.clone());
                self.entries.insert(host, entry);
            }
        }
    }

    fn remove(&mut self, host: &str) {
        if let Some(entry) = self.entries.remove(host) {
            self.octets -= entry.weight();
            self.ring.retain(|known| &**known != host);
        }
    }

    fn shrink_to(&mut self, limit: usize) {
        while self.octets > limit
            && let Some(host) = self.ring.pop_front()
        {
            let spared = self.entries.get(&host).is_some_and(|e| e.visited.swap(false, Ordering::Relaxed));
            if spared {
                self.ring.push_back(host);
            } else if let Some(entry) = self.entries.remove(&host) {
                self.octets -= entry.weight();
            }
        }
    }
}

impl Entry {
    fn weight(&self) -> usize {
        ENTRY + self.loaded.as_ref().map_or(0, |loaded| loaded.weight)
    }
}

fn parent(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Configs;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn loaded(names: &[&str], number: u128, until: i64) -> Option<Arc<Loaded>> {
        Some(Arc::new(Loaded {
            config: Configs::new().unwrap().neutral().unwrap(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            not_after: at(until),
            id: Uuid::from_u128(number),
            weight: 800,
        }))
    }

    #[track_caller]
    fn ready(memory: &Memory, host: &str, now: i64) -> u128 {
        match memory.look(host, at(now)) {
            Seen::Ready(loaded) => loaded.id.as_u128(),
            other => panic!("{host}: {other:?}"),
        }
    }

    #[test]
    fn the_limit_holds_and_what_is_asked_for_stays() {
        let memory = Memory::new(10_000);
        for number in 0..1000 {
            let host = format!("h{number}.example");
            memory.put(&host, loaded(&[&host], number, 100), at(0));
            assert!(memory.size().1 <= 10_000);
            if number > 0 {
                ready(&memory, "h0.example", 1);
            }
        }
        assert_eq!(memory.size(), (10, 10_000));
        assert!(matches!(memory.look("h1.example", at(1)), Seen::Unknown));
        ready(&memory, "h999.example", 1);
    }

    #[test]
    fn a_wildcard_serves_all_below_it_and_is_pinned() {
        let memory = Memory::new(1000);
        memory.put("a.portico.example", loaded(&["*.portico.example"], 1, 100), at(0));
        for number in 0..50 {
            memory.put(&format!("h{number}.example"), loaded(&[], 2, 100), at(0));
        }
        assert_eq!(ready(&memory, "b.portico.example", 1), 1);
        assert!(matches!(memory.look("portico.example", at(1)), Seen::Unknown));
        assert!(matches!(memory.look("x.b.portico.example", at(1)), Seen::Unknown));
        // Its own certificate goes before, as long as it is valid.
        memory.put("b.portico.example", loaded(&["b.portico.example"], 3, 50), at(0));
        assert_eq!((ready(&memory, "b.portico.example", 1), ready(&memory, "b.portico.example", 60)), (3, 1));
        // Renewed, then gone.
        assert!(memory.concerned("*.portico.example") && !memory.concerned("*.other.example"));
        memory.put("*.portico.example", loaded(&["*.portico.example"], 4, 200), at(0));
        assert_eq!(ready(&memory, "c.portico.example", 150), 4);
        memory.put("*.portico.example", None, at(0));
        assert!(matches!(memory.look("c.portico.example", at(1)), Seen::Unknown));
    }

    #[test]
    fn absence_is_forgotten_after_a_moment() {
        let memory = Memory::new(10_000);
        memory.put("a.example", None, at(0));
        assert!(matches!(memory.look("a.example", at(5)), Seen::Absent));
        assert!(matches!(memory.look("a.example", at(6)), Seen::Unknown));
        memory.put("a.example", loaded(&["a.example"], 1, 100), at(6));
        assert_eq!((ready(&memory, "a.example", 7), memory.size()), (1, (1, 1000)));
    }
}
