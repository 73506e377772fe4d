//! The zone's servers: whether they answer, whether they agree, whether the zone above knows them, and what resolvers that
//! remember an old answer still say.

use chrono::{DateTime, TimeDelta, Utc};

use super::advice::said;
use super::facts::{Facts, Reading};
use super::points::{Place, Points};
use super::report::{Check, Code, Level, Who, sightings};
use crate::dns::{Said, Trouble, Zone};

/// The checks of this part.
pub(super) fn judge(facts: &Facts, points: &Points) -> Vec<Check> {
    let mut checks = Vec::new();
    match &facts.zone {
        None => {}
        Some(Err(error)) => checks.push(
            Check::new(Code::WalkCut, Level::Note, Who::Us, "", format!("{error}."))
                .fix("Let this installation ask name servers on the internet (UDP and TCP, port 53). Until then the resolvers' word counts."),
        ),
        Some(Ok(zone)) if facts.is_unregistered() => {
            checks.push(unregistered(zone, facts));
            return checks;
        }
        Some(Ok(zone)) => {
            checks.push(answering(zone, facts));
            checks.extend(delegation(zone));
        }
    }
    checks.extend(signatures(facts));
    checks.extend(resolvers(facts));
    if points.differ() {
        checks.push(differ(facts, points));
    } else {
        checks.extend(behind(facts, points));
    }
    checks
}

/// Until when a resolver may keep an answer that it may do so for `seconds`.
pub(super) fn until(at: DateTime<Utc>, seconds: Option<u32>) -> Option<DateTime<Utc>> {
    seconds.filter(|seconds| *seconds > 0).map(|seconds| at + TimeDelta::seconds(seconds.into()))
}

fn unregistered(zone: &Zone, facts: &Facts) -> Check {
    let seen = facts.own.iter().map(|reading| (reading.by.clone(), reading.a.to_string()));
    Check::theirs(
        Code::Unregistered,
        &zone.apex,
        format!("The registry of “.{}” knows no such domain, or has no name servers for it.", zone.apex),
    )
    .seen(sightings(seen))
    .fix("Check the spelling; register or renew the domain, or set its name servers at the registrar.")
}

fn answering(zone: &Zone, facts: &Facts) -> Check {
    let bad: Vec<(&Reading, &Trouble)> =
        facts.own.iter().filter_map(|reading| Some((reading, reading.trouble()?))).collect();
    let Some((_, trouble)) = bad.first() else {
        let says = match facts.own.len() {
            1 => format!("The name server of {} answers.", zone.apex),
            number => format!("All {number} name servers of {} answer.", zone.apex),
        };
        return Check::well(Code::ServersAnswer, &zone.apex, says);
    };
    let all = bad.len() == facts.own.len();
    let names: Vec<&str> = bad.iter().map(|(reading, _)| reading.by.as_str()).collect();
    let (code, fix) = remedy(trouble, &zone.apex, &names.join(", "));
    let says = match (all, facts.own.len()) {
        (true, 1) => format!("The only name server of {} does not answer for it.", zone.apex),
        (true, number) => format!("None of the {number} name servers of {} answers for it.", zone.apex),
        (false, number) => format!("{} of the {number} name servers of {} fail.", bad.len(), zone.apex),
    };
    let seen = bad.iter().map(|(reading, trouble)| (reading.by.clone(), trouble.to_string()));
    let level = if all { Level::Fail } else { Level::Note };
    Check::new(code, level, Who::Customer, &zone.apex, says).seen(sightings(seen)).fix(fix)
}

fn remedy(trouble: &Trouble, zone: &str, names: &str) -> (Code, String) {
    let registrar = format!("or take it off the name servers of {zone} at the registrar");
    match trouble {
        Trouble::Refused => (
            Code::RefusingServer,
            format!("Set up {zone} at {names}, {registrar}: it refuses questions about it."),
        ),
        Trouble::Lame => (
            Code::LameServer,
            format!("Set up {zone} at {names}, {registrar}: it does not serve this zone itself."),
        ),
        Trouble::Fails(_) | Trouble::Odd(_) | Trouble::Garbled(_) | Trouble::Loop => (
            Code::FailingServer,
            format!(
                "Tell the DNS provider that {names} fails on {zone}: the zone may be broken or not loaded."
            ),
        ),
        Trouble::NoAddress | Trouble::Forbidden => {
            (Code::ServerWithoutAddress, format!("Give {names} a public address, {registrar}."))
        }
        Trouble::Silent | Trouble::Unreachable(_) => {
            (Code::SilentServer, format!("Tell the DNS provider that {names} does not answer, {registrar}."))
        }
    }
}

