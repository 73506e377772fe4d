//! Answers to challenges. They lie in the database before the authority is told to look, so any node answers.

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Db, Error, System, SystemTx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longer than any authority keeps an authorization pending (Let's Encrypt: 7 days).
const LIFE: TimeDelta = TimeDelta::days(8);

/// How a name is proven to the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum Kind {
    /// A text at [`PREFIX`] on port 80. The stored answer is the key authorization.
    #[serde(rename = "http-01")]
    #[sqlx(rename = "http-01")]
    Http01,
    /// A certificate under ALPN `acme-tls/1` on port 443. The stored answer is the digest in lower-case hexadecimal.
    #[serde(rename = "tls-alpn-01")]
    #[sqlx(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A TXT record at `_acme-challenge`. The stored answer is its value.
    #[serde(rename = "dns-01")]
    #[sqlx(rename = "dns-01")]
    Dns01,
}

/// The path under which an authority looks, with the token behind it.
pub const PREFIX: &str = "/.well-known/acme-challenge/";

/// Whether a text can be a token at all: 22 to 128 characters of base64url. Everything else is refused without a query.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (22..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The HTTP-01 answer for a token of exactly this host.
///
/// # Errors
/// The database's answer.
pub async fn answer(db: &Db, host: &str, token: &str) -> Result<Option<String>, Error> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut tx = db.system(System::Certificates).await?;
    let answer =
        sqlx::query_scalar("select answer from acme_challenges where host = $1 and kind = $2 and token = $3")
            .bind(host)
            .bind(Kind::Http01)
            .bind(token)
            .fetch_optional(tx.conn())
            .await?;
    Ok(answer)
}

/// Every DNS-01 proof that is open: the name without `*.`, and the value of its TXT record.
pub(crate) async fn open_proofs(tx: &mut SystemTx) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query_as("select host, answer from acme_challenges where kind = $1")
        .bind(Kind::Dns01)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows)
}

/// The open DNS-01 proofs of a host, given without `*.`.
pub(crate) async fn proofs_of(tx: &mut SystemTx, host: &str) -> Result<Vec<String>, Error> {
    let values = sqlx::query_scalar(
        "select distinct answer from acme_challenges where kind = $1 and host = $2 order by answer",
    )
    .bind(Kind::Dns01)
    .bind(host)
    .fetch_all(tx.conn())
    .await?;
    Ok(values)
}

/// The TLS-ALPN-01 answer of an open order for exactly this host, lower-case hexadecimal.
pub(crate) async fn digest(db: &Db, host: &str) -> Result<Option<String>, Error> {
    let mut tx = db.system(System::Certificates).await?;
    let digest = sqlx::query_scalar(
        "select answer from acme_challenges where host = $1 and kind = $2 order by expires desc limit 1",
    )
    .bind(host)
    .bind(Kind::TlsAlpn01)
    .fetch_optional(tx.conn())
    .await?;
    Ok(digest)
}

/// One answer to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The name under proof, without `*.`.
    pub(crate) host: String,
    pub(crate) kind: Kind,
    pub(crate) token: String,
    pub(crate) text: String,
}

pub(crate) async fn put(
    tx: &mut SystemTx,
    order: Uuid,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "insert into acme_challenges (host, kind, token, answer, order_id, expires) values ($1, $2, $3, $4, $5, $6)
         on conflict (host, kind, token) do update set answer = excluded.answer, order_id = excluded.order_id,
                                                       expires = excluded.expires",
    )
    .bind(&answer.host)
    .bind(answer.kind)
    .bind(&answer.token)
    .bind(&answer.text)
    .bind(order)
    .bind(now + LIFE)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lays out `(host, token, text)` as if an authority were about to ask for it.
pub(crate) async fn lay_out(
    tx: &mut SystemTx,
    (host, token, text): (&str, &str, &str),
    expires: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "insert into acme_challenges (host, kind, token, answer, expires) values ($1, $2, $3, $4, $5)",
    )
    .bind(host)
    .bind(Kind::Http01)
    .bind(token)
    .bind(text)
    .bind(expires)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn remove(tx: &mut SystemTx, order: Uuid) -> Result<(), Error> {
    sqlx::query("delete from acme_challenges where order_id = $1").bind(order).execute(tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn tokens_are_base64url_of_a_sane_length() {
        assert!(is_token("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"));
        assert!(!is_token("short"));
        assert!(!is_token(&"a".repeat(129)));
        assert!(!is_token("LoqXcYV8q5ONbJQxbmR7SCTN/../etc/passwd"));
        assert!(!is_token("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEu%00"));
    }
}
