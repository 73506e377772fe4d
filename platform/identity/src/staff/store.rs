//! Every statement about the tenant's own people; their sessions and factors have files of their own below.

pub(crate) mod factors;
pub(crate) mod sessions;

use platform_core::id::StaffId;
use platform_core::{Error, TenantTx};

use super::roster::Colleague;

/// A person who may come.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Staff {
    pub(crate) id: StaffId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) has_factor: bool,
}

/// The active person with this address.
pub(crate) async fn by_email(tx: &mut TenantTx, email: &str) -> Result<Option<Staff>, Error> {
    let tenant = tx.tenant();
    let staff = sqlx::query_as(
        "select s.id, s.email, s.name, s.role, f.id is not null as has_factor
           from staff s
           left join staff_factors f on f.tenant_id = s.tenant_id and f.staff_id = s.id and f.confirmed_at is not null
          where s.tenant_id = $1 and lower(s.email) = lower($2) and s.active",
    )
    .bind(tenant)
    .bind(email)
    .fetch_optional(tx.conn())
    .await?;
    Ok(staff)
}

pub(super) async fn id_of(tx: &mut TenantTx, email: &str) -> Result<Option<StaffId>, Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar("select id from staff where tenant_id = $1 and lower(email) = lower($2)")
        .bind(tenant)
        .bind(email)
        .fetch_optional(tx.conn())
        .await?;
    Ok(id)
}

pub(super) async fn set_inactive(tx: &mut TenantTx, email: &str) -> Result<Option<StaffId>, Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar(
        "update staff set active = false where tenant_id = $1 and lower(email) = lower($2) returning id",
    )
    .bind(tenant)
    .bind(email)
    .fetch_optional(tx.conn())
    .await?;
    Ok(id)
}

pub(super) async fn colleagues(tx: &mut TenantTx) -> Result<Vec<Colleague>, Error> {
    let tenant = tx.tenant();
    let colleagues = sqlx::query_as(
        "select s.id, s.email, s.name, s.role, s.active, s.last_seen_at, f.id is not null as second_factor
           from staff s
           left join staff_factors f on f.tenant_id = s.tenant_id and f.staff_id = s.id and f.confirmed_at is not null
          where s.tenant_id = $1 order by s.active desc, s.name, s.id",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    Ok(colleagues)
}
