//! Every statement of the slice.

use chrono::{DateTime, Utc};
use platform_core::id::{ContactId, CustomerId};
use platform_core::{Error, TenantTx};
use platform_web::paging::{ById, Cursor};
use sqlx::{Postgres, QueryBuilder};

use super::person::{From, Show, Standing};

/// People on one page.
pub const PAGE: usize = 50;

/// Somebody of the list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonRow {
    pub id: ContactId,
    pub name: String,
    pub email: String,
    pub role: String,
    pub locale: Option<String>,
    pub active: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl PersonRow {
    /// Where it stands in the list.
    #[must_use]
    pub fn place(&self) -> Cursor<ById> {
        Cursor { at: ById, id: self.id.0 }
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(self.active, self.last_seen_at)
    }
}

/// How many there are of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Overview {
    pub all: i64,
    pub administrators: i64,
    pub invited: i64,
    pub deactivated: i64,
}

/// What is asked of the list.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    pub show: Show,
    /// A part of name or address; empty is no search.
    pub search: &'a str,
    pub from: From,
    pub limit: usize,
}

/// People by name, in the order of the list whichever way the page goes.
///
/// # Errors
/// The database's answer.
pub async fn list(
    tx: &mut TenantTx,
    customer: CustomerId,
    query: &Query<'_>,
) -> Result<Vec<PersonRow>, Error> {
    let tenant = tx.tenant();
    let mut sql = QueryBuilder::<Postgres>::new(
        "select id, name, email, role, locale, active, last_seen_at, created_at from contacts where tenant_id = ",
    );
    sql.push_bind(tenant).push(" and customer_id = ").push_bind(customer);
    sql.push(match query.show {
        Show::All => "",
        Show::Administrators => " and role = 'admin' and active",
        Show::Invited => " and active and last_seen_at is null",
        Show::Deactivated => " and not active",
    });
    if !query.search.is_empty() {
        let pattern = format!("%{}%", escaped(&query.search.to_lowercase()));
        sql.push(" and (lower(name) like ").push_bind(pattern.clone());
        sql.push(" or lower(email) like ").push_bind(pattern).push(")");
    }
    let order = match query.from {
        From::Newest => " order by lower(name), id",
        From::OlderThan(place) => beside(&mut sql, ">", place.id, " order by lower(name), id"),
        From::NewerThan(place) => beside(&mut sql, "<", place.id, " order by lower(name) desc, id desc"),
    };
    sql.push(order).push(" limit ").push_bind(i64::try_from(query.limit).unwrap_or(i64::MAX));
    let mut rows: Vec<PersonRow> = sql.build_query_as().fetch_all(tx.conn()).await?;
    if matches!(query.from, From::NewerThan(_)) {
        rows.reverse();
    }
    Ok(rows)
}

fn beside(
    sql: &mut QueryBuilder<Postgres>,
    side: &'static str,
    id: uuid::Uuid,
    order: &'static str,
) -> &'static str {
    sql.push(" and (lower(name), id) ")
        .push(side)
        .push(" (select lower(p.name), p.id from contacts p where p.id = ");
    sql.push_bind(id).push(")");
    order
}

/// A text that is looked for as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// # Errors
/// The database's answer.
pub async fn overview(tx: &mut TenantTx, customer: CustomerId) -> Result<Overview, Error> {
    let tenant = tx.tenant();
    let overview = sqlx::query_as(
        r#"select count(*) as "all", count(*) filter (where role = 'admin' and active) as administrators,
                  count(*) filter (where active and last_seen_at is null) as invited,
                  count(*) filter (where not active) as deactivated
             from contacts where tenant_id = $1 and customer_id = $2"#,
    )
    .bind(tenant)
    .bind(customer)
    .fetch_one(tx.conn())
    .await?;
    Ok(overview)
}

/// Somebody of the company.
///
/// # Errors
/// The database's answer.
pub async fn person(tx: &mut TenantTx, id: ContactId) -> Result<Option<PersonRow>, Error> {
    let tenant = tx.tenant();
    let person = sqlx::query_as(
        "select id, name, email, role, locale, active, last_seen_at, created_at from contacts
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(person)
}

/// Invites somebody.
///
/// # Errors
/// Constraint `contacts_email_key` when the company has the address already; else the database's answer.
pub async fn invite(
    tx: &mut TenantTx,
    customer: CustomerId,
    id: ContactId,
    (name, email, role): (&str, &str, &str),
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into contacts (tenant_id, id, customer_id, email, name, role) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant)
    .bind(id)
    .bind(customer)
    .bind(email)
    .bind(name)
    .bind(role)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Changes name, role and whether they may come. False, and nothing is changed, when the company would have no active
/// administrator left: the company's administrators wait for each other here, so two cannot take each other away.
///
/// # Errors
/// The database's answer.
pub async fn change(
    tx: &mut TenantTx,
    customer: CustomerId,
    id: ContactId,
    (name, role, active): (&str, &str, bool),
) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let admins: Vec<ContactId> = sqlx::query_scalar(
        "select id from contacts where tenant_id = $1 and customer_id = $2 and role = 'admin' and active
          order by id for update",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_all(tx.conn())
    .await?;
    let stays = (active && role == "admin") || admins.iter().any(|admin| *admin != id);
    if !stays {
        return Ok(false);
    }
    sqlx::query("update contacts set name = $3, role = $4, active = $5 where tenant_id = $1 and id = $2")
        .bind(tenant)
        .bind(id)
        .bind(name)
        .bind(role)
        .bind(active)
        .execute(tx.conn())
        .await?;
    Ok(true)
}
