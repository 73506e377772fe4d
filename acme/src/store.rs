//! Every SQL statement of acme. Its tables hold hosts and no tenants; all flows run in a `SystemTx`.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use sqlx::types::Json;
use uuid::Uuid;

use crate::order::Step;
use crate::verdict::Failure;

/// The account at one authority.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    pub(crate) key_sealed: Vec<u8>,
    pub(crate) account_url: Option<String>,
}

/// Stores a key for the authority unless one is there, and gives the one that is there.
pub(crate) async fn account(
    tx: &mut SystemTx,
    id: Uuid,
    directory: &str,
    key_sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<AccountRow, Error> {
    sqlx::query(
        "insert into acme_accounts (id, directory, key_sealed, created_at) values ($1, $2, $3, $4)
         on conflict (directory) do nothing",
    )
    .bind(id)
    .bind(directory)
    .bind(key_sealed)
    .bind(now)
    .execute(tx.conn())
    .await?;
    let row = sqlx::query_as("select id, key_sealed, account_url from acme_accounts where directory = $1")
        .bind(directory)
        .fetch_one(tx.conn())
        .await?;
    Ok(row)
}

pub(crate) async fn registered(
    tx: &mut SystemTx,
    id: Uuid,
    account_url: &str,
    contact: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "update acme_accounts set account_url = $2, contact = $3, registered_at = coalesce(registered_at, $4)
          where id = $1",
    )
    .bind(id)
    .bind(account_url)
    .bind(contact)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One order as it was when this worker claimed it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct OrderRow {
    pub(crate) id: Uuid,
    pub(crate) host: String,
    pub(crate) step: Step,
    pub(crate) order_url: Option<String>,
    pub(crate) key_sealed: Option<Vec<u8>>,
    pub(crate) attempts: i32,
    pub(crate) orders: i32,
    pub(crate) fence: i64,
    pub(crate) errors: Json<Vec<Failure>>,
}

/// Takes the order that is due longest, for as long as the lease.
pub(crate) async fn claim(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Option<OrderRow>, Error> {
    let row = sqlx::query_as(
        "update acme_orders set lease_until = $2, fence = fence + 1
          where id = (select id from acme_orders
                       where step not in ('done', 'dropped') and due <= $1
                         and (lease_until is null or lease_until <= $1)
                       order by due limit 1 for update skip locked)
         returning id, host, step, order_url, key_sealed, attempts, orders, fence, errors",
    )
    .bind(now)
    .bind(lease_until)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// When the next order is due, or its lease ends.
pub(crate) async fn next_due(tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>, Error> {
    let next = sqlx::query_scalar(
        "select min(greatest(due, lease_until)) from acme_orders where step not in ('done', 'dropped')",
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(next)
}

/// Writes an order back. `lease_until` none lets go of it. False when another worker has taken it meanwhile.
pub(crate) async fn save(
    tx: &mut SystemTx,
    order: &OrderRow,
    due: DateTime<Utc>,
    lease_until: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update acme_orders
            set step = $3, order_url = $4, key_sealed = $5, attempts = $6, orders = $7, errors = $8, due = $9,
                lease_until = $10, finished_at = $11
          where id = $1 and fence = $2",
    )
    .bind(order.id)
    .bind(order.fence)
    .bind(order.step)
    .bind(&order.order_url)
    .bind(&order.key_sealed)
    .bind(order.attempts)
    .bind(order.orders)
    .bind(&order.errors)
    .bind(due)
    .bind(lease_until)
    .bind(finished_at)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether this worker still holds the order; locks the row until the transaction ends.
pub(crate) async fn holds(tx: &mut SystemTx, order: &OrderRow) -> Result<bool, Error> {
    let found: Option<Uuid> =
        sqlx::query_scalar("select id from acme_orders where id = $1 and fence = $2 for update")
            .bind(order.id)
            .bind(order.fence)
            .fetch_optional(tx.conn())
            .await?;
    Ok(found.is_some())
}

/// Opens an order for every wanted host that has no certificate or one that is due for renewal, and drops those of hosts
/// that nobody wants any more. Gives how many orders were opened.
pub(crate) async fn open_orders(tx: &mut SystemTx, now: DateTime<Utc>, ids: &[Uuid]) -> Result<u64, Error> {
    sqlx::query(
        "update acme_orders o set step = 'dropped', finished_at = $1, fence = fence + 1
          where step not in ('done', 'dropped') and not exists (select from wanted_hosts w where w.host = o.host)",
    )
    .bind(now)
    .execute(tx.conn())
    .await?;
    let opened = sqlx::query(
        "insert into acme_orders (id, host, step, due, created_at)
         select i.id, w.host, 'new', $1, $1
           from (select host, row_number() over (order by since, host) as n
                   from wanted_hosts h
                  where not exists (select from acme_orders o where o.host = h.host and o.step not in ('done', 'dropped'))
                    and not exists (select from certificates c
                                     where c.host = h.host and c.superseded_at is null and c.renew_at > $1)) w
           join (select id, ordinality as n from unnest($2::uuid[]) with ordinality as t (id, ordinality)) i using (n)
         on conflict do nothing",
    )
    .bind(now)
    .bind(ids)
    .execute(tx.conn())
    .await?;
    Ok(opened.rows_affected())
}

/// When the next certificate of a wanted host is due for renewal.
pub(crate) async fn next_renewal(tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>, Error> {
    let next = sqlx::query_scalar(
        "select min(c.renew_at) from certificates c join wanted_hosts w using (host)
          where c.superseded_at is null
            and not exists (select from acme_orders o where o.host = c.host and o.step not in ('done', 'dropped'))",
    )
    .fetch_one(tx.conn())
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

/// The state of the newest order of a host, for people.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Progress {
    pub host: String,
    pub step: Step,
    pub attempts: i32,
    /// When the issuer looks again.
    pub due: DateTime<Utc>,
    /// Newest last.
    pub errors: Json<Vec<Failure>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The newest order of a host.
///
/// # Errors
/// The database's answer.
pub async fn progress(tx: &mut SystemTx, host: &str) -> Result<Option<Progress>, Error> {
    let row = sqlx::query_as(
        "select host, step, attempts, due, errors, finished_at from acme_orders where host = $1
          order by created_at desc, id desc limit 1",
    )
    .bind(host)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Makes a waiting order due now: somebody has mended the reason and pressed the button.
///
/// # Errors
/// The database's answer.
pub async fn retry_now(tx: &mut SystemTx, host: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query(
        "update acme_orders set due = $2 where host = $1 and step not in ('done', 'dropped') and due > $2",
    )
    .bind(host)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use migrations::testing::TestDatabase;
    use platform_core::db::{Db, DbConfig, System};

    /// The calendar is turned by hand: an order is taken, its holder sleeps past the lease, another one takes it.
    #[tokio::test]
    async fn a_worker_that_slept_past_its_lease_writes_nothing() {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 2 };
        let db = Db::connect(config).await.unwrap();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |seconds| start + TimeDelta::seconds(seconds);

        let mut tx = db.system(System::Certificates).await.unwrap();
        crate::wanted::want(&mut tx, &["a.example".to_owned()], start).await.unwrap();
        assert_eq!(open_orders(&mut tx, start, &[Uuid::from_u128(1), Uuid::from_u128(2)]).await.unwrap(), 1);
        assert_eq!(open_orders(&mut tx, start, &[Uuid::from_u128(3)]).await.unwrap(), 0, "one order a host");

        let mut first = claim(&mut tx, at(0), at(60)).await.unwrap().unwrap();
        assert!(claim(&mut tx, at(59), at(120)).await.unwrap().is_none(), "it is leased");
        assert_eq!(next_due(&mut tx).await.unwrap(), Some(at(60)));
        let second = claim(&mut tx, at(60), at(120)).await.unwrap().unwrap();
        assert_eq!((second.id, second.fence), (first.id, first.fence + 1));

        first.order_url = Some("https://ca.example/order/1".to_owned());
        assert!(!save(&mut tx, &first, at(61), None, None).await.unwrap(), "the first holder is fenced off");
        assert!(!holds(&mut tx, &first).await.unwrap() && holds(&mut tx, &second).await.unwrap());
        assert!(save(&mut tx, &second, at(61), None, None).await.unwrap());

        crate::wanted::forget(&mut tx, "a.example").await.unwrap();
        open_orders(&mut tx, at(62), &[]).await.unwrap();
        assert!(
            !save(&mut tx, &second, at(63), None, None).await.unwrap(),
            "dropping fences off the holder too"
        );
        assert_eq!(progress(&mut tx, "a.example").await.unwrap().unwrap().step, Step::Dropped);
    }
}
