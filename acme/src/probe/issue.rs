//! Whether a certificate can be had: CAA, and what stands at `_acme-challenge`.

use super::advice::record;
use super::facts::Facts;
use super::points::Points;
use super::report::{Check, Code, Level, Record, Who, sightings};
use super::{Platform, Want};
use crate::caa::{Denial, Found, Verdict};
use crate::dns::{Data, is_within};

/// The checks of this part.
pub(super) fn checks(want: &Want, platform: &Platform, facts: &Facts, points: &Points) -> Vec<Check> {
    // Servers that answer nothing do not answer for CAA either: one fault is told once.
    let deaf = facts.is_deaf() && matches!(facts.caa, Verdict::Broken { .. });
    let caa = (!deaf).then(|| caa(want, platform, facts, points));
    caa.into_iter().chain(challenge(want, facts)).collect()
}

fn caa(want: &Want, platform: &Platform, facts: &Facts, points: &Points) -> Check {
    let host = want.host.as_str();
    let issuer = platform.issuers.first().map_or("", String::as_str);
    match &facts.caa {
        Verdict::Allowed { found: None } => {
            Check::well(Code::CaaAllows, host, "No CAA record: every authority may issue.")
        }
        Verdict::Allowed { found: Some(found) } => Check::well(
            Code::CaaAllows,
            &found.at,
            format!("The CAA records at {} allow {issuer}.", found.owner),
        )
        .seen(published(found)),
        Verdict::Denied { found, why, fixes } => {
            // Only where the CNAME is still to come: a host that is here by address, or behind a proxy, stays as it is.
            let comes = points.whole.as_ref().is_some_and(|place| place.arrives() == Some(false));
            let check = match (&facts.caa_then, comes) {
                (Some(Verdict::Allowed { .. }), true) => until_cname(found, why),
                _ => denied(want, platform, found, why),
            };
            let text = fixes.iter().map(|fix| fix.what.as_str()).collect::<Vec<_>>().join(" ");
            let text = match check.code {
                Code::CaaUntilCname => {
                    format!("Nothing, once the CNAME is there. For a certificate before that: {text}")
                }
                _ => text,
            };
            let fixes = fixes.iter().filter(|fix| !fix.value.is_empty());
            let records: Vec<Record> = fixes.map(|fix| record(facts, &fix.name, "CAA", &fix.value)).collect();
            check
                .seen(published(found))
                .expected(format!("CAA 0 issue \"{issuer}\""))
                .fix(text)
                .records(records)
        }
        Verdict::Broken { at, server, why } => {
            let who = if is_ours(at, platform) { Who::Us } else { Who::Customer };
            Check::new(
                Code::CaaUnreadable,
                Level::Fail,
                who,
                at,
                format!("The CAA records of {at} cannot be read: {server} {why}. Authorities then refuse to issue."),
            )
            .fix(format!(
                "Tell the DNS provider that its servers must answer questions for the type CAA at {at}; an empty answer \
                 is fine."
            ))
        }
    }
}

fn until_cname(found: &Found, why: &Denial) -> Check {
    let says = format!(
        "The CAA records at {} forbid it: {why}. This ends with the CNAME: those at its target count then.",
        found.owner
    );
    Check::new(Code::CaaUntilCname, Level::Note, Who::Nobody, &found.at, says)
}

fn denied(want: &Want, platform: &Platform, found: &Found, why: &Denial) -> Check {
    let says = format!("The CAA records at {} forbid it: {why}.", found.owner);
    let code = match why {
        Denial::OtherIssuer => Code::CaaOtherIssuer,
        Denial::Nobody => Code::CaaNobody,
        Denial::Account => Code::CaaAccount,
        Denial::Method(_) => Code::CaaMethod,
        Denial::Critical(_) => Code::CaaCritical,
    };
    let who = if is_ours(&found.owner, platform) { Who::Us } else { Who::Customer };
    // A host that nobody has claimed may yet become a CNAME, and then this does not count.
    let level = if want.target.is_none() { Level::Note } else { Level::Fail };
    let name = if found.owner == want.host { &want.host } else { &found.owner };
    Check::new(code, level, who, name, says)
}

fn is_ours(name: &str, platform: &Platform) -> bool {
    is_within(name, &platform.base)
}

fn published(found: &Found) -> Vec<super::Sighting> {
    sightings(found.records.iter().map(|record| (found.owner.clone(), format!("CAA {record}"))))
}

/// What stands at `_acme-challenge`: a delegation of ours, somebody else's, or one that a TXT record hides.
fn challenge(want: &Want, facts: &Facts) -> Option<Check> {
    let name = format!("_acme-challenge.{}", want.host);
    let readings = facts.deciding();
    let alias = readings.iter().find_map(|reading| match reading.challenge_cname.data().first() {
        Some(Data::Cname(target)) => Some(target.clone()),
        _ => None,
    });
    let hidden = readings
        .iter()
        .any(|reading| reading.challenge_txt.chain().is_empty() && !reading.challenge_txt.data().is_empty());
    let needed = want.method == "dns-01";
    let level = if needed { Level::Fail } else { Level::Note };
    let seen = sightings(readings.iter().flat_map(|reading| {
        [&reading.challenge_cname, &reading.challenge_txt]
            .into_iter()
            .filter(|said| !said.data().is_empty())
            .map(|said| (reading.by.clone(), said.to_string()))
    }));
    let wanted = want.delegation.as_deref();
    let check = match (alias, hidden) {
        (Some(_), true) => Check::new(
            Code::ChallengeShadowed,
            level,
            Who::Customer,
            &name,
            "A TXT record stands beside the CNAME and hides it from the authority.",
        )
        .fix(format!("Delete the TXT record at {name} and keep the CNAME.")),
        (Some(alias), false) if Some(alias.as_str()) == wanted => Check::well(
            Code::ChallengeDelegated,
            &name,
            "Certificates can be had before the host points here.",
        ),
        (None, true) if wanted.is_some() && needed => Check::new(
            Code::ChallengeShadowed,
            level,
            Who::Customer,
            &name,
            "A TXT record of somebody else stands where the CNAME should be.",
        )
        .fix(format!("Delete the TXT record at {name} and add the CNAME.")),
        (Some(alias), false) if wanted.is_some() || needed => Check::new(
            Code::ChallengeElsewhere,
            level,
            Who::Customer,
            &name,
            format!("The CNAME points at {alias}, so another service answers the authority there."),
        )
        .fix(wanted.map_or_else(
            || format!("Delete the CNAME at {name}."),
            |wanted| format!("Change the CNAME of {name} to {wanted}."),
        )),
        _ => return None,
    };
    let records = wanted.map(|wanted| record(facts, &name, "CNAME", wanted));
    Some(
        check
            .expected(wanted.map_or_else(String::new, |wanted| format!("CNAME {wanted}")))
            .seen(seen)
            .records(records.into_iter().collect()),
    )
}
