//! Who watches an order, who is told of its delays, and who stopped such mails.

use chrono::{DateTime, NaiveDate, Utc};
use platform_core::id::{ContactId, CustomerId, OrderId};
use platform_core::{Error, TenantTx};
use uuid::Uuid;

/// Begins to watch; twice is once.
///
/// # Errors
/// The database's answer.
pub async fn watch(
    tx: &mut TenantTx,
    order: Uuid,
    contact: ContactId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    sqlx::query(
        "insert into order_watches (tenant_id, order_id, contact_id, customer_id, since) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(order)
    .bind(contact)
    .bind(customer)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Watches no more.
///
/// # Errors
/// The database's answer.
pub async fn unwatch(tx: &mut TenantTx, order: Uuid, contact: ContactId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from order_watches where tenant_id = $1 and order_id = $2 and contact_id = $3")
        .bind(tenant)
        .bind(order)
        .bind(contact)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What a contact hears of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Hearing {
    pub watched: bool,
    /// Mails about delays were not stopped.
    pub delays: bool,
}

/// What this contact hears of this order.
///
/// # Errors
/// The database's answer.
pub async fn hearing(tx: &mut TenantTx, order: Uuid, contact: ContactId) -> Result<Hearing, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select exists (select from order_watches where tenant_id = $1 and order_id = $2 and contact_id = $3) as watched,
                coalesce((select delays from order_mail_choices where tenant_id = $1 and contact_id = $3), true) as delays",
    );
    Ok(row.bind(tenant).bind(order).bind(contact).fetch_one(tx.conn()).await?)
}

/// Whether a contact wants mails about delays.
///
/// # Errors
/// The database's answer.
pub async fn choose(
    tx: &mut TenantTx,
    contact: ContactId,
    delays: bool,
    token: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    sqlx::query(
        "insert into order_mail_choices (tenant_id, contact_id, customer_id, delays, token, changed_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, contact_id) do update set delays = excluded.delays, changed_at = excluded.changed_at",
    )
    .bind(tenant)
    .bind(contact)
    .bind(customer)
    .bind(delays)
    .bind(token)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether mails still come to whoever holds a link; none when it is nobody's.
///
/// # Errors
/// The database's answer.
pub async fn link(tx: &mut TenantTx, token: &str) -> Result<Option<bool>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_scalar("select delays from order_mail_choices where tenant_id = $1 and token = $2");
    Ok(row.bind(tenant).bind(token).fetch_optional(tx.conn()).await?)
}

/// Stops the mails of whoever holds this link. False when it is nobody's.
///
/// # Errors
/// The database's answer.
pub async fn stop(tx: &mut TenantTx, token: &str, at: DateTime<Utc>) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update order_mail_choices set delays = false, changed_at = $3 where tenant_id = $1 and token = $2",
    );
    Ok(done.bind(tenant).bind(token).bind(at).execute(tx.conn()).await?.rows_affected() > 0)
}

/// An order whose date may have to be told; locked to the end of the transaction.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delayed {
    pub customer_id: CustomerId,
    pub number: String,
    pub summary: String,
    pub status: String,
    /// Expected, or promised where nothing else is expected.
    pub day: Option<NaiveDate>,
    /// The day that its readers were told last.
    pub told: Option<NaiveDate>,
}

/// One order of any customer of the tenant; none when it is gone.
///
/// # Errors
/// The database's answer.
pub async fn delayed(tx: &mut TenantTx, order: OrderId) -> Result<Option<Delayed>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select o.customer_id, o.number, o.summary, o.status, coalesce(o.expected_on, o.promised_on) as day,
                (select n.expected_on from order_notices n
                  where n.tenant_id = o.tenant_id and n.order_id = o.id order by n.told_at desc, n.id desc limit 1) as told
           from orders o where o.tenant_id = $1 and o.id = $2 and o.deleted_at is null for update of o",
    );
    Ok(row.bind(tenant).bind(order).fetch_optional(tx.conn()).await?)
}

/// Somebody who is told.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Reader {
    pub id: ContactId,
    pub email: String,
    pub name: String,
    pub locale: Option<String>,
    /// Where they last came in; none for somebody who never did.
    pub host: Option<String>,
    pub watching: bool,
    /// The secret of their link, where they have one.
    pub token: Option<String>,
}

/// Everybody who is told of a delay: the company's administrators and whoever watches, unless they stopped it.
///
/// # Errors
/// The database's answer.
pub async fn readers(tx: &mut TenantTx, customer: CustomerId, order: OrderId) -> Result<Vec<Reader>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select c.id, c.email, c.name, c.locale, m.token, w.contact_id is not null as watching,
                (select s.host from sessions s
                  where s.tenant_id = c.tenant_id and s.customer_id = c.customer_id and s.contact_id = c.id
                  order by s.last_seen_at desc limit 1) as host
           from contacts c
           join customers u on u.tenant_id = c.tenant_id and u.id = c.customer_id and u.status = 'active'
           left join order_watches w on w.tenant_id = c.tenant_id and w.contact_id = c.id and w.order_id = $3
           left join order_mail_choices m on m.tenant_id = c.tenant_id and m.contact_id = c.id
          where c.tenant_id = $1 and c.customer_id = $2 and c.active and coalesce(m.delays, true)
            and (c.role = 'admin' or w.contact_id is not null)
          order by c.id",
    );
    Ok(rows.bind(tenant).bind(customer).bind(order).fetch_all(tx.conn()).await?)
}

/// A contact's link, made when there is none yet.
///
/// # Errors
/// The database's answer.
pub async fn keep_token(
    tx: &mut TenantTx,
    customer: CustomerId,
    contact: ContactId,
    token: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into order_mail_choices (tenant_id, contact_id, customer_id, token, changed_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(tenant)
    .bind(contact)
    .bind(customer)
    .bind(token)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A delay that is being told.
#[derive(Debug)]
pub struct Notice<'a> {
    pub id: Uuid,
    pub order: OrderId,
    pub customer: CustomerId,
    pub was: NaiveDate,
    pub now: NaiveDate,
    pub reason: Option<&'a str>,
    /// To how many.
    pub told: i32,
    pub at: DateTime<Utc>,
}

/// Writes down that it was told, in the transaction of its mails.
///
/// # Errors
/// The database's answer.
pub async fn told(tx: &mut TenantTx, notice: &Notice<'_>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into order_notices (tenant_id, id, order_id, customer_id, was, expected_on, reason, told, told_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant)
    .bind(notice.id)
    .bind(notice.order)
    .bind(notice.customer)
    .bind(notice.was)
    .bind(notice.now)
    .bind(notice.reason)
    .bind(notice.told)
    .bind(notice.at)
    .execute(tx.conn())
    .await?;
    Ok(())
}
