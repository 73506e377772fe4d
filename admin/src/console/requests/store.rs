//! Requests of all customers, as a queue.

use chrono::{DateTime, Utc};
use platform_connectors::requests::{HandOver, Kind, State};
use platform_core::id::RequestId;
use platform_core::jobs::Job as _;
use platform_core::{Error, TenantTx};

use super::pages::Show;

/// Requests a list shows at once.
pub(super) const PAGE: usize = 50;

/// One request of the list.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: RequestId,
    pub(super) customer_name: String,
    pub(super) contact_name: String,
    #[sqlx(try_from = "String")]
    pub(super) kind: Kind,
    #[sqlx(try_from = "String")]
    pub(super) state: State,
    pub(super) summary: String,
    pub(super) erp_number: Option<String>,
    /// What went wrong last.
    pub(super) last_error: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// What the list asks for: open ones oldest first, decided ones newest first.
pub(super) async fn list(
    tx: &mut TenantTx,
    show: Show,
    kind: Option<Kind>,
    after: Option<RequestId>,
) -> Result<Vec<Row>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(match show {
        Show::Open => OPEN,
        Show::Stuck => STUCK,
        Show::Unanswered => UNANSWERED,
        Show::Decided => DECIDED,
    })
    .bind(tenant)
    .bind(kind.map(Kind::word))
    .bind(after)
    .bind(i64::try_from(PAGE + 1).unwrap_or(i64::MAX))
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

// Ids are in the order of time, so a place in a list is an id. $2 kind or none, $3 place or none, $4 limit.
macro_rules! queue {
    ($which:literal, $side:literal, $order:literal) => {
        concat!(
            "select r.id, u.name as customer_name, c.name as contact_name, r.kind, r.state, r.summary, r.erp_number, r.last_error,
                    r.created_at
               from requests r
               join customers u on u.tenant_id = r.tenant_id and u.id = r.customer_id
               join contacts c on c.tenant_id = r.tenant_id and c.id = r.contact_id
              where r.tenant_id = $1 and ($2::text is null or r.kind = $2) and ($3::uuid is null or r.id ",
            $side,
            " $3) and ",
            $which,
            " order by r.id ",
            $order,
            " limit $4"
        )
    };
}

const OPEN: &str = queue!("r.state in ('awaiting_approval', 'submitted', 'handed_over')", ">", "asc");
const STUCK: &str = queue!("r.state = 'submitted' and r.last_error is not null", ">", "asc");
const UNANSWERED: &str =
    queue!("r.state = 'handed_over' and r.changed_at < now() - interval '2 days'", ">", "asc");
const DECIDED: &str = queue!("r.state in ('accepted', 'rejected', 'withdrawn')", "<", "desc");

/// How many there are, by what a list may show.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Counts {
    pub(super) open: i64,
    pub(super) stuck: i64,
    pub(super) unanswered: i64,
}

pub(super) async fn counts(tx: &mut TenantTx, kind: Option<Kind>) -> Result<Counts, Error> {
    let tenant = tx.tenant();
    let counts = sqlx::query_as(
        "select count(*) as open, count(*) filter (where state = 'submitted' and last_error is not null) as stuck,
                count(*) filter (where state = 'handed_over' and changed_at < now() - interval '2 days') as unanswered
           from requests
          where tenant_id = $1 and state in ('awaiting_approval', 'submitted', 'handed_over') and ($2::text is null or kind = $2)",
    )
    .bind(tenant)
    .bind(kind.map(Kind::word))
    .fetch_one(tx.conn())
    .await?;
    Ok(counts)
}

/// One entry of a request's history.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Event {
    pub(super) at: DateTime<Utc>,
    #[sqlx(try_from = "String")]
    pub(super) state: State,
    /// `contact`, `staff` or `system`.
    pub(super) actor_kind: String,
    /// Of the contact, or of the person of the tenant.
    pub(super) actor_name: Option<String>,
    pub(super) erp_number: Option<String>,
    pub(super) reason: Option<String>,
}

/// A request's history, newest first, with the names of those who wrote it. Customers see no names of the tenant's people.
pub(super) async fn events(tx: &mut TenantTx, id: RequestId) -> Result<Vec<Event>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select e.at, e.state, e.actor_kind, coalesce(c.name, s.name) as actor_name, e.erp_number, e.reason
           from request_events e
           left join contacts c on c.tenant_id = e.tenant_id and c.id = e.actor_id and e.actor_kind = 'contact'
           left join staff s on s.tenant_id = e.tenant_id and s.id = e.actor_id and e.actor_kind = 'staff'
          where e.tenant_id = $1 and e.request_id = $2 order by e.at desc, e.id desc",
    )
    .bind(tenant)
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Makes a hand-over that waits for its next try due at once. Returns whether one waits; one that runs is left alone.
pub(super) async fn hasten(tx: &mut TenantTx, id: RequestId) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update jobs set due_at = now()
          where tenant_id = $1 and kind = $2 and dedupe_key = $3::text and done_at is null and failed_at is null
            and (lease_until is null or lease_until < now())",
    )
    .bind(tenant)
    .bind(HandOver::KIND)
    .bind(id.to_string())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}
