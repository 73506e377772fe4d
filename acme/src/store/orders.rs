//! One order in the hands of a worker: claimed under a lease, written under its fence.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use sqlx::types::Json;
use uuid::Uuid;

use crate::budget::Lane;
use crate::challenges::Kind;
use crate::order::Step;
use crate::verdict::Failure;

/// One order as it was when this worker claimed it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct OrderRow {
    pub(crate) id: Uuid,
    pub(crate) host: String,
    pub(crate) step: Step,
    pub(crate) lane: Lane,
    pub(crate) directory: String,
    pub(crate) challenge: Option<Kind>,
    pub(crate) replaces: Option<String>,
    pub(crate) spends: bool,
    pub(crate) order_url: Option<String>,
    pub(crate) key_sealed: Option<Vec<u8>>,
    pub(crate) attempts: i32,
    pub(crate) orders: i32,
    pub(crate) due: DateTime<Utc>,
    pub(crate) deadline: Option<DateTime<Utc>>,
    pub(crate) fence: i64,
    pub(crate) errors: Json<Vec<Failure>>,
}

/// Takes an order that needs no token, for as long as the lease: by lane, those without failures first, then by due time.
/// Orders at authorities that do not work are left.
pub(crate) async fn claim_free(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    away: &[String],
) -> Result<Option<OrderRow>, Error> {
    let row = sqlx::query_as(
        "update acme_orders set lease_until = $2, fence = fence + 1
          where id = (select id from acme_orders
                       where step not in ('done', 'dropped') and not (step = 'new' and spends) and due <= $1
                         and (lease_until is null or lease_until <= $1) and directory <> all ($3)
                       order by lane, attempts > 0, due limit 1 for update skip locked)
         returning id, host, step, lane, directory, challenge, replaces, spends, order_url, key_sealed, attempts,
                   orders, due, deadline, fence, errors",
    )
    .bind(now)
    .bind(lease_until)
    .bind(away)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Takes an order that is going to spend one of the authority's tokens, of lanes up to `lane`.
pub(crate) async fn claim_spending(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    directory: &str,
    lane: Lane,
) -> Result<Option<OrderRow>, Error> {
    let row = sqlx::query_as(
        "update acme_orders set lease_until = $2, fence = fence + 1
          where id = (select id from acme_orders
                       where step = 'new' and spends and directory = $3 and lane <= $4 and due <= $1
                         and (lease_until is null or lease_until <= $1)
                       order by lane, attempts > 0, due limit 1 for update skip locked)
         returning id, host, step, lane, directory, challenge, replaces, spends, order_url, key_sealed, attempts,
                   orders, due, deadline, fence, errors",
    )
    .bind(now)
    .bind(lease_until)
    .bind(directory)
    .bind(lane)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// When the next order that needs no token is due, or the next lease ends.
pub(crate) async fn next_free(tx: &mut SystemTx, away: &[String]) -> Result<Option<DateTime<Utc>>, Error> {
    let next = sqlx::query_scalar(
        "select least(
            (select min(due) from acme_orders
              where step not in ('done', 'dropped') and not (step = 'new' and spends) and lease_until is null
                and directory <> all ($1)),
            (select min(lease_until) from acme_orders where lease_until is not null))",
    )
    .bind(away)
    .fetch_one(tx.conn())
    .await?;
    Ok(next)
}

/// When the next order that waits for a token is due, by authority and lane.
pub(crate) async fn next_spending(
    tx: &mut SystemTx,
    directories: &[String],
) -> Result<Vec<(String, Lane, DateTime<Utc>)>, Error> {
    let rows = sqlx::query_as(
        "select d.directory, l.lane, due
           from unnest($1::text[]) as d (directory), unnest(array[0, 1, 2, 3]::smallint[]) as l (lane),
                lateral (select least(
                    (select due from acme_orders o
                      where step = 'new' and spends and o.directory = d.directory and o.lane = l.lane
                        and (attempts > 0) = false and lease_until is null order by due limit 1),
                    (select due from acme_orders o
                      where step = 'new' and spends and o.directory = d.directory and o.lane = l.lane
                        and (attempts > 0) = true and lease_until is null order by due limit 1)) as due) w
          where due is not null",
    )
    .bind(directories)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
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
                lease_until = $10, finished_at = $11, lane = $12, directory = $13, challenge = $14, replaces = $15,
                spends = $16, deadline = $17
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
    .bind(order.lane)
    .bind(&order.directory)
    .bind(order.challenge)
    .bind(&order.replaces)
    .bind(order.spends)
    .bind(order.deadline)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Opening, open_first, progress};
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
        let opening = |ids: &[u128]| Opening {
            ids: ids.iter().copied().map(Uuid::from_u128).collect(),
            directory: "d".to_owned(),
            patience: (TimeDelta::minutes(10), TimeDelta::days(1)),
        };
        let none: &[String] = &[];

        let mut tx = db.system(System::Certificates).await.unwrap();
        crate::wanted::want(&mut tx, &["a.example".to_owned()], start).await.unwrap();
        assert_eq!(open_first(&mut tx, start, &opening(&[1, 2])).await.unwrap(), 1);
        assert_eq!(open_first(&mut tx, start, &opening(&[3])).await.unwrap(), 0, "one order a host");

        assert!(claim_free(&mut tx, at(0), at(60), none).await.unwrap().is_none(), "it needs a token");
        let claim = |lane| ("d", lane);
        let (d, lane) = claim(Lane::Urgent);
        assert!(claim_spending(&mut tx, at(0), at(60), d, lane).await.unwrap().is_none(), "not its lane");
        let (d, lane) = claim(Lane::First);
        let mut first = claim_spending(&mut tx, at(0), at(60), d, lane).await.unwrap().unwrap();
        assert!(claim_spending(&mut tx, at(59), at(120), d, lane).await.unwrap().is_none(), "it is leased");
        assert_eq!(next_free(&mut tx, none).await.unwrap(), Some(at(60)));
        let second = claim_spending(&mut tx, at(60), at(120), d, lane).await.unwrap().unwrap();
        assert_eq!((second.id, second.fence), (first.id, first.fence + 1));

        first.order_url = Some("https://ca.example/order/1".to_owned());
        assert!(!save(&mut tx, &first, at(61), None, None).await.unwrap(), "the first holder is fenced off");
        assert!(!holds(&mut tx, &first).await.unwrap() && holds(&mut tx, &second).await.unwrap());
        assert!(save(&mut tx, &second, at(61), None, None).await.unwrap());
        let waiting = next_spending(&mut tx, &["d".to_owned()]).await.unwrap();
        assert_eq!(waiting, [("d".to_owned(), Lane::First, at(61))]);

        crate::wanted::forget(&mut tx, "a.example").await.unwrap();
        crate::store::drop_unwanted(&mut tx, at(62)).await.unwrap();
        assert!(
            !save(&mut tx, &second, at(63), None, None).await.unwrap(),
            "dropping fences off the holder too"
        );
        assert_eq!(progress(&mut tx, "a.example").await.unwrap().unwrap().step, Step::Dropped);
    }
}
