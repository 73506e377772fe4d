//! The tables `requests` and `request_events`: every statement that writes them.

use aws_lc_rs::digest;
use platform_core::TenantTx;
use platform_core::audit::{self, Actor};
use platform_core::clock::Clock;
use platform_core::id::{ContactId, RequestId, uuid};
use platform_core::jobs::{self, Job};
use platform_core::random::Random;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::request::{Event, Kind, NewRequest, Request, State, Step, Submitted};
use super::tell::TellRequest;
use super::{Error, row};

/// Hands one request over; `doors` does it.
#[derive(Debug, Serialize, Deserialize)]
pub struct HandOver {
    pub request: RequestId,
}

impl Job for HandOver {
    const KIND: &'static str = "hand_over_request";
    // With pauses of up to an hour: a week and more. The reconciler asks again after that.
    const MAX_ATTEMPTS: i32 = 200;
}

/// Takes a request: row, event, job, mail and audit line are there together or not at all. The same key with the same
/// payload is the same request.
///
/// # Errors
/// [`Error::KeyReused`] when the key stands for another payload; else the database's answer.
pub async fn submit(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    new: NewRequest<'_>,
) -> Result<Submitted, Error> {
    let (id, tenant, now) = (RequestId::new(clock, random), tx.tenant(), clock.now());
    let state = if new.approval { State::AwaitingApproval } else { State::Submitted };
    let hash = digest::digest(&digest::SHA256, new.payload.to_string().as_bytes());
    let added = sqlx::query(
        "insert into requests (tenant_id, id, customer_id, contact_id, kind, state, payload, summary, idempotency_key,
                               request_hash, created_at, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         on conflict (tenant_id, customer_id, kind, idempotency_key) do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.customer)
    .bind(new.contact)
    .bind(new.kind.word())
    .bind(state.word())
    .bind(&new.payload)
    .bind(&new.summary)
    .bind(new.idempotency_key)
    .bind(hash.as_ref())
    .bind(now)
    .execute(tx.conn())
    .await?;
    if added.rows_affected() == 0 {
        return known(tx, &new, hash.as_ref()).await;
    }
    let step = Step::to(state, Actor::Contact(new.contact));
    follow(tx, clock, random, id, new.customer.0, &step).await?;
    Ok(Submitted { id, new: true })
}

/// The request that has this key already.
async fn known(tx: &mut TenantTx, new: &NewRequest<'_>, hash: &[u8]) -> Result<Submitted, Error> {
    let tenant = tx.tenant();
    let (id, stored): (RequestId, Vec<u8>) = sqlx::query_as(
        "select id, request_hash from requests
          where tenant_id = $1 and customer_id = $2 and kind = $3 and idempotency_key = $4",
    )
    .bind(tenant)
    .bind(new.customer)
    .bind(new.kind.word())
    .bind(new.idempotency_key)
    .fetch_one(tx.conn())
    .await?;
    if stored == hash { Ok(Submitted { id, new: false }) } else { Err(Error::KeyReused) }
}

/// Moves a request, if it may. A step that was made before is made: answers may come twice. Returns whether it moved.
///
/// # Errors
/// [`Error::Unlawful`] when its state forbids it, [`Error::Leaving`] for a withdrawal that comes too late,
/// [`Error::NotFound`] when this transaction sees no such request; else the database's answer.
pub async fn advance(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    id: RequestId,
    step: &Step,
) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let row: Option<(String, i32, Option<String>, Uuid)> = sqlx::query_as(
        "select state, attempts, erp_number, customer_id from requests where tenant_id = $1 and id = $2 for update",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let (state, attempts, number, customer) = row.ok_or(Error::NotFound)?;
    let from: State = state.parse()?;
    if from == step.to && (step.erp_number.is_none() || step.erp_number == number) {
        return Ok(false);
    }
    if step.to == State::HandedOver && from.is_final() {
        // The other side was quicker than our note that it has the request.
        return Ok(false);
    }
    if !from.may_become(step.to) {
        return Err(Error::Unlawful { from, to: step.to });
    }
    if step.to == State::Withdrawn && attempts > 0 {
        return Err(Error::Leaving);
    }
    store(tx, clock, id, from, step).await?;
    follow(tx, clock, random, id, customer, step).await?;
    Ok(true)
}

