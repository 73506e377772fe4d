//! Every statement about second factors and recovery codes. What is sealed is opened by the caller.

use chrono::{DateTime, Utc};
use platform_core::id::{FactorId, StaffId};
use platform_core::{Error, TenantTx};
use uuid::Uuid;

/// A confirmed factor, locked until the end of the transaction, so that tries at the same time count one by one.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Factor {
    pub(crate) id: FactorId,
    /// Sealed.
    pub(crate) secret: Vec<u8>,
    pub(crate) last_step: i64,
    /// Wrong tries within the last quarter of an hour.
    pub(crate) wrong: i32,
    /// Seconds until they are forgotten.
    pub(crate) wait: f64,
}

pub(crate) async fn confirmed(tx: &mut TenantTx, staff: StaffId) -> Result<Option<Factor>, Error> {
    let tenant = tx.tenant();
    let factor = sqlx::query_as(
        "select id, secret, last_step,
                case when wrong_since > now() - interval '15 minutes' then wrong else 0 end as wrong,
                coalesce(extract(epoch from wrong_since + interval '15 minutes' - now()), 0)::float8 as wait
           from staff_factors where tenant_id = $1 and staff_id = $2 and confirmed_at is not null for update",
    )
    .bind(tenant)
    .bind(staff)
    .fetch_optional(tx.conn())
    .await?;
    Ok(factor)
}

/// One more wrong try. The window begins with the first.
pub(crate) async fn count_wrong(tx: &mut TenantTx, id: FactorId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update staff_factors
            set wrong = case when wrong_since > now() - interval '15 minutes' then wrong + 1 else 1 end,
                wrong_since = case when wrong_since > now() - interval '15 minutes' then wrong_since else now() end
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A code was right: none of its step or an older one is accepted from now on.
pub(crate) async fn accept(tx: &mut TenantTx, id: FactorId, step: i64) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update staff_factors set last_step = greatest(last_step, $3), wrong = 0, wrong_since = null where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(step)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Uses a recovery code up. Returns whether it was there.
pub(crate) async fn use_recovery(tx: &mut TenantTx, id: FactorId, hash: &[u8]) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update staff_recovery_codes set used_at = now()
          where tenant_id = $1 and factor_id = $2 and code_hash = $3 and used_at is null",
    )
    .bind(tenant)
    .bind(id)
    .bind(hash)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A factor that was begun.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Begun {
    pub(crate) id: FactorId,
    /// Sealed.
    pub(crate) secret: Vec<u8>,
}

/// Begins a factor; one that was begun before is forgotten.
pub(crate) async fn begin(
    tx: &mut TenantTx,
    staff: StaffId,
    id: FactorId,
    secret: &[u8],
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from staff_factors where tenant_id = $1 and staff_id = $2 and confirmed_at is null")
        .bind(tenant)
        .bind(staff)
        .execute(tx.conn())
        .await?;
    sqlx::query("insert into staff_factors (tenant_id, id, staff_id, secret) values ($1, $2, $3, $4)")
        .bind(tenant)
        .bind(id)
        .bind(staff)
        .bind(secret)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The factor that was begun, if that was within the hour.
pub(crate) async fn begun(tx: &mut TenantTx, staff: StaffId) -> Result<Option<Begun>, Error> {
    let tenant = tx.tenant();
    let begun = sqlx::query_as(
        "select id, secret from staff_factors
          where tenant_id = $1 and staff_id = $2 and confirmed_at is null and created_at > now() - interval '1 hour' for update",
    )
    .bind(tenant)
    .bind(staff)
    .fetch_optional(tx.conn())
    .await?;
    Ok(begun)
}

/// Makes a begun factor the person's only one.
pub(crate) async fn confirm(tx: &mut TenantTx, staff: StaffId, id: FactorId, step: i64) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from staff_factors where tenant_id = $1 and staff_id = $2 and id <> $3")
        .bind(tenant)
        .bind(staff)
        .bind(id)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "update staff_factors set confirmed_at = now(), last_step = $3 where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(step)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Replaces a factor's recovery codes.
pub(crate) async fn set_recovery(
    tx: &mut TenantTx,
    factor: FactorId,
    codes: &[(Uuid, [u8; 32])],
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from staff_recovery_codes where tenant_id = $1 and factor_id = $2")
        .bind(tenant)
        .bind(factor)
        .execute(tx.conn())
        .await?;
    let (ids, hashes): (Vec<Uuid>, Vec<&[u8]>) =
        codes.iter().map(|(id, hash)| (*id, hash.as_slice())).unzip();
    sqlx::query(
        "insert into staff_recovery_codes (tenant_id, id, factor_id, code_hash)
         select $1, code.id, $2, code.hash from unnest($3::uuid[], $4::bytea[]) as code(id, hash)",
    )
    .bind(tenant)
    .bind(factor)
    .bind(&ids)
    .bind(&hashes)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets a person's factors with their recovery codes.
pub(crate) async fn remove(tx: &mut TenantTx, staff: StaffId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from staff_factors where tenant_id = $1 and staff_id = $2")
        .bind(tenant)
        .bind(staff)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What the person is told of their factor.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Summary {
    pub(crate) since: DateTime<Utc>,
    pub(crate) codes_left: i64,
}

pub(crate) async fn summary(tx: &mut TenantTx, staff: StaffId) -> Result<Option<Summary>, Error> {
    let tenant = tx.tenant();
    let summary = sqlx::query_as(
        "select f.confirmed_at as since,
                (select count(*) from staff_recovery_codes c
                  where c.tenant_id = f.tenant_id and c.factor_id = f.id and c.used_at is null) as codes_left
           from staff_factors f where f.tenant_id = $1 and f.staff_id = $2 and f.confirmed_at is not null",
    )
    .bind(tenant)
    .bind(staff)
    .fetch_optional(tx.conn())
    .await?;
    Ok(summary)
}
