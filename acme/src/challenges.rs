//! Answers to HTTP-01 challenges. They lie in the database before the authority is told to look, so any node answers.

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Db, Error, System, SystemTx};

use crate::store::OrderRow;

/// Longer than any authority keeps an authorization pending (Let's Encrypt: 7 days).
const LIFE: TimeDelta = TimeDelta::days(8);

/// The path under which an authority looks, with the token behind it.
pub const PREFIX: &str = "/.well-known/acme-challenge/";

/// Whether a text can be a token at all: 22 to 128 characters of base64url. Everything else is refused without a query.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (22..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The answer for a token of exactly this host.
///
/// # Errors
/// The database's answer.
pub async fn answer(db: &Db, host: &str, token: &str) -> Result<Option<String>, Error> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut tx = db.system(System::Certificates).await?;
    let answer = sqlx::query_scalar("select answer from acme_challenges where host = $1 and token = $2")
        .bind(host)
        .bind(token)
        .fetch_optional(tx.conn())
        .await?;
    Ok(answer)
}

pub(crate) async fn put(
    tx: &mut SystemTx,
    order: &OrderRow,
    token: &str,
    answer: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "insert into acme_challenges (host, token, answer, order_id, expires) values ($1, $2, $3, $4, $5)
         on conflict (host, token) do update set answer = excluded.answer, order_id = excluded.order_id,
                                                 expires = excluded.expires",
    )
    .bind(&order.host)
    .bind(token)
    .bind(answer)
    .bind(order.id)
    .bind(now + LIFE)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn remove(tx: &mut SystemTx, order: &OrderRow) -> Result<(), Error> {
    sqlx::query("delete from acme_challenges where order_id = $1").bind(order.id).execute(tx.conn()).await?;
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