async fn store(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    id: RequestId,
    from: State,
    step: &Step,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    let approver = match step.actor {
        Actor::Contact(contact) if from == State::AwaitingApproval && step.to != State::Withdrawn => {
            Some(contact)
        }
        _ => None,
    };
    sqlx::query(
        "update requests set state = $3, changed_at = $4, erp_number = coalesce($5, erp_number), reason = coalesce($6, reason),
                approver_id = coalesce($7, approver_id),
                handed_over_at = case when $3 = 'handed_over' then $4 else handed_over_at end,
                last_error = null
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(step.to.word())
    .bind(clock.now())
    .bind(&step.erp_number)
    .bind(&step.reason)
    .bind(approver)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What every new state brings with it: an event, an audit line, a mail, and, once submitted, the hand-over.
async fn follow(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    id: RequestId,
    customer: Uuid,
    step: &Step,
) -> Result<(), Error> {
    add_event(tx, clock, random, (id, customer), step).await?;
    let entry = audit::Entry {
        actor: step.actor,
        customer: Some(platform_core::id::CustomerId(customer)),
        action: verb(step),
        object_kind: "request",
        object_id: &id.to_string(),
        detail: json!({ "state": step.to, "erp_number": step.erp_number, "reason": step.reason }),
    };
    audit::record(tx, clock, random, &entry).await?;
    if step.to == State::Submitted {
        hand_over_later(tx, clock, random, id).await?;
    }
    if step.to != State::HandedOver {
        let tell = TellRequest { request: id, state: step.to };
        jobs::enqueue(tx, clock, random, &tell, Some(&format!("{id}-{}", step.to))).await?;
    }
    Ok(())
}

/// The audit log's verb.
fn verb(step: &Step) -> &'static str {
    match step.to {
        State::AwaitingApproval | State::Submitted => "submitted",
        State::HandedOver => "handed_over",
        State::Accepted => "accepted",
        State::Rejected => "rejected",
        State::Withdrawn => "withdrew",
    }
}

async fn hand_over_later(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    id: RequestId,
) -> Result<(), Error> {
    let job = HandOver { request: id };
    Ok(jobs::enqueue(tx, clock, random, &job, Some(&id.to_string())).await?)
}

async fn add_event(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    (id, customer): (RequestId, Uuid),
    step: &Step,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    let (kind, actor) = match step.actor {
        Actor::Contact(ContactId(id)) => ("contact", Some(id)),
        Actor::Staff(staff) => ("staff", Some(staff.0)),
        Actor::System => ("system", None),
    };
    sqlx::query(
        "insert into request_events (tenant_id, id, request_id, customer_id, at, actor_kind, actor_id, state, erp_number,
                                     reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant)
    .bind(uuid(clock, random))
    .bind(id)
    .bind(customer)
    .bind(clock.now())
    .bind(kind)
    .bind(actor)
    .bind(step.to.word())
    .bind(&step.erp_number)
    .bind(&step.reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One request, if this transaction sees it.
///
/// # Errors
/// The database's answer.
pub async fn get(tx: &mut TenantTx, id: RequestId) -> Result<Option<Request>, Error> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(row::ONE).bind(tenant).bind(id).fetch_optional(tx.conn()).await?)
}

/// The newest requests that this transaction sees: one customer's, or for staff the tenant's.
///
/// # Errors
/// The database's answer.
pub async fn of_customer(tx: &mut TenantTx, kind: Option<Kind>, limit: i64) -> Result<Vec<Request>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(row::NEWEST).bind(tenant).bind(kind.map(Kind::word)).bind(limit);
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// Requests of a kind that are not decided yet, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn pending(tx: &mut TenantTx, kind: Kind) -> Result<Vec<Request>, Error> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(row::PENDING).bind(tenant).bind(kind.word()).fetch_all(tx.conn()).await?)
}

/// Open requests of a kind in one state, those that changed longest ago first.
///
/// # Errors
/// The database's answer.
pub async fn open_in(tx: &mut TenantTx, kind: Kind, state: State, limit: i64) -> Result<Vec<Request>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(row::OPEN_IN).bind(tenant).bind(kind.word()).bind(state.word()).bind(limit);
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// Requests of a kind that the other side has and has not answered, those that wait longest first.
///
/// # Errors
/// The database's answer.
pub async fn handed_over(tx: &mut TenantTx, kind: Kind) -> Result<Vec<RequestId>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_scalar(
        "select id from requests
          where tenant_id = $1 and kind = $2 and state = 'handed_over'
            and state in ('awaiting_approval', 'submitted', 'handed_over')
          order by changed_at limit 20000",
    );
    Ok(rows.bind(tenant).bind(kind.word()).fetch_all(tx.conn()).await?)
}

/// A request's history, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn events(tx: &mut TenantTx, id: RequestId) -> Result<Vec<Event>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select e.at, e.state, e.actor_kind, c.name as actor_name, e.erp_number, e.reason
           from request_events e
           left join contacts c on c.tenant_id = e.tenant_id and c.id = e.actor_id and e.actor_kind = 'contact'
          where e.tenant_id = $1 and e.request_id = $2 order by e.at, e.id",
    );
    Ok(rows.bind(tenant).bind(id).fetch_all(tx.conn()).await?)
}

/// Notes that a hand-over begins: from now on the request cannot be withdrawn. None when there is nothing to hand over.
///
/// # Errors
/// The database's answer.
pub async fn begin_hand_over(tx: &mut TenantTx, id: RequestId) -> Result<Option<Request>, Error> {
    let tenant = tx.tenant();
    let begun = sqlx::query(
        "update requests set attempts = attempts + 1 where tenant_id = $1 and id = $2 and state = 'submitted'",
    );
    let begun = begun.bind(tenant).bind(id).execute(tx.conn()).await?;
    if begun.rows_affected() == 0 { Ok(None) } else { get(tx, id).await }
}

/// Keeps with the request why it could not be handed over.
///
/// # Errors
/// The database's answer.
pub async fn note_failure(tx: &mut TenantTx, id: RequestId, error: &str) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("update requests set last_error = left($3, 500) where tenant_id = $1 and id = $2 and state = 'submitted'")
        .bind(tenant)
        .bind(id)
        .bind(error)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Asks for the hand-over of every submitted request of a kind that nobody works on: after a door was opened, or a job
/// gave up. Returns how many there are.
///
/// # Errors
/// The database's answer.
pub async fn retry(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    kind: Kind,
) -> Result<usize, Error> {
    let tenant = tx.tenant();
    let ids: Vec<RequestId> = sqlx::query_scalar(
        "select r.id from requests r
          where r.tenant_id = $1 and r.kind = $2 and r.state = 'submitted'
            and not exists (select from jobs j where j.tenant_id = r.tenant_id and j.kind = $3
                             and j.dedupe_key = r.id::text and j.done_at is null and j.failed_at is null)
          order by r.changed_at limit 500",
    )
    .bind(tenant)
    .bind(kind.word())
    .bind(HandOver::KIND)
    .fetch_all(tx.conn())
    .await?;
    for id in &ids {
        hand_over_later(tx, clock, random, *id).await?;
    }
    Ok(ids.len())
}
