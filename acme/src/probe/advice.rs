//! What to tell people about where a host points, and the records that would mend it.

use std::net::IpAddr;

use super::facts::{Facts, Reading};
use super::knock::Heard;
use super::points::{Place, Points};
use super::proof::Proof;
use super::provider::{Apex, Provider};
use super::report::{Check, Code, Level, Record, Sighting, Who, sightings};
use super::{Platform, Want};

/// The checks of this part.
pub(super) fn checks(
    want: &Want,
    platform: &Platform,
    facts: &Facts,
    points: &Points,
    proof: Option<Proof>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if let (Some(target), false) = (&want.target, facts.target_resolves) {
        checks.push(
            Check::new(Code::TargetUnresolved, Level::Fail, Who::Us, target, "The target has no address.")
                .fix(format!(
                    "Publish A and AAAA records for *.{} in the platform's own zone.",
                    platform.edge()
                )),
        );
    }
    let seen = seen(facts);
    // Where some servers have the right answer already, time or the lagging server is what matters, and `servers` says so.
    let arrived = |(place, _): &(Place, Vec<String>)| place.arrives() == Some(true);
    if points.differ() && points.places.iter().any(arrived) {
        return checks;
    }
    let check = match points.places.first() {
        Some((place, _)) => Judge { want, facts, place }.check().seen(seen),
        None => Check::new(
            Code::Unseen,
            Level::Wait,
            Who::Nobody,
            &want.host,
            "Nobody could say where the host points.",
        )
        .fix("Mend the name servers first."),
    };
    // The visitors come here all the same, and the TXT record says whose they are.
    let harmless = check.code == Code::OldTarget && proof == Some(Proof::Txt);
    let check = if harmless { check.level(Level::Note) } else { check };
    checks.push(check.expected(expected(want)));
    checks
}

fn expected(want: &Want) -> String {
    want.target.as_ref().map_or_else(String::new, |target| format!("CNAME {target}"))
}

/// What each deciding server says of the host.
fn seen(facts: &Facts) -> Vec<Sighting> {
    sightings(facts.deciding().into_iter().map(|reading| (reading.by.clone(), said(reading))))
}

pub(super) fn said(reading: &Reading) -> String {
    let mut parts = Vec::new();
    if !reading.cname.data().is_empty() && reading.a.chain().is_empty() {
        parts.push(reading.cname.to_string());
    }
    if reading.a.data().is_empty() && !reading.aaaa.data().is_empty() {
        parts.push(reading.aaaa.to_string());
    } else {
        parts.push(reading.a.to_string());
        if reading.aaaa.chain().is_empty() && !reading.aaaa.data().is_empty() {
            parts.push(reading.aaaa.to_string());
        }
    }
    parts.join(", ")
}

struct Judge<'a> {
    want: &'a Want,
    facts: &'a Facts,
    place: &'a Place,
}

