//! Mails about requests: a job says that a state was reached, a slice says in which words and to whom.
//!
//! The job is written with the new state; the mails are written together with the mark that they are, so that a job which
//! runs twice tells once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use platform_core::id::{RequestId, TenantId};
use platform_core::jobs::{Failure, Job, Worker};
use platform_core::mail::{NewMail, Outbox};
use platform_core::{Db, Scope, TenantTx};
use serde::{Deserialize, Serialize};

use super::request::{Kind, Request, State};
use super::store;

/// A request has reached a state.
#[derive(Debug, Serialize, Deserialize)]
pub struct TellRequest {
    pub request: RequestId,
    pub state: State,
}

impl Job for TellRequest {
    const KIND: &'static str = "tell_request";
}

/// Mails on their way.
pub type Telling<'a> = Pin<Box<dyn Future<Output = Result<Vec<NewMail>, platform_core::Error>> + Send + 'a>>;

/// A slice's words for the requests that are its own.
pub trait Teller: Send + Sync + std::fmt::Debug {
    /// The kinds it knows.
    fn kinds(&self) -> &'static [Kind];

    /// The mails for a request that has reached `state`; none when nobody need be told. The transaction sees the tenant.
    fn mails<'a>(&'a self, tx: &'a mut TenantTx, request: &'a Request, state: State) -> Telling<'a>;
}

/// Writes the mails.
#[derive(Debug, Clone)]
pub struct Tell {
    db: Db,
    outbox: Outbox,
    tellers: Arc<[Arc<dyn Teller>]>,
}

impl Tell {
    #[must_use]
    pub fn new(db: Db, outbox: Outbox, tellers: Vec<Arc<dyn Teller>>) -> Self {
        Self { db, outbox, tellers: tellers.into() }
    }

    /// Teaches a worker to tell.
    #[must_use]
    pub fn register(self, worker: Worker) -> Worker {
        worker.on(move |tenant, job: TellRequest, _attempts| {
            let tell = self.clone();
            async move { tell.tell(tenant, &job).await }
        })
    }

    async fn tell(&self, tenant: TenantId, job: &TellRequest) -> Result<(), Failure> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let found =
            store::get(&mut tx, job.request).await.map_err(|error| Failure::Retry(error.to_string()))?;
        let Some(request) = found else { return Ok(()) };
        let Some(teller) = self.tellers.iter().find(|teller| teller.kinds().contains(&request.kind)) else {
            return Ok(());
        };
        if !mark(&mut tx, job).await? {
            return Ok(());
        }
        for mail in teller.mails(&mut tx, &request, job.state).await? {
            self.outbox.enqueue(&mut tx, &mail).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Notes that people were told; false when they were before.
async fn mark(tx: &mut TenantTx, job: &TellRequest) -> Result<bool, platform_core::Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update requests set told = array_append(told, $3) where tenant_id = $1 and id = $2 and not $3 = any(told)",
    );
    let done = done.bind(tenant).bind(job.request).bind(job.state.word()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}
