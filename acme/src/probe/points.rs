//! Where a host points: at its target, at an address of ours, at a proxy, or somewhere else. `advice` says what to change.

use std::net::IpAddr;

use serde::Serialize;

use super::facts::{Facts, Reading};
use super::{Platform, Want, proxy};
use crate::dns::{Data, Said, Trouble, is_within};

/// Where one server sends a host's visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// By CNAME at its own target.
    Here,
    /// By CNAME at a name that leads to the target.
    HereThrough(String),
    /// At addresses of the platform, by A, AAAA or an alias that the provider flattens.
    HereByAddress,
    Proxied(&'static str),
    NoName,
    NoRecord,
    Elsewhere(String),
    OldTarget(String),
    DoubledTarget(String),
    CnameAtApex(String),
    Beside(String),
    Loop,
    Dangles(String),
    Addresses(Vec<IpAddr>),
    /// At addresses of the platform and at these.
    Stale(Vec<IpAddr>),
}

impl Place {
    /// Whether visitors come here; none where a proxy hides it.
    #[must_use]
    pub fn arrives(&self) -> Option<bool> {
        match self {
            Self::Here | Self::HereThrough(_) | Self::HereByAddress => Some(true),
            Self::Proxied(_) => None,
            _ => Some(false),
        }
    }
}

/// What all servers say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// Where all of them send visitors; none when they differ or none answers.
    pub whole: Option<Place>,
    /// Each place, with the servers that say so.
    pub places: Vec<(Place, Vec<String>)>,
}

impl Points {
    /// Whether the servers differ.
    #[must_use]
    pub fn differ(&self) -> bool {
        self.places.len() > 1
    }
}

/// Sorts the readings.
pub(super) fn judge(want: &Want, platform: &Platform, facts: &Facts) -> Points {
    let mut places: Vec<(Place, Vec<String>)> = Vec::new();
    for reading in facts.deciding() {
        let place = place(want, platform, facts, reading);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, by)) => by.push(reading.by.clone()),
            None => places.push((place, vec![reading.by.clone()])),
        }
    }
    let whole = match places.as_slice() {
        [(only, _)] => Some(only.clone()),
        _ => None,
    };
    Points { whole, places }
}

fn place(want: &Want, platform: &Platform, facts: &Facts, reading: &Reading) -> Place {
    if reading.a.trouble() == Some(&Trouble::Loop) {
        return Place::Loop;
    }
    let alias = match reading.cname.data().first() {
        Some(Data::Cname(target)) => Some(target.clone()),
        _ => reading.a.chain().first().cloned(),
    };
    match alias {
        Some(alias) => aliased(want, platform, facts, reading, alias),
        None => addressed(facts, reading),
    }
}

fn aliased(want: &Want, platform: &Platform, facts: &Facts, reading: &Reading, alias: String) -> Place {
    let direct = |said: &Said| said.chain().is_empty() && !said.data().is_empty();
    if direct(&reading.a) || direct(&reading.aaaa) {
        return Place::Beside(alias);
    }
    if facts.is_apex(&want.host) {
        return Place::CnameAtApex(alias);
    }
    if alias == want.host {
        return Place::Loop;
    }
    if let Some(target) = &want.target {
        if alias == *target {
            return Place::Here;
        }
        if alias.starts_with(&format!("{target}.")) {
            return Place::DoubledTarget(alias);
        }
        let through = |reading: &Reading| {
            reading.a.chain().first() == Some(&alias) && reading.a.chain().contains(target)
        };
        if through(reading) || facts.public.iter().any(through) {
            return Place::HereThrough(alias);
        }
    }
    if is_within(&alias, &platform.edge()) {
        return Place::OldTarget(alias);
    }
    if facts.public.iter().any(|reading| reading.a.trouble() == Some(&Trouble::Loop)) {
        return Place::Loop;
    }
    // Somebody follows the alias and finds no such name at its end.
    let dangles =
        |reading: &Reading| matches!(&reading.a, Said::NoName { chain, .. } if chain.first() == Some(&alias));
    if dangles(reading) || facts.public.iter().any(dangles) {
        return Place::Dangles(alias);
    }
    Place::Elsewhere(alias)
}

fn addressed(facts: &Facts, reading: &Reading) -> Place {
    let addresses = reading.addresses();
    if addresses.is_empty() {
        let exists = !matches!(reading.a, Said::NoName { .. });
        return if exists { Place::NoRecord } else { Place::NoName };
    }
    let strange: Vec<IpAddr> = addresses.iter().filter(|ip| !facts.ours.contains(ip)).copied().collect();
    if strange.is_empty() {
        return Place::HereByAddress;
    }
    match strange.first().and_then(|ip| proxy::of(*ip)) {
        Some(name) if strange.iter().all(|ip| proxy::of(*ip).is_some()) => Place::Proxied(name),
        _ if strange.len() < addresses.len() => Place::Stale(strange),
        _ => Place::Addresses(strange),
    }
}
