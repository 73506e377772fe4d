//! The look at a host's DNS before an order for it, by the same eyes as the domain doctor's.

use std::future::Future;
use std::pin::Pin;

use acme::challenges::Kind;
use acme::{Objection, Precheck, Who, probe};
use tenant_router::Host;
use tenant_router::domains::Checker;

/// Asks the domain checker. What it cannot tell is no objection.
pub(super) struct DnsPrecheck(pub(super) Checker);

impl Precheck for DnsPrecheck {
    fn look<'a>(
        &'a self,
        host: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<(), Objection>> + Send + 'a>> {
        Box::pin(async move {
            // A proof by DNS is for hosts that are not here yet, and for wildcards.
            let Ok(host) = Host::parse(host) else { return Ok(()) };
            if kind == Kind::Dns01 {
                return Ok(());
            }
            let found = self.0.objections(&host).await.unwrap_or_else(|error| {
                tracing::warn!(%host, %error, "the look before an order failed");
                Vec::new()
            });
            found.into_iter().next().map_or(Ok(()), |check| Err(objection(&check)))
        })
    }
}

fn objection(check: &probe::Check) -> Objection {
    let who = match check.who {
        probe::Who::Customer => Who::Customer,
        probe::Who::Authority => Who::Authority,
        probe::Who::Us | probe::Who::Nobody => Who::Us,
    };
    let text = match &check.fix {
        Some(fix) => format!("{} {fix}", check.says),
        None => check.says.clone(),
    };
    Objection { who, text }
}

#[cfg(test)]
mod tests {
    use acme::probe::{Check, Code, Level};

    use super::*;

    #[test]
    fn people_read_what_is_wrong_and_what_to_do() {
        let says = "The host points elsewhere.";
        let check = Check::new(Code::CaaNobody, Level::Fail, probe::Who::Customer, "a.example", says);
        let objection = objection(&check.fix("Change the CNAME."));
        assert_eq!(objection.who, Who::Customer);
        assert_eq!(objection.text, "The host points elsewhere. Change the CNAME.");
    }
}
