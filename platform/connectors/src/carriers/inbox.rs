//! Taking in what a provider tells: proved, once, and only of parcels that somebody has.

use chrono::{DateTime, NaiveDate, Utc};
use platform_core::clock::Clock;
use platform_core::id::{self, CustomerId, OrderId};
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, Scope, TenantTx};
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use super::accounts::{self, Account};
use super::aftership::OLDEST;
use super::numbers::bare;
use super::provider::{CheckpointKind, Parcel, Refused, provider};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// New checkpoints of known parcels: so many rows.
    Stored(u64),
    /// It was taken in before.
    Again,
    /// No order has this parcel: counted, and nothing of it kept.
    Unknown,
}

/// Takes in one message of a webhook. One transaction: the message is remembered if and only if its checkpoints are.
///
/// # Errors
/// The outer one is the database's; the inner one says why the message is not believed, which was counted.
pub async fn receive(
    (db, sealer, clock, random): (&Db, &Sealer, &dyn Clock, &dyn Random),
    account: &Account,
    header: &(dyn Fn(&str) -> Option<String> + Sync),
    body: &[u8],
) -> Result<Result<Received, Refused>, Error> {
    let now = clock.now();
    let secret = account.secret(sealer)?;
    let read = provider(&account.kind)
        .ok_or(Refused::Shape)
        .and_then(|known| known.read(&secret, header, body, now));
    let mut tx = db.tenant(Scope::tenant(account.tenant_id)).await?;
    let message = match read {
        Ok(message) => message,
        Err(refused) => {
            accounts::count_refusal(&mut tx, account.id).await?;
            tx.commit().await?;
            return Ok(Err(refused));
        }
    };
    if !remember(&mut tx, account.id, &message.key, now).await? {
        return Ok(Ok(Received::Again));
    }
    let stored = store(&mut tx, (clock, random), account.id, &message.parcel).await?;
    accounts::count_news(&mut tx, account.id, i64::from(stored.is_none()), now).await?;
    tx.commit().await?;
    Ok(Ok(stored.map_or(Received::Unknown, Received::Stored)))
}

/// False when a message of this key was taken in before. Forgets those that are too old to be believed.
async fn remember(tx: &mut TenantTx, account: Uuid, key: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from tracking_inbox where tenant_id = $1 and provider_id = $2 and received_at < $3")
        .bind(tenant)
        .bind(account)
        .bind(now - OLDEST * 2)
        .execute(tx.conn())
        .await?;
    let added = sqlx::query(
        "insert into tracking_inbox (tenant_id, provider_id, event_key, received_at) values ($1, $2, $3, $4)
         on conflict do nothing",
    );
    let added = added.bind(tenant).bind(account).bind(key).bind(now).execute(tx.conn()).await?;
    Ok(added.rows_affected() == 1)
}

/// A parcel of an order, and the last day that its carrier named.
#[derive(sqlx::FromRow)]
struct Known {
    order_id: OrderId,
    customer_id: CustomerId,
    shipment_id: String,
    estimate: Option<NaiveDate>,
}

/// Adds what is new of a parcel to every order that has it, and tells open and kept pages. None when no order has it;
/// else how many rows are new.
pub(super) async fn store(
    tx: &mut TenantTx,
    (clock, random): (&dyn Clock, &dyn Random),
    account: Uuid,
    parcel: &Parcel,
) -> Result<Option<u64>, Error> {
    let known = find(tx, &bare(&parcel.number)).await?;
    if known.is_empty() {
        return Ok(None);
    }
    let (tenant, now) = (tx.tenant(), clock.now());
    let mut added = 0;
    for place in &known {
        let added_here = sqlx::query(ADD)
            .bind(tenant)
            .bind(place.order_id)
            .bind(place.customer_id)
            .bind(&place.shipment_id)
            .bind(account)
            .bind(Json(rows(place, parcel, clock, random)))
            .bind(now)
            .execute(tx.conn())
            .await?
            .rows_affected();
        if added_here > 0 {
            tell(tx, place, now).await?;
        }
        added += added_here;
    }
    Ok(Some(added))
}

const ADD: &str = "
    insert into shipment_events (tenant_id, id, order_id, customer_id, shipment_id, provider_id, event_key, kind, message,
        place, at, expected_on, signed_by, seen_at)
    select $1, r.id, $2, $3, $4, $5, r.key, r.kind, r.message, r.place, r.at, r.expected_on, r.signed_by, $7
      from jsonb_to_recordset($6) as r(id uuid, key text, kind text, message text, place text, at timestamptz,
        expected_on date, signed_by text)
    on conflict (tenant_id, order_id, shipment_id, provider_id, event_key) do nothing";

async fn find(tx: &mut TenantTx, number: &str) -> Result<Vec<Known>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select s.order_id, s.customer_id, s.external_id as shipment_id,
                (select e.expected_on from shipment_events e
                  where e.tenant_id = s.tenant_id and e.order_id = s.order_id and e.shipment_id = s.external_id
                    and e.kind = 'estimate' order by e.at desc, e.id desc limit 1) as estimate
           from shipments s where s.tenant_id = $1 and s.tracking_key = $2 limit 20",
    );
    Ok(rows.bind(tenant).bind(number).fetch_all(tx.conn()).await?)
}

fn rows(place: &Known, parcel: &Parcel, clock: &dyn Clock, random: &dyn Random) -> Vec<serde_json::Value> {
    let row = |key: &str, kind: CheckpointKind| {
        let id = id::uuid(clock, random);
        json!({ "id": id, "key": key, "kind": kind.word(), "message": "", "place": "" })
    };
    let mut rows: Vec<_> = parcel
        .checkpoints
        .iter()
        .map(|stop| {
            let mut row = row(&stop.key, stop.kind);
            row["message"] = json!(stop.message);
            row["place"] = json!(stop.place);
            row["at"] = json!(stop.at);
            row["signed_by"] = json!(stop.signed_by);
            row
        })
        .collect();
    if let Some(day) = parcel.expected_on.filter(|day| place.estimate != Some(*day)) {
        let mut row = row(
            &format!("estimate {day} after {}", place.estimate.unwrap_or_default()),
            CheckpointKind::Estimate,
        );
        row["at"] = json!(clock.now());
        row["expected_on"] = json!(day);
        rows.push(row);
    }
    rows
}

/// The order has changed in what its customer sees; a hint, sent when the transaction commits.
async fn tell(tx: &mut TenantTx, place: &Known, now: DateTime<Utc>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("update orders set changed_at = greatest(changed_at, $3) where tenant_id = $1 and id = $2")
        .bind(tenant)
        .bind(place.order_id)
        .bind(now)
        .execute(tx.conn())
        .await?;
    sqlx::query("select pg_notify('orders', $1)")
        .bind(format!("{tenant}:{}:{}", place.customer_id, place.order_id))
        .execute(tx.conn())
        .await?;
    Ok(())
}
