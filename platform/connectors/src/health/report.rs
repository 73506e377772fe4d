//! Reads the report from our own tables: looking at a connector's health never asks its source.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use platform_core::id::ConnectorId;
use platform_core::{Error, TenantTx};
use serde_json::Value;

use super::codes::{self, Met};
use super::{
    BEHIND, BooksPart, Breaker, Condition, Health, SweepFound, Sweeps, Trouble, TroubleKind, Unmapped,
};
use crate::mapping::Mapping;
use crate::stops::{self, Stop};
use crate::usage;

#[derive(sqlx::FromRow)]
struct Row {
    id: ConnectorId,
    name: String,
    mapping: String,
    enabled: bool,
    state: String,
    now: DateTime<Utc>,
    data_as_of: Option<DateTime<Utc>>,
    last_change_at: Option<DateTime<Utc>>,
    last_sweep_at: Option<DateTime<Utc>>,
    last_sweep: Option<Value>,
    sweep: Option<Value>,
    requested: bool,
    last_error: Option<String>,
    last_error_kind: Option<String>,
    failed_since: Option<DateTime<Utc>>,
    breaker_until: Option<DateTime<Utc>>,
    unmapped: Value,
    unknown_accounts: Value,
    warnings: Value,
    books: Value,
}

const ROWS: &str = "select id, name, mapping, enabled, state, now() as now, data_as_of, last_change_at, last_sweep_at, last_sweep, sweep,
        sweep_requested_at is not null as requested, last_error, last_error_kind, failed_since, breaker_until, unmapped,
        unknown_accounts, warnings, books
   from connectors where tenant_id = $1 and ($2::uuid is null or id = $2) order by name";

/// One connector; none when the tenant has no such connector.
///
/// # Errors
/// The database's answer.
pub async fn read(tx: &mut TenantTx, connector: ConnectorId) -> Result<Option<Health>, Error> {
    Ok(some(tx, Some(connector)).await?.pop())
}

/// All connectors of the tenant, by name.
///
/// # Errors
/// The database's answer.
pub async fn all(tx: &mut TenantTx) -> Result<Vec<Health>, Error> {
    some(tx, None).await
}

async fn some(tx: &mut TenantTx, connector: Option<ConnectorId>) -> Result<Vec<Health>, Error> {
    let tenant = tx.tenant();
    let rows: Vec<Row> = sqlx::query_as(ROWS).bind(tenant).bind(connector).fetch_all(tx.conn()).await?;
    let mut all = Vec::new();
    for row in rows {
        let met = codes::of(tx, row.id).await?;
        let stop = stops::open(tx, row.id).await?;
        let used = usage::lately(tx, row.id, row.now).await?;
        all.push(row.health(met, stop, used));
    }
    Ok(all)
}

impl Row {
    fn health(self, met: Vec<Met>, stop: Option<Stop>, used: (usage::Used, usage::Used)) -> Health {
        let age = |at: Option<DateTime<Utc>>| at.map(|at| (self.now - at).num_seconds().max(0));
        let pace = Mapping::parse(&self.mapping).map(|mapping| mapping.pace.statements_per_second);
        Health {
            condition: self.condition(stop.is_some()),
            at: self.now,
            data_as_of: self.data_as_of,
            lag_seconds: age(self.data_as_of),
            changed_at: self.last_change_at,
            change_age_seconds: age(self.last_change_at),
            sweeps: self.sweeps(),
            breaker: match self.breaker_until {
                Some(until) if until > self.now => Breaker::Open { until },
                _ => Breaker::Closed,
            },
            trouble: self.trouble(),
            stop,
            unmapped: unmapped(&self.unmapped, met),
            unknown_accounts: counts(&self.unknown_accounts),
            warnings: serde_json::from_value(self.warnings).unwrap_or_default(),
            books: books(&self.books),
            allowed_per_second: pace.unwrap_or_default(),
            last_hour: used.0,
            last_day: used.1,
            connector: self.id,
            name: self.name,
        }
    }

    fn condition(&self, stopped: bool) -> Condition {
        let behind = self.data_as_of.is_none_or(|at| self.now - at > BEHIND);
        match self.state.as_str() {
            _ if stopped => Condition::Stopped,
            _ if !self.enabled => Condition::Retired,
            "refused" => Condition::Refused,
            "failing" => Condition::Failing,
            // before the first sweep has ended our copy is not whole
            _ if self.last_sweep_at.is_none() => Condition::Loading,
            _ if behind => Condition::Behind,
            _ => Condition::Well,
        }
    }

    fn sweeps(&self) -> Sweeps {
        let read = |value: &Option<Value>| {
            let value = value.clone().filter(|value| !value.is_null())?;
            serde_json::from_value::<SweepFound>(value).ok()
        };
        Sweeps {
            ended_at: self.last_sweep_at,
            found: read(&self.last_sweep),
            under_way: read(&self.sweep),
            requested: self.requested,
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        let said = self.last_error.clone()?;
        let kind = self.last_error_kind.as_deref().and_then(TroubleKind::from_word);
        let kind = kind.unwrap_or(TroubleKind::Ours);
        Some(Trouble { kind, what: kind.what(), act: kind.act(), since: self.failed_since, said })
    }
}

/// Codes that are met now, most orders first, each with its story where it was written down already.
fn unmapped(now: &Value, met: Vec<Met>) -> Vec<Unmapped> {
    let mut stories: BTreeMap<String, Met> = met.into_iter().map(|met| (met.code.clone(), met)).collect();
    let story = |(code, count): (String, u64)| {
        let met = stories.remove(&code);
        Unmapped {
            first_seen_at: met.as_ref().map(|met| met.first_seen_at),
            last_seen_at: met.as_ref().map(|met| met.last_seen_at),
            example: met.map(|met| met.example),
            code,
            count,
        }
    };
    counts(now).into_iter().map(story).collect()
}

/// `{"word": count}`, the greatest first.
fn counts(value: &Value) -> Vec<(String, u64)> {
    let entries = value.as_object().into_iter().flatten();
    let mut counts: Vec<(String, u64)> =
        entries.map(|(word, count)| (word.clone(), count.as_u64().unwrap_or_default())).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

fn books(value: &Value) -> Vec<BooksPart> {
    let part = |(part, place): (&String, &Value)| BooksPart {
        part: part.clone(),
        swept_at: serde_json::from_value(place["swept_at"].clone()).ok(),
        error: place["error"].as_str().map(str::to_owned),
    };
    let parts = value.as_object().into_iter().flatten().map(part);
    // parts that are not mapped have neither
    parts.filter(|part| part.swept_at.is_some() || part.error.is_some()).collect()
}
