//! Revocation: a host that was off-boarded shall not keep a certificate that works elsewhere. The key is erased in the same
//! commit that writes the job; the account signs the request, so nothing is needed but the certificate. The job has its
//! own retry and outlives restarts.

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::{RevocationReason, RevocationRequest};
use platform_core::clock::Clock;
use platform_core::db::{Error as DbError, System, SystemTx};
use platform_core::id;
use platform_core::random::Random;
use uuid::Uuid;

use crate::certificate;
use crate::issuer::Issuer;
use crate::verdict::StepError;

/// Why a certificate is revoked (RFC 5280, section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    KeyCompromise,
    Superseded,
    CessationOfOperation,
}

impl Reason {
    fn code(self) -> i16 {
        match self {
            Self::KeyCompromise => 1,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
        }
    }

    fn wire(code: i16) -> RevocationReason {
        match code {
            1 => RevocationReason::KeyCompromise,
            4 => RevocationReason::Superseded,
            _ => RevocationReason::CessationOfOperation,
        }
    }
}

/// Revocations tried in one go, each at most this long in one worker's hands.
const TOGETHER: i64 = 20;
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// The first wait after a fault; doubles up to a day.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
const AGAIN_MAX: TimeDelta = TimeDelta::days(1);

/// Takes the certificate in use of a host out of service, erases its key, and has it revoked. A host that is still wanted
/// gets a new certificate with a new key at once. False when the host has none of its own from an authority.
///
/// # Errors
/// The database's answer.
pub async fn revoke(
    tx: &mut SystemTx,
    (clock, random): (&dyn Clock, &dyn Random),
    host: &str,
    reason: Reason,
) -> Result<bool, DbError> {
    let taken: Option<Uuid> = sqlx::query_scalar(
        "update certificates set superseded_at = $2, key_sealed = null, ari_next = null
          where host = $1 and superseded_at is null and directory <> 'imported' returning id",
    )
    .bind(host)
    .bind(clock.now())
    .fetch_optional(tx.conn())
    .await?;
    let Some(certificate) = taken else { return Ok(false) };
    let row = id::uuid(clock, random);
    write(tx, &[(row, certificate)], reason, clock.now()).await?;
    sqlx::query("select pg_notify('acme_orders', '')").execute(tx.conn()).await?;
    Ok(true)
}