impl Judge<'_> {
    fn check(&self) -> Check {
        let host = self.want.host.as_str();
        match self.place {
            Place::Here => Check::well(Code::PointsHere, host, "The CNAME points at its target."),
            Place::HereThrough(alias) => {
                Check::well(Code::PointsHere, host, format!("The CNAME leads to its target through {alias}."))
            }
            Place::HereByAddress => {
                Check::well(Code::PointsHereByAddress, host, "The host has addresses of this platform.")
            }
            Place::Proxied(name) => self.proxied(name),
            _ if self.want.target.is_none() => self.unclaimed(),
            _ if self.facts.wildcard => self.wildcard(),
            Place::NoName | Place::NoRecord => self.nothing(),
            Place::Elsewhere(_) | Place::OldTarget(_) | Place::DoubledTarget(_) | Place::Dangles(_) => {
                self.wrong()
            }
            Place::CnameAtApex(_) | Place::Beside(_) | Place::Loop => self.unlawful(),
            Place::Addresses(_) | Place::Stale(_) => self.addresses(),
        }
    }

    fn unclaimed(&self) -> Check {
        let host = &self.want.host;
        Check::new(Code::Unclaimed, Level::Note, Who::Nobody, host, "No tenant has claimed this host.")
            .fix("Claim it first: `portico domain claim --tenant SLUG HOST` says which record to set.")
    }

    fn nothing(&self) -> Check {
        let host = self.want.host.as_str();
        let until = super::servers::until(self.facts.at, self.facts.keep());
        if let Some(doubled) = &self.facts.doubled_host {
            let zone = self.facts.zone().map_or("", |zone| zone.apex.as_str());
            return Check::theirs(Code::DoubledName, host, format!("The record was made at {doubled}: the domain is in it twice."))
                .fix(format!("The form appends “.{zone}” by itself. Delete that record and make it again with the short name."))
                .records(self.records())
                .until(until);
        }
        let (code, says) = match self.place {
            Place::NoName => (Code::NoName, "The name does not exist."),
            _ => (Code::NoRecord, "The name exists, but has neither a CNAME nor an address."),
        };
        Check::theirs(code, host, says).fix(self.make()).records(self.records()).until(until)
    }

    fn wildcard(&self) -> Check {
        let host = self.want.host.as_str();
        let above = crate::dns::parent(host).unwrap_or_default();
        Check::theirs(
            Code::WildcardAnswers,
            host,
            format!("The host has no record of its own; the wildcard *.{above} answers for it."),
        )
        .fix(format!("{} A record of its own wins over the wildcard.", self.make()))
        .records(self.records())
    }

    fn wrong(&self) -> Check {
        let host = self.want.host.as_str();
        let target = self.want.target.as_deref().unwrap_or_default();
        let check = match self.place {
            Place::DoubledTarget(wrong) => Check::theirs(
                Code::DoubledTarget,
                host,
                format!("The target has the domain appended: {wrong}."),
            )
            .fix(format!("Type the target with a final dot: “{target}.”")),
            Place::OldTarget(wrong) => Check::theirs(
                Code::OldTarget,
                host,
                format!(
                    "The CNAME points at {wrong}, a target of another claim; targets are never used twice."
                ),
            )
            .fix(format!("Change the CNAME of {host} to {target}.")),
            Place::Dangles(wrong) => Check::theirs(
                Code::CnameDangles,
                host,
                format!("The CNAME points at {wrong}, which does not exist."),
            )
            .fix(format!("Change the CNAME of {host} from {wrong} to {target}.")),
            Place::Elsewhere(wrong) => {
                Check::theirs(Code::WrongCname, host, format!("The CNAME points at {wrong}."))
                    .fix(format!("Change the CNAME of {host} from {wrong} to {target}."))
            }
            _ => self.nothing(),
        };
        check.records(self.records())
    }

    fn unlawful(&self) -> Check {
        let host = self.want.host.as_str();
        let check = match self.place {
            Place::CnameAtApex(_) => Check::theirs(
                Code::CnameAtApex,
                host,
                "A CNAME at the top of a domain hides its mail and name server records; it is not allowed there.",
            )
            .fix(format!("Delete the CNAME. {}", self.make())),
            Place::Beside(_) => Check::theirs(
                Code::CnameBesideOthers,
                host,
                "The host has a CNAME and addresses; servers pick one or the other.",
            )
            .fix(format!("Delete the A and AAAA records of {host} and keep the CNAME.")),
            _ => Check::theirs(Code::CnameLoop, host, "The CNAMEs lead in a circle.").fix(self.make()),
        };
        check.records(self.records())
    }

    fn addresses(&self) -> Check {
        let host = self.want.host.as_str();
        let list = |wrong: &[IpAddr]| wrong.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        let check = match self.place {
            Place::Stale(wrong) => Check::theirs(
                Code::StaleAddress,
                host,
                format!("Beside our addresses the host still has {}.", list(wrong)),
            )
            .fix(format!(
                "Delete these A and AAAA records of {host}: {}. Authorities and browsers try IPv6 first.",
                list(wrong)
            )),
            Place::Addresses(wrong) => Check::theirs(
                Code::WrongAddress,
                host,
                format!("The host has addresses elsewhere: {}.", list(wrong)),
            )
            .fix(format!("Delete the A and AAAA records of {host}. {}", self.make())),
            _ => self.nothing(),
        };
        check.records(self.records())
    }

    fn proxied(&self, name: &str) -> Check {
        let (host, target) = (self.want.host.as_str(), self.want.target.as_deref().unwrap_or("its target"));
        let stands = format!("{name}'s proxy stands in front of the host");
        let off = format!("off for {host} (in {name}: the grey cloud, “DNS only”)");
        match &self.facts.knocked {
            Some(Heard::Ours) => {
                let says = format!("{stands} and lets visitors and the authority through to this platform.");
                Check::well(Code::ProxyPasses, host, says)
            }
            Some(Heard::Other(seen)) => {
                let says = format!("{stands}, and what the authority asks for does not come here: {seen}.");
                // A proof by DNS does not go through the proxy.
                let level = if self.want.method == "dns-01" { Level::Note } else { Level::Fail };
                let check = Check::new(Code::ProxyBlocks, level, Who::Customer, host, says);
                check.fix(format!(
                    "Let the proxy fetch from {target}, and let http://{host}/.well-known/acme-challenge/ through without \
                     a redirect or a page of its own. Or switch the proxy {off}."
                ))
            }
            unseen => {
                let why = match unseen {
                    Some(Heard::Unclear(why)) => why,
                    _ => "what is behind it cannot be seen",
                };
                let says = format!("{stands}; {why}.");
                let check = Check::new(Code::Proxied, Level::Note, Who::Customer, host, says);
                check.fix(format!(
                    "Switch the proxy {off}. Or leave it on, prove the host by the TXT record, let the proxy fetch from \
                     {target} with TLS, and let /.well-known/acme-challenge/ through."
                ))
            }
        }
    }

    /// What to make, for a host that has nothing of use.
    fn make(&self) -> String {
        let (host, target) = (&self.want.host, self.want.target.as_deref().unwrap_or_default());
        if !self.facts.is_apex(host) {
            return format!("Add a CNAME record: {host} points to {target}.");
        }
        match self.facts.provider().map(|provider| (provider.name, provider.apex)) {
            Some((name, Apex::Flattens)) => {
                format!(
                    "Add a CNAME record: {host} points to {target}. {name} turns it into addresses by itself."
                )
            }
            Some((name, Apex::Alias(kind))) => format!(
                "{host} is the top of its domain, where a CNAME is not possible. Add {name}'s record of the type {kind} \
                 that points to {target}."
            ),
            _ => format!(
                "{host} is the top of its domain, where a CNAME is not possible. Add A and AAAA records with the \
                 platform's addresses."
            ),
        }
    }

    fn records(&self) -> Vec<Record> {
        records(self.want, self.facts)
    }
}

/// The records that point a host here, as its provider's form wants them.
pub(super) fn records(want: &Want, facts: &Facts) -> Vec<Record> {
    let Some(target) = &want.target else { return Vec::new() };
    let alias = |kind: &str| vec![record(facts, &want.host, kind, target)];
    if !facts.is_apex(&want.host) {
        return alias("CNAME");
    }
    match facts.provider().map(|provider| provider.apex) {
        Some(Apex::Flattens) => alias("CNAME"),
        Some(Apex::Alias(kind)) => alias(kind),
        _ => {
            let address = |ip: &IpAddr| {
                let kind = if ip.is_ipv4() { "A" } else { "AAAA" };
                record(facts, &want.host, kind, &ip.to_string())
            };
            facts.ours.iter().map(address).collect()
        }
    }
}

/// One record, as the provider's form wants it.
pub(super) fn record(facts: &Facts, name: &str, kind: &str, value: &str) -> Record {
    let form = |provider: &Provider| {
        let zone = facts.zone().map_or("", |zone| zone.apex.as_str());
        provider.fields(zone, name, kind, value)
    };
    Record {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value: value.to_owned(),
        fields: facts.provider().map(form),
    }
}
