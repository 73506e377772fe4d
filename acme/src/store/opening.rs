//! Which orders there shall be: statements over whole sets of hosts.

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Error, SystemTx};
use sqlx::types::Json;
use uuid::Uuid;

use crate::verdict::Failure;

/// How first orders are opened.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Ids to give them; as many are opened at most.
    pub(crate) ids: Vec<Uuid>,
    pub(crate) directory: String,
    /// How long a fault of the authority may last before the next one is asked: for hosts that a person waits for, and
    /// for bulk.
    pub(crate) patience: (TimeDelta, TimeDelta),
}

/// Drops the orders of hosts that nobody wants any more.
pub(crate) async fn drop_unwanted(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query(
        "update acme_orders o set step = 'dropped', finished_at = $1, fence = fence + 1, lease_until = null
          where step not in ('done', 'dropped') and not exists (select from wanted_hosts w where w.host = o.host)",
    )
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives orders at authorities that are not configured to the first one that is.
pub(crate) async fn adopt(tx: &mut SystemTx, known: &[String]) -> Result<(), Error> {
    sqlx::query(
        "update acme_orders set directory = $1[1], step = 'new', order_url = null, key_sealed = null, replaces = null,
                spends = true, fence = fence + 1, lease_until = null
          where step not in ('done', 'dropped') and directory <> all ($1)",
    )
    .bind(known)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Opens an order for every wanted host that has no certificate. Gives how many were opened.
pub(crate) async fn open_first(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    opening: &Opening,
) -> Result<u64, Error> {
    let opened = sqlx::query(
        "insert into acme_orders (id, host, step, lane, directory, challenge, due, deadline, created_at)
         select i.id, w.host, 'new', case when w.bulk then 3 else 1 end, $3, w.prove_by, $1,
                $1 + case when w.bulk then $5 else $4 end, $1
           from (select host, bulk, prove_by, row_number() over (order by bulk, since, host) as n
                   from wanted_hosts h
                  where not exists (select from acme_orders o where o.host = h.host and o.step not in ('done', 'dropped'))
                    and not exists (select from certificates c where c.host = h.host and c.superseded_at is null)
                  order by bulk, since, host limit cardinality($2)) w
           join (select id, ordinality as n from unnest($2::uuid[]) with ordinality as t (id, ordinality)) i using (n)
         on conflict do nothing",
    )
    .bind(now)
    .bind(&opening.ids)
    .bind(&opening.directory)
    .bind(opening.patience.0)
    .bind(opening.patience.1)
    .execute(tx.conn())
    .await?;
    Ok(opened.rows_affected())
}

/// Which renewals are opened, and how.
#[derive(Debug)]
pub(crate) struct Renewals<'a> {
    pub(crate) ids: &'a [Uuid],
    pub(crate) directory: &'a str,
    /// Whether the authority lets the same names be renewed without a token.
    pub(crate) free: bool,
    /// Only those that cannot wait: revoked, or in the last twentieth of their life.
    pub(crate) hurried: bool,
    /// Only those with less than this part of their life left: another authority shall do what the first one cannot.
    pub(crate) overdue_part: Option<f64>,
}

/// Opens renewals that are due, those that expire first before others. Gives how many were opened.
///
/// `replaces` names the old certificate to the authority that issued it. The order is outside the authority's limits
/// inside the window, and where renewals are free.
pub(crate) async fn open_renewals(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    renewals: &Renewals<'_>,
) -> Result<u64, Error> {
    let opened = sqlx::query(
        "insert into acme_orders
             (id, host, step, lane, directory, challenge, renews, replaces, spends, due, deadline, created_at)
         select i.id, c.host, 'new', case when c.hurried then 0 else 2 end, $3,
                (select prove_by from wanted_hosts w where w.host = c.host), c.id,
                case when c.directory = $3 then c.ari_id end,
                not (c.directory = $3
                     and ($4 or (c.ari_id is not null and coalesce($1 between c.window_start and c.window_end, false)))),
                $1, c.not_after - (c.not_after - $1) / 2, $1
           from (select c.*, row_number() over (order by c.not_after, c.id) as n
                   from (select *, hurry or not_after - $1 <= (not_after - not_before) / 20 as hurried
                           from certificates where superseded_at is null and renew_at <= $1) c
                  where (c.hurried or not $5)
                    and ($6::float8 is null or not_after - $1 <= (not_after - not_before) * $6)
                    and exists (select from wanted_hosts w where w.host = c.host)
                    and not exists (select from acme_orders o where o.host = c.host and o.step not in ('done', 'dropped'))
                  order by c.not_after, c.id limit cardinality($2)) c
           join (select id, ordinality as n from unnest($2::uuid[]) with ordinality as t (id, ordinality)) i using (n)
         on conflict do nothing",
    )
    .bind(now)
    .bind(renewals.ids)
    .bind(renewals.directory)
    .bind(renewals.free)
    .bind(renewals.hurried)
    .bind(renewals.overdue_part)
    .execute(tx.conn())
    .await?;
    Ok(opened.rows_affected())
}

/// Puts the orders of certificates that are about to expire ahead of all others, whatever they wait for.
pub(crate) async fn hurry_orders(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query(
        "update acme_orders o set lane = 0, due = least(due, $1)
           from certificates c
          where o.step not in ('done', 'dropped') and o.lane > 0 and c.host = o.host and c.superseded_at is null
            and (c.hurry or c.not_after - $1 <= (c.not_after - c.not_before) / 20)",
    )
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Moves orders whose patience with an authority is at its end to another one.
pub(crate) async fn move_on(
    tx: &mut SystemTx,
    from: &str,
    to: &str,
    (failure, patience): (Failure, TimeDelta),
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let done = sqlx::query(
        "update acme_orders set directory = $2, step = 'new', order_url = null, key_sealed = null, replaces = null,
                spends = true, due = $4, deadline = $4 + $5, fence = fence + 1, lease_until = null,
                errors = errors || jsonb_build_array($3::jsonb)
          where step not in ('done', 'dropped') and directory = $1 and deadline <= $4",
    )
    .bind(from)
    .bind(to)
    .bind(Json(failure))
    .bind(now)
    .bind(patience)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// How many renewals are open that are not hurried.
pub(crate) async fn open_renewal_count(tx: &mut SystemTx) -> Result<i64, Error> {
    let count = sqlx::query_scalar(
        "select count(*) from acme_orders where step not in ('done', 'dropped') and not (step = 'new' and spends)
            and renews is not null and lane = 2",
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(count)
}

/// The fleet of wanted certificates, by which renewals are paced.
#[derive(Debug, Clone, Copy, Default, PartialEq, sqlx::FromRow)]
pub(crate) struct Fleet {
    /// Renewals an hour when they are spread evenly.
    pub(crate) mean: f64,
    /// Renewals that are due and not open.
    pub(crate) overdue: i64,
    /// The mean life of a certificate, in hours.
    pub(crate) life: f64,
}

pub(crate) async fn fleet(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Fleet, Error> {
    let row = sqlx::query_as(
        "select coalesce(sum(1 / (life * case when life < 240 then 0.5 else 2.0 / 3 end)), 0)::float8 as mean,
                count(*) filter (where renew_at <= $1) as overdue,
                coalesce(avg(life), 0)::float8 as life
           from (select renew_at, greatest(extract(epoch from not_after - not_before)::float8 / 3600, 0.001) as life
                   from certificates where superseded_at is null and directory <> 'imported') c",
    )
    .bind(now)
    .fetch_one(tx.conn())
    .await?;
    Ok(row)
}

/// Whether a renewal is due that has no order.
pub(crate) async fn renewal_is_due(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<bool, Error> {
    let due = sqlx::query_scalar(
        "select exists (
            select from certificates c
             where superseded_at is null and renew_at <= $1
               and exists (select from wanted_hosts w where w.host = c.host)
               and not exists (select from acme_orders o where o.host = c.host and o.step not in ('done', 'dropped')))",
    )
    .bind(now)
    .fetch_one(tx.conn())
    .await?;
    Ok(due)
}

/// When the next certificate of a wanted host is due for renewal.
pub(crate) async fn next_renewal(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let next = sqlx::query_scalar(
        "select renew_at from certificates where superseded_at is null and renew_at > $1 order by renew_at limit 1",
    )
    .bind(now)
    .fetch_optional(tx.conn())
    .await?;
    Ok(next)
}

/// Removes challenges past their time and finished orders older than the given moment.
pub(crate) async fn sweep(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    orders_before: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query("delete from acme_challenges where expires < $1").bind(now).execute(tx.conn()).await?;
    sqlx::query("delete from acme_orders where finished_at < $1")
        .bind(orders_before)
        .execute(tx.conn())
        .await?;
    Ok(())
}