async fn write(
    tx: &mut SystemTx,
    rows: &[(Uuid, Uuid)],
    reason: Reason,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let (ids, certificates): (Vec<Uuid>, Vec<Uuid>) = rows.iter().copied().unzip();
    sqlx::query(
        "insert into acme_revocations (id, certificate_id, reason, due, created_at)
         select id, certificate, $3, $4, $4 from unnest($1::uuid[], $2::uuid[]) as t (id, certificate)
         on conflict (certificate_id) do nothing",
    )
    .bind(ids)
    .bind(certificates)
    .bind(reason.code())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes since when the hosts of certificates are wanted by nobody, and forgets it where they are wanted again.
pub(crate) async fn note_unwanted(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query(
        "update certificates c set unwanted_since = $1, ari_next = null
          where superseded_at is null and unwanted_since is null and directory <> 'imported'
            and not exists (select from wanted_hosts w where w.host = c.host)",
    )
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "update certificates c set unwanted_since = null, ari_next = case when ari_id is not null then $1 end
          where superseded_at is null and unwanted_since is not null
            and exists (select from wanted_hosts w where w.host = c.host)",
    )
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes certificates out of service that nobody has wanted since a moment; those of hosts that a wildcard serves now are
/// left to expire, because nobody has gone there.
pub(crate) async fn take_out(
    tx: &mut SystemTx,
    unwanted_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, DbError> {
    let rows = sqlx::query_scalar(
        "update certificates c set superseded_at = $2, key_sealed = null
          where superseded_at is null and unwanted_since <= $1
            and not exists (select from certificates w
                             where w.superseded_at is null and w.not_after > $2
                               and w.host = '*' || substr(c.host, strpos(c.host, '.')))
         returning id",
    )
    .bind(unwanted_before)
    .bind(now)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

#[derive(Debug, sqlx::FromRow)]
struct Due {
    id: Uuid,
    host: String,
    chain: String,
    directory: String,
    not_after: DateTime<Utc>,
    reason: i16,
    attempts: i32,
}

impl Issuer {
    /// Writes revocations for certificates that nobody has wanted for long enough.
    pub(crate) async fn off_board(&self, tx: &mut SystemTx, now: DateTime<Utc>) -> Result<(), DbError> {
        note_unwanted(tx, now).await?;
        let taken = take_out(tx, now - self.config.revoke_after, now).await?;
        let rows: Vec<_> = self.ids(taken.len()).into_iter().zip(taken).collect();
        write(tx, &rows, Reason::CessationOfOperation, now).await
    }

    /// Tells authorities what to revoke. Gives how many were done.
    pub(crate) async fn revoke_due(&self) -> Result<usize, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let due: Vec<Due> = sqlx::query_as(
            "update acme_revocations r set due = $2, attempts = attempts + 1
               from certificates c
              where c.id = r.certificate_id
                and r.id = any (array (select o.id from acme_revocations o join certificates k on k.id = o.certificate_id
                                        where done_at is null and due <= $1 and k.directory <> all ($4)
                                        order by due limit $3 for update of o skip locked))
             returning r.id, c.host, c.chain, c.directory, c.not_after, r.reason, r.attempts",
        )
        .bind(now)
        .bind(now + LEASE)
        .bind(TOGETHER)
        .bind(&away)
        .fetch_all(tx.conn())
        .await?;
        tx.commit().await?;
        let mut done = 0;
        for one in due {
            done += usize::from(self.revoke_one(&one).await?);
        }
        Ok(done)
    }

    async fn revoke_one(&self, one: &Due) -> Result<bool, DbError> {
        let answer = match one.not_after <= self.clock.now() {
            true => Ok(()),
            false => self.ask_to_revoke(one).await,
        };
        let now = self.clock.now();
        let (done, error, due) = match answer {
            Ok(()) => (Some(now), None, now),
            Err(error) => {
                if let StepError::Away(text) = &error {
                    self.not_heard_from(&one.directory, text, None).await?;
                }
                let wait = AGAIN * 2_i32.pow(u32::try_from(one.attempts.clamp(1, 12) - 1).unwrap_or(0));
                tracing::warn!(host = one.host, %error, "a certificate could not be revoked");
                (None, Some(error.to_string()), now + wait.min(AGAIN_MAX))
            }
        };
        let mut tx = self.db.system(System::Certificates).await?;
        sqlx::query("update acme_revocations set done_at = $2, error = $3, due = $4 where id = $1")
            .bind(one.id)
            .bind(done)
            .bind(error)
            .bind(due)
            .execute(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(done.is_some())
    }

    async fn ask_to_revoke(&self, one: &Due) -> Result<(), StepError> {
        let chain = certificate::chain(&one.chain).map_err(|error| StepError::ours(error.to_string()))?;
        let request = RevocationRequest { certificate: &chain[0], reason: Some(Reason::wire(one.reason)) };
        let account = self.account(&one.directory).await?;
        match account.revoke(&request).await {
            Err(instant_acme::Error::Api(problem)) if crate::verdict::kind(&problem) == "alreadyRevoked" => {}
            answer => answer?,
        }
        self.heard_from(&one.directory).await;
        tracing::info!(host = one.host, reason = one.reason, "certificate revoked");
        Ok(())
    }

    /// When the next revocation is due.
    pub(crate) async fn next_revocation(
        &self,
        tx: &mut SystemTx,
        away: &[String],
    ) -> Result<Option<DateTime<Utc>>, DbError> {
        let next = sqlx::query_scalar(
            "select min(due) from acme_revocations r join certificates c on c.id = r.certificate_id
              where done_at is null and c.directory <> all ($1)",
        )
        .bind(away)
        .fetch_one(tx.conn())
        .await?;
        Ok(next)
    }
}
