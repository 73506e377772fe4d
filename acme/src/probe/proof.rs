//! Whose a host is: proven by the CNAME at its own target, or by the TXT record with its own text.

use serde::{Deserialize, Serialize};

use super::Want;
use super::advice::record;
use super::facts::{Facts, Reading};
use super::points::{Place, Points};
use super::report::{Check, Code, Level, Who, sightings};
use crate::dns::Data;

/// Which record proves the ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    Cname,
    Txt,
}

/// The proof that holds: every server that answers must show it, and signatures must not be wrong.
pub(super) fn judge(want: &Want, points: &Points, facts: &Facts) -> Option<Proof> {
    if facts.bogus.is_some() {
        return None;
    }
    if by_txt(want, facts) {
        return Some(Proof::Txt).filter(|_| want.contested || !by_cname(points)).or(Some(Proof::Cname));
    }
    (by_cname(points) && !want.contested).then_some(Proof::Cname)
}

fn by_cname(points: &Points) -> bool {
    matches!(points.whole, Some(Place::Here | Place::HereThrough(_)))
}

fn by_txt(want: &Want, facts: &Facts) -> bool {
    let Some(expected) = &want.proof else { return false };
    let readings = facts.deciding();
    let shows = |reading: &Reading| texts(reading.proof.data()).iter().any(|text| text.trim() == expected);
    let seen = !readings.is_empty() && readings.into_iter().all(shows);
    // To take a host from its holder, the world has to see it, too: whoever could forge our answers would have to forge
    // those of a public resolver as well.
    seen && (!want.contested || facts.public.is_empty() || facts.public.iter().any(shows))
}

/// The zone has the text, and no resolver sees it yet.
fn is_coming(want: &Want, facts: &Facts) -> bool {
    by_txt(&Want { contested: false, ..want.clone() }, facts)
}

fn texts(data: &[Data]) -> Vec<&str> {
    let texts = data.iter().filter_map(|one| match one {
        Data::Txt(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The check of this part; none for a host that nobody has claimed.
pub(super) fn checks(want: &Want, points: &Points, facts: &Facts, proof: Option<Proof>) -> Vec<Check> {
    let Some(expected) = &want.proof else { return Vec::new() };
    let name = want.proof_name();
    let check = match proof {
        Some(Proof::Cname) => {
            Check::well(Code::ProofByCname, &want.host, "The CNAME at its own target proves the host.")
        }
        Some(Proof::Txt) => Check::well(Code::ProofByTxt, &name, "The TXT record proves the host."),
        None => {
            let said =
                facts.deciding().into_iter().map(|reading| (reading.by.clone(), reading.proof.to_string()));
            missing(want, points, facts)
                .expected(format!("TXT “{expected}”"))
                .seen(sightings(said))
                .records(vec![record(facts, &name, "TXT", expected)])
        }
    };
    vec![check]
}

fn missing(want: &Want, points: &Points, facts: &Facts) -> Check {
    let name = want.proof_name();
    let expected = want.proof.as_deref().unwrap_or_default();
    let found: Vec<&str> =
        facts.deciding().into_iter().flat_map(|reading| texts(reading.proof.data())).collect();
    if let Some(doubled) = &facts.doubled_proof {
        let zone = facts.zone().map_or("", |zone| zone.apex.as_str());
        return Check::theirs(
            Code::ProofDoubled,
            &name,
            format!("The TXT record was made at {doubled}: the domain is in it twice."),
        )
        .fix(format!(
            "The form appends “.{zone}” by itself. Delete that record and make it again with the short name."
        ));
    }
    let bare = |text: &str| text.trim().trim_matches(['"', '“', '”', '\'']).trim() == expected;
    if found.iter().any(|text| text.trim() != expected && bare(text)) {
        return Check::theirs(
            Code::ProofQuoted,
            &name,
            "The text of the TXT record has quotation marks in it.",
        )
        .fix("Remove the quotation marks from the text; the form adds its own.");
    }
    let label = expected.split('=').next().unwrap_or_default();
    if !label.is_empty() && found.iter().any(|text| text.contains(label) && text.trim() != expected) {
        return Check::theirs(Code::ProofWrong, &name, "The TXT record has the text of another claim.")
            .fix(format!("Replace the text by “{expected}”. Each claim has a text of its own, which is never used again."));
    }
    if want.contested && is_coming(want, facts) {
        let says = "The TXT record is right; no public resolver sees it yet.";
        return Check::new(Code::ProofContested, Level::Wait, Who::Nobody, &name, says)
            .fix("Wait. The host moves to this account as soon as one of them does.")
            .until(super::servers::until(facts.at, facts.keep()));
    }
    if want.contested && by_cname(points) {
        return Check::theirs(
            Code::ProofContested,
            &name,
            "Another account of this platform serves this host, so the CNAME alone does not prove it.",
        )
        .fix(format!(
            "Add a TXT record at {name} with the text “{expected}”. It moves the host to this account."
        ));
    }
    let says = "There is no TXT record that proves the host.";
    let check = Check::theirs(Code::ProofMissing, &name, says);
    let add = format!("Add a TXT record at {name} with the text “{expected}”.");
    if needs_txt(want, points, facts) {
        let target = want.target.as_deref().filter(|_| !want.contested && !facts.is_apex(&want.host));
        check.fix(match target {
            Some(target) => {
                format!("{add} Or give {} a CNAME at {target} alone: that proves it, too.", want.host)
            }
            None => add,
        })
    } else {
        check.level(Level::Note).fix(format!(
            "Nothing, once the CNAME is there. Where a CNAME is not possible, add a TXT record at {name} with the text \
             “{expected}”."
        ))
    }
}

/// Whether a CNAME cannot prove this host.
fn needs_txt(want: &Want, points: &Points, facts: &Facts) -> bool {
    let hidden = |place: &Place| matches!(place, Place::HereByAddress | Place::Proxied(_) | Place::Stale(_));
    want.contested || facts.is_apex(&want.host) || points.places.iter().any(|(place, _)| hidden(place))
}
