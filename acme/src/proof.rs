//! Which kind of challenge proves a host, and what is to be answered.
//!
//! HTTP-01 unless something speaks against it: a wildcard can only be proven by DNS-01; TLS-ALPN-01 where the platform's
//! port 80 is not reachable, and after HTTP-01 has met a connection fault. The two then take turns.

use instant_acme::{AuthorizationHandle, ChallengeType, Identifier};
use platform_core::db::System;

use crate::challenges::{self, Answer, Kind};
use crate::issuer::Issuer;
use crate::settings::IssuerConfig;
use crate::update::Seen;
use crate::verdict::{Cause, StepError, Who};

/// The kind for a new order.
pub(crate) fn first(host: &str, config: &IssuerConfig) -> Kind {
    match host.starts_with("*.") {
        true => Kind::Dns01,
        false if config.port_80_blocked => Kind::TlsAlpn01,
        false => Kind::Http01,
    }
}

/// The kind after a failure.
pub(crate) fn after(kind: Kind, cause: Cause, config: &IssuerConfig) -> Kind {
    match (kind, cause) {
        (Kind::Http01, Cause::Connection) => Kind::TlsAlpn01,
        (Kind::TlsAlpn01, _) if !config.port_80_blocked => Kind::Http01,
        (same, _) => same,
    }
}

/// The answer to an authorization's challenge of this kind, or to another that we can answer for the same name when the
/// authority does not offer it.
pub(crate) fn answer<'a>(
    authorization: &'a mut AuthorizationHandle<'a>,
    wished: Kind,
) -> Result<Answer, StepError> {
    let Identifier::Dns(host) = authorization.identifier().identifier.clone() else {
        return Err(StepError::ours("the authority asks about something that is no host"));
    };
    let offered = |kind: Kind| authorization.challenges.iter().any(|known| known.r#type == wire_name(kind));
    let other = if wished == Kind::Http01 { Kind::TlsAlpn01 } else { Kind::Http01 };
    let kind = match wished {
        Kind::Http01 | Kind::TlsAlpn01 if !offered(wished) && offered(other) => other,
        kind => kind,
    };
    let challenge = authorization.challenge(wire_name(kind)).ok_or_else(|| not_offered(kind))?;
    let authorized = challenge.key_authorization();
    let text = match kind {
        Kind::Http01 => authorized.as_str().to_owned(),
        Kind::TlsAlpn01 => authorized.digest().as_ref().iter().map(|octet| format!("{octet:02x}")).collect(),
        Kind::Dns01 => authorized.dns_value(),
    };
    Ok(Answer { host, kind, token: challenge.token.clone(), text })
}

/// Brings the open proofs of a host to the operator's name servers. True when every server gives them; at once where our
/// own server answers, because it reads the database.
pub(crate) async fn publish(issuer: &Issuer, host: &str) -> Result<bool, StepError> {
    let Some(updater) = &issuer.updater else { return Ok(true) };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let values = open(issuer, host).await?;
    match updater.seen(host, &values).await {
        Seen::Everywhere => Ok(true),
        Seen::AtThePrimary => Ok(false),
        Seen::Nowhere => {
            updater.set(host, &values).await.map_err(|error| StepError::Later(Who::Us, error.to_string()))?;
            Ok(updater.seen(host, &values).await == Seen::Everywhere)
        }
    }
}

/// Takes what is proven out of the zone. A leftover is worth nothing to anybody and goes with the next proof.
pub(crate) async fn withdraw(issuer: &Issuer, host: &str) {
    let Some(updater) = &issuer.updater else { return };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let gone = async {
        updater.set(host, &open(issuer, host).await?).await.map_err(|e| StepError::ours(e.to_string()))
    };
    if let Err(error) = gone.await {
        tracing::warn!(host, %error, "a proof that is of no more use stays in the zone");
    }
}

async fn open(issuer: &Issuer, host: &str) -> Result<Vec<String>, StepError> {
    let mut tx = issuer.db.system(System::Certificates).await?;
    Ok(challenges::proofs_of(&mut tx, host).await?)
}

pub(crate) fn wire_name(kind: Kind) -> ChallengeType {
    match kind {
        Kind::Http01 => ChallengeType::Http01,
        Kind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        Kind::Dns01 => ChallengeType::Dns01,
    }
}

pub(crate) fn not_offered(kind: Kind) -> StepError {
    StepError::ours(format!("the authority offers no {kind:?} challenge for this name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_need_dns_and_connection_faults_lead_to_the_other_port() {
        let mut config = IssuerConfig::new("d");
        assert_eq!(first("*.a.example", &config), Kind::Dns01);
        assert_eq!(first("a.example", &config), Kind::Http01);
        assert_eq!(after(Kind::Http01, Cause::Connection, &config), Kind::TlsAlpn01);
        assert_eq!(after(Kind::Http01, Cause::Validation, &config), Kind::Http01);
        assert_eq!(after(Kind::TlsAlpn01, Cause::Connection, &config), Kind::Http01);
        assert_eq!(after(Kind::Dns01, Cause::Connection, &config), Kind::Dns01);
        config.port_80_blocked = true;
        assert_eq!(first("a.example", &config), Kind::TlsAlpn01);
        assert_eq!(after(Kind::TlsAlpn01, Cause::Connection, &config), Kind::TlsAlpn01);
    }
}
