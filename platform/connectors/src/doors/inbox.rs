//! The inbox table: a row in a table of our own inside the other database, and the answer that its people write there.
//!
//! The role may insert and select on that one table and nothing else (`infra/orderflow/inbox.sql`, for PostgreSQL 9.4 and
//! newer). The request's id is the row's key, so a repetition finds the row there and changes nothing: exactly once.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::id::RequestId;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor};

use super::settings::table_name;
use super::{Doing, Door, Message, Verdict};

/// Two would do; the second is for answers while a hand-over waits.
const CONNECTIONS: u32 = 4;
const SESSION: &str = "set statement_timeout = 5000; set lock_timeout = 2000; set timezone = 'UTC';
     set standard_conforming_strings = on";
/// Unique violation: the row is there already.
const THERE: &str = "23505";

/// One inbox table.
#[derive(Debug)]
pub(super) struct Inbox {
    pool: PgPool,
    table: String,
}

#[derive(sqlx::FromRow)]
struct Answered {
    id: RequestId,
    state: String,
    erp_number: Option<String>,
    reason: Option<String>,
}

impl Inbox {
    /// Prepares connections; none is opened yet. The fault does not repeat the address, which holds a password.
    pub(super) fn new(url: &str, table: &str) -> Result<Self, String> {
        let options =
            PgConnectOptions::from_str(url).map_err(|_| "the inbox's address cannot be read".to_owned())?;
        let table = table_name(table).ok_or("the inbox table's name cannot be read")?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(4))
            .idle_timeout(Duration::from_secs(60))
            .max_lifetime(Duration::from_secs(600))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SESSION).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options.application_name("portico doors"));
        Ok(Self { pool, table })
    }

    async fn put(&self, message: &Message) -> Result<(), sqlx::Error> {
        // The name was made of plain letters by `table_name`; every value is bound.
        let sql = format!(
            "insert into {table} (id, kind, customer, customer_name, person_name, person_email, purchase_order, summary,
                                  submitted_at, payload)
             select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::json
              where not exists (select 1 from {table} where id = $1)",
            table = self.table
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(message.id)
            .bind(message.kind.word())
            .bind(&message.customer)
            .bind(&message.customer_name)
            .bind(&message.person.name)
            .bind(&message.person.email)
            .bind(message.word("purchase_order"))
            .bind(&message.summary)
            .bind::<DateTime<Utc>>(message.submitted_at)
            .bind(message.payload.to_string())
            .execute(&self.pool)
            .await;
        match done {
            Err(error)
                if error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == THERE) =>
            {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    async fn read(&self, open: &[RequestId]) -> Result<Vec<Answered>, sqlx::Error> {
        let sql = format!(
            "select id, state::text, erp_number::text, reason::text from {} where id = any($1) and state <> 'new'",
            self.table
        );
        let ids: Vec<uuid::Uuid> = open.iter().map(|id| id.0).collect();
        sqlx::query_as(AssertSqlSafe(sql)).bind(ids).fetch_all(&self.pool).await
    }

    async fn look(&self) -> Result<String, String> {
        let sql = format!("select count(*) from {} where state = 'new'", self.table);
        let waiting: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .map_err(|error| told(&error))?;
        let sql = "select has_table_privilege($1, 'insert') or has_any_column_privilege($1, 'insert'),
                          has_table_privilege($1, 'update') or has_table_privilege($1, 'delete')
                          or has_any_column_privilege($1, 'update')";
        let (may, too_much): (bool, bool) = sqlx::query_as(sql)
            .bind(&self.table)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| told(&error))?;
        match (may, too_much) {
            (false, _) => Err(format!("the role may not insert into {}; see inbox.sql", self.table)),
            (_, true) => {
                Err(format!("the role may change rows of {}; grant it insert and select only", self.table))
            }
            _ => Ok(format!("the inbox answers; {waiting} rows wait for the other side")),
        }
    }
}

impl Door for Inbox {
    fn hand_over<'a>(&'a self, message: &'a Message) -> Doing<'a, Option<Verdict>> {
        Box::pin(async move {
            self.put(message).await.map_err(|error| told(&error))?;
            Ok(None)
        })
    }

    fn answers<'a>(&'a self, open: &'a [RequestId]) -> Doing<'a, Option<Vec<(RequestId, Verdict)>>> {
        Box::pin(async move {
            let rows = self.read(open).await.map_err(|error| told(&error))?;
            let verdicts = rows.into_iter().filter_map(|row| {
                let verdict = match row.state.trim() {
                    "accepted" => Verdict::Accepted { number: row.erp_number },
                    "rejected" => Verdict::Rejected { reason: row.reason },
                    _ => return None,
                };
                Some((row.id, verdict))
            });
            Ok(Some(verdicts.collect()))
        })
    }

    fn test(&self) -> Doing<'_, String> {
        Box::pin(self.look())
    }
}

fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            format!("the inbox: {} ({})", database.message(), database.code().unwrap_or_default())
        }
        sqlx::Error::PoolTimedOut => "the inbox: no connection within 4 s".to_owned(),
        other => format!("the inbox: {other}"),
    }
}
