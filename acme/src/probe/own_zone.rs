//! The platform's own zone: every target has to lead to the platform, and to carry CAA records that let our authority issue.
//! An authority that asks for the CAA records of a customer's host follows its CNAME and finds these first, so that a strict
//! record at the top of the customer's domain does not count.

use platform_core::random::bytes;

use super::report::{Check, Code, Level, Record, Who, sightings};
use super::{Prober, Want};
use crate::caa::{self, Request, Verdict};
use crate::dns::{Data, Kind, Mode, Said};

impl Prober {
    /// Looks at a target that nobody has, as at any other: a wildcard has to answer for it.
    pub async fn own_zone(&self) -> Check {
        let number = u64::from_be_bytes(bytes::<8>(&*self.random));
        let target = format!("p{number:016x}.{}", self.platform.edge());
        let every = format!("*.{}", self.platform.edge());
        let a = self.by_any(&target, Kind::A).await;
        let aaaa = self.by_any(&target, Kind::Aaaa).await;
        let seen = sightings([("A".to_owned(), a.to_string()), ("AAAA".to_owned(), aaaa.to_string())]);
        let addresses = a.data().iter().chain(aaaa.data()).filter_map(Data::address).count();
        if addresses == 0 {
            return ours(Code::TargetUnresolved, Level::Fail, &every, "Targets of domains have no address.")
                .seen(seen)
                .fix(format!("Publish A and AAAA records with this platform's addresses at {every}."));
        }
        let caa = self.by_any(&target, Kind::Caa).await;
        let issuer = self.platform.issuers.first().map_or("", String::as_str);
        let record = Record {
            name: every.clone(),
            kind: "CAA".to_owned(),
            value: format!("0 issue \"{issuer}\""),
            fields: None,
        };
        let advice = format!("Publish CAA 0 issue \"{issuer}\" at {every}.");
        if caa.data().is_empty() {
            let says = "Targets carry no CAA record, so a strict one at the top of a customer's domain stops certificates.";
            return ours(Code::TargetsWithoutCaa, Level::Note, &every, says)
                .fix(advice)
                .records(vec![record]);
        }
        match self.may_issue(&target).await {
            Verdict::Allowed { .. } => Check::well(
                Code::TargetsReady,
                &every,
                "Targets lead here, and their CAA records let our authority issue.",
            ),
            _ => ours(
                Code::CaaOtherIssuer,
                Level::Fail,
                &every,
                "The CAA records of targets forbid our own authority.",
            )
            .fix(advice)
            .records(vec![record]),
        }
    }

    async fn may_issue(&self, target: &str) -> Verdict {
        let want = Want::nothing(target);
        let request = Request {
            host: target,
            wildcard: false,
            method: want.method,
            issuers: &self.platform.issuers,
            accounts: &want.accounts,
        };
        caa::evaluate(self, &request).await
    }

    /// The first sound word of a resolver.
    async fn by_any(&self, name: &str, kind: Kind) -> Said {
        let mut last = Said::NoName { chain: Vec::new(), keep: None };
        for resolver in &self.sources.resolvers {
            last = self.client.said(*resolver, name, kind, Mode::Resolver).await;
            if last.trouble().is_none() {
                return last;
            }
        }
        last
    }
}

impl caa::Lookup for Prober {
    async fn caa(&self, name: &str) -> (Said, String) {
        (self.by_any(name, Kind::Caa).await, "a resolver".to_owned())
    }
}

fn ours(code: Code, level: Level, name: &str, says: &str) -> Check {
    Check::new(code, level, Who::Us, name, says)
}
