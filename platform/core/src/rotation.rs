//! Wrapping stored secrets anew after a new key was added. Which columns hold secrets is the composition's to say.

use sqlx::Row as _;
use uuid::Uuid;

use crate::db::{Error, OperatorTx};
use crate::id::TenantId;
use crate::secrets::{Binding, Sealer};

/// A column that holds sealed values. The table's own id is `id`.
#[derive(Debug, Clone, Copy)]
pub struct Sealed {
    pub table: &'static str,
    pub column: &'static str,
    /// Whether the table has a `tenant_id`, to which its secrets are bound.
    pub tenant: bool,
}

/// Wraps one column's secrets with the sealer's current key. Returns how many were under an older one.
///
/// # Errors
/// A value that does not open, or the database's answer; nothing is changed then.
pub async fn rewrap(tx: &mut OperatorTx, sealer: &Sealer, sealed: &Sealed) -> Result<u64, Error> {
    let Sealed { table, column, tenant } = sealed;
    let key = if *tenant { "tenant_id" } else { "null::uuid" };
    // Names of ours, known when the program was built.
    let select =
        format!("select {key} as tenant, id, {column} as secret from {table} where {column} is not null");
    let update = format!("update {table} set {column} = $3 where id = $1 and {column} = $2");
    let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(tx.conn()).await?;
    let mut count = 0;
    for row in rows {
        let (id, secret): (Uuid, Vec<u8>) = (row.get("id"), row.get("secret"));
        let tenant = row.get::<Option<Uuid>, _>("tenant").map(TenantId);
        let binding = Binding { table, column, tenant, row: id };
        if let Some(fresh) = sealer.rewrap(&binding, &secret)? {
            // A node may have sealed it anew meanwhile: then its value stays.
            let done = sqlx::query(sqlx::AssertSqlSafe(update.clone()));
            count += done.bind(id).bind(secret).bind(fresh).execute(tx.conn()).await?.rows_affected();
        }
    }
    Ok(count)
}