fn delegation(zone: &Zone) -> Option<Check> {
    let listed = zone.listed.as_ref()?;
    let mut above = zone.delegated.clone();
    above.sort();
    if above == *listed || listed.is_empty() {
        return None;
    }
    let seen = sightings([
        ("the zone above".to_owned(), above.join(", ")),
        ("the zone itself".to_owned(), listed.join(", ")),
    ]);
    Some(
        Check::new(
            Code::DelegationDiffers,
            Level::Note,
            Who::Customer,
            &zone.apex,
            "The registrar and the zone name different name servers.",
        )
        .seen(seen)
        .fix(format!(
            "Make the name servers of {} at the registrar equal to the NS records in the zone.",
            zone.apex
        )),
    )
}

fn signatures(facts: &Facts) -> Option<Check> {
    let words = facts.bogus.as_ref()?;
    let zone = facts.zone().map_or("the domain", |zone| zone.apex.as_str());
    let seen = facts.public.iter().map(|reading| (reading.by.clone(), reading.a.to_string()));
    Some(
        Check::theirs(
            Code::DnssecBogus,
            zone,
            format!("The signatures (DNSSEC) of {zone} are wrong: whoever checks them sees no answer at all ({words})."),
        )
        .seen(sightings(seen))
        .fix(format!(
            "Remove the DS record of {zone} at the registrar, or let the DNS provider sign the zone anew. This happens \
             after a move to another DNS provider."
        )),
    )
}

fn resolvers(facts: &Facts) -> Option<Check> {
    let bad: Vec<&Reading> = facts.public.iter().filter(|reading| reading.trouble().is_some()).collect();
    let first = bad.first()?;
    if facts.bogus.is_some() {
        return None;
    }
    let seen = sightings(bad.iter().map(|reading| (reading.by.clone(), reading.a.to_string())));
    let silent = matches!(first.trouble(), Some(Trouble::Silent | Trouble::Unreachable(_)));
    if silent {
        return Some(
            Check::new(Code::ResolverSilent, Level::Note, Who::Us, "", "Not every resolver answers us.")
                .seen(seen)
                .fix("Check dns.servers and this installation's way to them."),
        );
    }
    if facts.is_deaf() {
        // What the name servers' own check says already.
        return None;
    }
    let all = bad.len() == facts.public.len();
    let level = if all { Level::Fail } else { Level::Note };
    let zone = facts.zone().map_or("", |zone| zone.apex.as_str());
    Some(
        Check::new(Code::ResolversFail, level, Who::Customer, zone, "Public resolvers get no answer for this host.")
            .seen(seen)
            .fix("The name servers of the domain fail for most of the world: ask the DNS provider to look at the zone."),
    )
}

fn differ(facts: &Facts, points: &Points) -> Check {
    let zone = facts.zone().map_or("", |zone| zone.apex.as_str());
    let seen = sightings(facts.deciding().into_iter().map(|reading| (reading.by.clone(), said(reading))));
    let late: Vec<&str> = points
        .places
        .iter()
        .filter(|(place, _)| place.arrives() != Some(true))
        .flat_map(|(_, by)| by.iter().map(String::as_str))
        .collect();
    Check::new(
        Code::ServersDiffer,
        Level::Wait,
        Who::Nobody,
        zone,
        "The servers give different answers: the change is still on its way.",
    )
    .seen(seen)
    .fix(format!(
        "Wait. If it lasts longer than an hour, tell the DNS provider that {} has an old copy of {zone}.",
        late.join(", ")
    ))
    .until(until(facts.at, facts.keep()))
}

/// The zone's own servers are right, and resolvers remember what was before.
fn behind(facts: &Facts, points: &Points) -> Option<Check> {
    let right = matches!(points.whole, Some(Place::Here | Place::HereByAddress));
    if !right || facts.own.is_empty() || facts.bogus.is_some() {
        return None;
    }
    let arrives = |reading: &&Reading| {
        let addresses = reading.addresses();
        let gone = matches!(reading.a, Said::NoName { .. });
        !gone && !addresses.is_empty() && addresses.iter().all(|ip| facts.ours.contains(ip))
    };
    let late: Vec<&Reading> =
        facts.public.iter().filter(|reading| reading.trouble().is_none() && !arrives(reading)).collect();
    // Where the target itself has no address, nobody could be right.
    if late.is_empty() || !facts.target_resolves {
        return None;
    }
    let keep = late.iter().filter_map(|reading| reading.a.keep()).max().or_else(|| facts.keep());
    Some(
        Check::new(
            Code::ResolversBehind,
            Level::Wait,
            Who::Nobody,
            "",
            "The record is right; some resolvers still remember what was before.",
        )
        .seen(sightings(late.iter().map(|reading| (reading.by.clone(), said(reading)))))
        .fix("Wait; nothing needs to be changed.")
        .until(until(facts.at, keep)),
    )
}
