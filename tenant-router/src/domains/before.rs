//! The look before an order: what the probe saw of a tenant's host decides whether an order would be in vain.

use std::future::Future;
use std::pin::Pin;

use acme::challenges::Kind;
use acme::probe::{Check, Code, Report, Who};
use acme::{Objection, Precheck};

use super::Checker;
use crate::host::Host;

impl Precheck for Checker {
    fn look<'a>(
        &'a self,
        host: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<(), Objection>> + Send + 'a>> {
        Box::pin(async move {
            // The platform's own wildcard is nobody's domain, and what cannot be looked at may be ordered.
            let Ok(host) = Host::parse(host) else { return Ok(()) };
            match self.fresh(&host).await {
                Ok(Some(report)) => objection(&report, kind).map_or(Ok(()), Err),
                Ok(None) => Ok(()),
                Err(error) => {
                    tracing::warn!(%host, %error, "no look before the order");
                    Ok(())
                }
            }
        })
    }
}

/// The worst of what the authority would stumble over.
fn objection(report: &Report, kind: Kind) -> Option<Objection> {
    if kind == Kind::Dns01 && report.check(Code::ChallengeDelegated).is_none() {
        let text = format!(
            "_acme-challenge.{} does not point at its target, so the proof would not be found.",
            report.host
        );
        return Some(Objection { who: acme::Who::Customer, text });
    }
    let stands = |check: &&Check| kind != Kind::Dns01 || !is_about_visitors(check.code);
    let worst = report.obstacles().filter(stands).max_by_key(|check| check.level)?;
    let fix = worst.fix.as_deref().unwrap_or_default();
    let who = match worst.who {
        Who::Customer => acme::Who::Customer,
        Who::Us | Who::Nobody => acme::Who::Us,
        Who::Authority => acme::Who::Authority,
    };
    Some(Objection { who, text: format!("{} {fix}", worst.says).trim_end().to_owned() })
}

/// Where visitors go does not matter to a proof by DNS.
fn is_about_visitors(code: Code) -> bool {
    matches!(
        code,
        Code::NoName
            | Code::NoRecord
            | Code::WrongCname
            | Code::OldTarget
            | Code::DoubledTarget
            | Code::DoubledName
            | Code::CnameAtApex
            | Code::CnameBesideOthers
            | Code::CnameDangles
            | Code::WrongAddress
            | Code::StaleAddress
            | Code::WildcardAnswers
            | Code::ProxyBlocks
            | Code::ServersDiffer
            | Code::TargetUnresolved
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(code: Code) -> Report {
        Report {
            host: "a.example".into(),
            at: chrono::DateTime::UNIX_EPOCH,
            zone: None,
            servers: Vec::new(),
            provider: None,
            proxy: None,
            proof: None,
            arrives: Some(false),
            checks: vec![Check::theirs(code, "a.example", "It is wrong.").fix("Mend it.")],
            next_look: None,
        }
    }

    #[test]
    fn an_order_waits_for_what_its_kind_of_proof_needs() {
        let text = |code, kind| objection(&report(code), kind).map(|objection| objection.text);
        assert_eq!(text(Code::NoName, Kind::Http01).as_deref(), Some("It is wrong. Mend it."));
        assert!(text(Code::NoName, Kind::Dns01).unwrap().contains("_acme-challenge.a.example"));
        let delegated = |code| {
            let mut report = report(code);
            report.checks.push(Check::well(Code::ChallengeDelegated, "a.example", "It is."));
            objection(&report, Kind::Dns01)
        };
        assert_eq!(delegated(Code::NoName), None);
        assert!(delegated(Code::CaaNobody).is_some() && delegated(Code::DnssecBogus).is_some());
        // Whose the host is has been decided before; the authority does not ask.
        assert_eq!(text(Code::ProofMissing, Kind::Http01), None);
    }
}
