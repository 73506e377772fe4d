//! The dry run of a mapping on a connector that is there: within the source's budget, counted, and never while somebody
//! has stopped it. Writes nothing but what it cost.

use std::sync::Arc;
use std::time::Duration;

use platform_core::clock::Clock;
use platform_core::id::{ConnectorId, TenantId};
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, Scope};
use serde::Serialize;

use super::check::{Located, located};
use super::compare::{Compared, compared};
use crate::mapping::Mapping;
use crate::orderflow::dry_run::{Report, dry_run};
use crate::orderflow::{Limits, Link, SqlSource};
use crate::orders::{OrderSource as _, Selection, SourceError, SourceOrder};
use crate::registry;
use crate::stops::{self, Stop};
use crate::usage::{Account, DRY_RUN};

/// What a dry run found.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// Whether the sync would start with it.
    pub ready: bool,
    /// With any of these the sync would not start.
    pub faults: Vec<Located>,
    pub advice: Vec<Located>,
    /// The sampled orders, as they are shown now and as they would be.
    pub compared: Vec<Compared>,
    /// What it cost the source.
    pub statements: u64,
    pub seconds: f64,
    pub report: Report,
}

/// Why there was none.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("there is no such connector")]
    Unknown,
    /// Nobody sends the source a statement now.
    #[error("{} has stopped everything towards the order system ({})", .0.stopped_by, .0.reason)]
    Stopped(Stop),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// One connection, slowly: the sync goes on beside it.
const PER_SECOND: u32 = 20;

/// Tries a mapping against a connector's source.
///
/// # Errors
/// [`TrialError`]; what is wrong with the mapping itself is in the answer.
pub async fn trial(
    db: &Db,
    sealer: &Sealer,
    clock: Arc<dyn Clock>,
    (tenant, connector): (TenantId, ConnectorId),
    text: &str,
) -> Result<Trial, TrialError> {
    let mut tx = db.tenant(Scope::tenant(tenant)).await?;
    let list = registry::list(&mut tx).await?;
    let known = list.into_iter().find(|known| known.id == connector).ok_or(TrialError::Unknown)?;
    if let Some(stop) = stops::open(&mut tx, connector).await? {
        return Err(TrialError::Stopped(stop));
    }
    let url = registry::url(&mut tx, sealer, connector).await?.ok_or(TrialError::Unknown)?;
    drop(tx);
    let account = Account::new(db.clone(), clock, tenant, connector);
    let link = Arc::new(Link::limited(&url, limits(&known.mapping), Arc::clone(&account.meter))?);
    let tried = tokio::select! {
        tried = on_link(&link, &known.mapping, text) => tried.map_err(TrialError::Source),
        stop = stops::until(db, tenant, connector) => Err(TrialError::Stopped(stop)),
    };
    link.close().await;
    let cost = account.settle().await;
    tried.map(|trial| Trial { statements: cost.statements, seconds: cost.busy.as_secs_f64(), ..trial })
}

/// What the active mapping allows, and no more than usual where it allows everything.
fn limits(active: &str) -> Limits {
    let allowed = Mapping::parse(active).map(|mapping| mapping.pace.statements_per_second);
    let per_second = allowed.ok().filter(|allowed| *allowed > 0).unwrap_or(PER_SECOND).min(PER_SECOND);
    Limits { connections: 1, pause: Duration::from_secs(1) / per_second, counted_as: Some(DRY_RUN) }
}

async fn on_link(link: &Arc<Link>, active: &str, text: &str) -> Result<Trial, SourceError> {
    let report = dry_run(Arc::clone(link), text).await?;
    let before =
        if active == text { report.sample.clone() } else { shown_now(link, active, &report).await? };
    Ok(Trial {
        ready: report.is_ready(),
        faults: located(text, report.faults.clone()),
        advice: located(text, report.advice.clone()),
        compared: compared(&before, &report.sample),
        statements: 0,
        seconds: 0.0,
        report,
    })
}

/// The sampled orders by the active mapping; none where it does not fit, which is why people edit it.
async fn shown_now(link: &Arc<Link>, active: &str, report: &Report) -> Result<Vec<SourceOrder>, SourceError> {
    let keys: Vec<String> = report.sample.iter().map(|order| order.key.clone()).collect();
    let Ok(mapping) = Mapping::parse(active) else { return Ok(Vec::new()) };
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let read = async {
        let source = SqlSource::open(Arc::clone(link), mapping).await?;
        source.read(&Selection::Keys(keys), None).await
    };
    match read.await {
        Ok(page) => Ok(page.orders),
        Err(SourceError::Misfit(_) | SourceError::Refused(_)) => Ok(Vec::new()),
        Err(trouble) => Err(trouble),
    }
}
