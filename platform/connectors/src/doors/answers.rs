//! The reconciler of doors: every few seconds it asks what became of requests that were handed over, and looks after
//! requests that nobody hands over. It remembers nothing: several nodes may run it at once, and one that was killed loses
//! nothing.

use std::time::Duration;

use platform_core::db::System;
use platform_core::id::{RequestId, TenantId};
use platform_core::{Scope, TenantTx};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::hand_over::{halted, tenant_words};
use super::{Doors, Opened, Verdict, answered, registry};
use crate::requests::{self, Kind};

const PAUSE: Duration = Duration::from_secs(3);
/// One door has this long; a system that is away holds nobody else.
const LIMIT: Duration = Duration::from_secs(60);
/// Asked about in one statement.
const AT_ONCE: usize = 500;

impl Doors {
    /// Works until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut running: JoinSet<(TenantId, Kind)> = JoinSet::new();
        let mut busy: Vec<(TenantId, Kind)> = Vec::new();
        while !shutdown.is_cancelled() {
            match self.everywhere().await {
                Ok(doors) => {
                    for (tenant, kind) in doors {
                        if busy.contains(&(tenant, kind)) {
                            continue;
                        }
                        busy.push((tenant, kind));
                        let doors = self.clone();
                        running.spawn(async move {
                            doors.look_after(tenant, kind).await;
                            (tenant, kind)
                        });
                    }
                }
                Err(error) => tracing::warn!(%error, "doors could not be listed"),
            }
            let pause = tokio::time::sleep(PAUSE);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    Some(done) = running.join_next() => match done {
                        Ok(door) => busy.retain(|known| *known != door),
                        // A panic: which door it was is not told, so all are looked at again.
                        Err(_) => busy.clear(),
                    },
                    () = &mut pause => break,
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }

    async fn everywhere(&self) -> Result<Vec<(TenantId, Kind)>, platform_core::Error> {
        let mut tx = self.inner.db.system(System::Sync).await?;
        let rows = registry::everywhere(&mut tx).await?;
        rows.into_iter().map(|(tenant, kind)| Ok((tenant, kind.parse()?))).collect()
    }

    async fn look_after(&self, tenant: TenantId, kind: Kind) {
        match tokio::time::timeout(LIMIT, self.reconcile(tenant, kind)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%tenant, %kind, %error, "a door could not be looked after"),
            Err(_) => tracing::warn!(%tenant, %kind, "a door took too long"),
        }
    }

    /// One round for one door: asks for hand-overs that nobody works on, and for answers. Returns how many requests moved.
    ///
    /// # Errors
    /// The database's answer. What the other side says or does not say is noted with the door.
    pub async fn reconcile(&self, tenant: TenantId, kind: Kind) -> Result<usize, requests::Error> {
        let inner = &self.inner;
        let mut tx = inner.db.tenant(Scope::tenant(tenant)).await?;
        let opened = registry::find(&mut tx, &inner.sealer, kind).await?;
        let Some(opened) = opened.filter(|opened| opened.enabled) else { return Ok(0) };
        if halted(&mut tx, &opened).await?.is_some() {
            return Ok(0);
        }
        requests::retry(&mut tx, &*inner.clock, &*inner.random, kind).await?;
        let words = tenant_words(&mut tx).await?;
        let open = requests::handed_over(&mut tx, kind).await?;
        tx.commit().await?;
        let answers = match self.door(tenant, &opened, &words) {
            Ok(door) => self.within(tenant, &opened, LIMIT, Box::pin(ask(&*door, &open))).await,
            Err(fault) => Err(fault),
        };
        self.bring(tenant, &opened, answers).await
    }

    async fn bring(
        &self,
        tenant: TenantId,
        opened: &Opened,
        answers: Result<Option<Vec<(RequestId, Verdict)>>, String>,
    ) -> Result<usize, requests::Error> {
        let inner = &self.inner;
        let mut tx = inner.db.tenant(Scope::tenant(tenant)).await?;
        let answers = match answers {
            Err(reason) => {
                registry::note(&mut tx, opened.id, Some(&reason)).await?;
                tx.commit().await?;
                return Ok(0);
            }
            Ok(None) => return Ok(0),
            Ok(Some(answers)) => answers,
        };
        if opened.failing {
            registry::note(&mut tx, opened.id, None).await?;
            registry::hurry(&mut tx, opened.kind).await?;
            tx.commit().await?;
        }
        let mut moved = 0;
        for (id, verdict) in answers {
            // One transaction an answer: one that may not be does not hold the others.
            let mut tx = inner.db.tenant(Scope::tenant(tenant)).await?;
            match self.one(&mut tx, id, &verdict).await {
                Ok(true) => {
                    tx.commit().await?;
                    moved += 1;
                }
                Ok(false) => {}
                Err(requests::Error::Core(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(%tenant, request = %id, %error, "an answer does not fit"),
            }
        }
        Ok(moved)
    }

    async fn one(
        &self,
        tx: &mut TenantTx,
        id: RequestId,
        verdict: &Verdict,
    ) -> Result<bool, requests::Error> {
        answered(tx, &*self.inner.clock, &*self.inner.random, id, verdict).await
    }
}

/// Asks in portions; with nothing open still once, which shows whether the other side is there.
async fn ask(
    door: &dyn super::Door,
    open: &[RequestId],
) -> Result<Option<Vec<(RequestId, Verdict)>>, String> {
    let Some(mut answers) = door.answers(&open[..open.len().min(AT_ONCE)]).await? else { return Ok(None) };
    for portion in open.chunks(AT_ONCE).skip(1) {
        answers.extend(door.answers(portion).await?.unwrap_or_default());
    }
    Ok(Some(answers))
}
