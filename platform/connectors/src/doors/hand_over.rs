//! The hand-over of one request, as a job: begin, do it with no transaction open, note what became of it.
//!
//! A crash between the two repeats the hand-over under the same id. A door that does not answer is left alone for a moment,
//! so that one tenant's system that is away does not hold the hand-overs of all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use platform_core::audit::Actor;
use platform_core::clock::Clock;
use platform_core::guard::Guard;
use platform_core::id::{DoorId, RequestId, TenantId};
use platform_core::jobs::{Failure, Worker};
use platform_core::mail::Outbox;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope, TenantTx, tenants};

use super::file::Folder;
use super::inbox::Inbox;
use super::mail::Operations;
use super::webhook::Webhook;
use super::{Doing, Door, Message, NewDoor, Opened, Settings, Verdict, answered, registry, signature};
use crate::requests::{self, HandOver, State, Step};
use crate::stops::{self, Stop};

/// A door has this long for one request.
const LIMIT: Duration = Duration::from_secs(20);
/// After a failure nobody tries for so long.
const REST: Duration = Duration::from_secs(2);

/// What doors need to know of the installation.
#[derive(Debug, Clone)]
pub struct DoorsConfig {
    /// Portals are at `SLUG.base_domain`.
    pub base_domain: String,
    pub public_port: u16,
    /// Plain HTTP to this very machine is allowed: the demo and tests.
    pub loopback: bool,
}

/// All doors of the installation. Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) db: Db,
    pub(super) sealer: Sealer,
    pub(super) outbox: Outbox,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    config: DoorsConfig,
    /// Doors with their connections, as they were at this change.
    known: Mutex<HashMap<DoorId, Known>>,
}

#[derive(Clone)]
struct Known {
    changed_at: DateTime<Utc>,
    door: Arc<dyn Door>,
    resting_until: Option<Instant>,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Doors {
    #[must_use]
    pub fn new(
        db: Db,
        sealer: Sealer,
        outbox: Outbox,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        config: DoorsConfig,
    ) -> Self {
        let known = Mutex::new(HashMap::new());
        Self { inner: Arc::new(Inner { db, sealer, outbox, clock, random, config, known }) }
    }

    /// Teaches a worker to hand over. Best a worker of its own: a door may be slow, and sign-in mails may not.
    #[must_use]
    pub fn register(&self, worker: Worker) -> Worker {
        let doors = self.clone();
        worker.on(move |tenant, job: HandOver, _attempts| {
            let doors = doors.clone();
            async move { doors.hand_over(tenant, job.request).await }
        })
    }

    /// Sets up a door after looking at its settings; without a secret a new key is made. Returns the secret's words for
    /// the other side, where it needs them.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn set(
        &self,
        tenant: TenantId,
        kind: requests::Kind,
        settings: &Settings,
        secret: Option<&str>,
    ) -> Result<Option<String>, String> {
        settings.check(self.inner.config.loopback)?;
        let made = signature::new_secret(&*self.inner.random);
        let secret = match (settings, secret) {
            (Settings::Inbox { .. }, None) => return Err("the inbox's address is missing".to_owned()),
            (Settings::Webhook { .. }, Some(secret)) if !signature::is_secret(secret) => {
                return Err("the key is not whsec_ and 24 to 64 bytes in base64".to_owned());
            }
            (_, given) => given.unwrap_or(&made),
        };
        let id = DoorId::new(&*self.inner.clock, &*self.inner.random);
        let new = NewDoor { id, kind, settings, secret };
        let done = async {
            let mut tx = self.inner.db.tenant(Scope::tenant(tenant)).await?;
            registry::put(&mut tx, &self.inner.sealer, &new).await?;
            tx.commit().await
        };
        done.await.map_err(|error: platform_core::Error| error.to_string())?;
        Ok(matches!(settings, Settings::Webhook { .. }).then(|| secret.to_owned()))
    }

    /// Looks whether a tenant's door would open; changes nothing on the other side.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn test(&self, tenant: TenantId, kind: requests::Kind) -> Result<String, String> {
        let found = async {
            let mut tx = self.inner.db.tenant(Scope::tenant(tenant)).await?;
            let opened = registry::find(&mut tx, &self.inner.sealer, kind).await?;
            let stop = match &opened {
                Some(opened) => halted(&mut tx, opened).await?,
                None => None,
            };
            Ok::<_, platform_core::Error>((opened, stop, tenant_words(&mut tx).await?))
        };
        let (opened, stop, words) = found.await.map_err(|error| error.to_string())?;
        let opened = opened.ok_or_else(|| format!("no door is set up for {kind}"))?;
        if let Some(stop) = stop {
            return Err(waits_for(&stop));
        }
        let door = self.door(tenant, &opened, &words)?;
        self.within(tenant, &opened, LIMIT, door.test()).await
    }

    /// Waits for a door as long as it may take, and not longer than until somebody uses the kill switch. An insert whose
    /// answer nobody waited for is there or not; it is repeated under the same id.
    pub(super) async fn within<T>(
        &self,
        tenant: TenantId,
        opened: &Opened,
        limit: Duration,
        doing: Doing<'_, T>,
    ) -> Result<T, String> {
        let stopped = async {
            match opened.settings {
                Settings::Inbox { .. } => stops::until_any(&self.inner.db, tenant).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            done = doing => done,
            stop = stopped => Err(waits_for(&stop)),
            () = tokio::time::sleep(limit) => Err(format!("no end within {} s", limit.as_secs())),
        }
    }

    async fn hand_over(&self, tenant: TenantId, id: RequestId) -> Result<(), Failure> {
        let Some((opened, request, words)) = self.begin(tenant, id).await.map_err(|error| later(&error))?
        else {
            return Ok(());
        };
        let message = Message::of(&request);
        let outcome = match self.door(tenant, &opened, &words) {
            Ok(_) if self.is_resting(opened.id) => {
                Err("the other side did not answer a moment ago".to_owned())
            }
            Ok(door) => self.within(tenant, &opened, LIMIT, door.hand_over(&message)).await,
            Err(fault) => Err(fault),
        };
        self.note(tenant, &opened, id, &outcome).await.map_err(|error| later(&error))?;
        outcome.map(|_| ()).map_err(Failure::Retry)
    }

    /// What is to be handed over, and where; none when there is nothing, or no door. Then the request says so.
    async fn begin(
        &self,
        tenant: TenantId,
        id: RequestId,
    ) -> Result<Option<(Opened, requests::Request, TenantWords)>, requests::Error> {
        let mut tx = self.inner.db.tenant(Scope::tenant(tenant)).await?;
        let Some(request) = requests::get(&mut tx, id).await? else { return Ok(None) };
        let opened = registry::find(&mut tx, &self.inner.sealer, request.kind).await?;
        let Some(opened) = opened.filter(|opened| opened.enabled) else {
            let reason = format!("no door is open for requests of the kind {}", request.kind);
            tracing::warn!(%tenant, request = %id, reason, "a request waits");
            requests::note_failure(&mut tx, id, &reason).await?;
            tx.commit().await?;
            // The reconciler asks again as soon as there is one.
            return Ok(None);
        };
        if let Some(stop) = halted(&mut tx, &opened).await? {
            requests::note_failure(&mut tx, id, &waits_for(&stop)).await?;
            tx.commit().await?;
            return Ok(None);
        }
        let words = tenant_words(&mut tx).await?;
        let begun = requests::begin_hand_over(&mut tx, id).await?;
        tx.commit().await?;
        Ok(begun.map(|request| (opened, request, words)))
    }

    async fn note(
        &self,
        tenant: TenantId,
        opened: &Opened,
        id: RequestId,
        outcome: &Result<Option<Verdict>, String>,
    ) -> Result<(), requests::Error> {
        let (clock, random) = (&*self.inner.clock, &*self.inner.random);
        let mut tx = self.inner.db.tenant(Scope::tenant(tenant)).await?;
        match outcome {
            Err(reason) => {
                self.rest(opened.id);
                requests::note_failure(&mut tx, id, reason).await?;
                registry::note(&mut tx, opened.id, Some(reason)).await?;
            }
            Ok(verdict) => {
                let step = Step::to(State::HandedOver, Actor::System);
                requests::advance(&mut tx, clock, random, id, &step).await?;
                if let Some(verdict) = verdict {
                    answered(&mut tx, clock, random, id, verdict).await?;
                }
                if opened.failing {
                    registry::note(&mut tx, opened.id, None).await?;
                    registry::hurry(&mut tx, opened.kind).await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    /// The door with its connections, made anew when its settings have changed.
    pub(super) fn door(
        &self,
        tenant: TenantId,
        opened: &Opened,
        words: &TenantWords,
    ) -> Result<Arc<dyn Door>, String> {
        let mut known = self.inner.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = known.get(&opened.id).filter(|found| found.changed_at == opened.changed_at) {
            return Ok(found.door.clone());
        }
        let door = self.make(tenant, opened, words)?;
        let fresh = Known { changed_at: opened.changed_at, door: door.clone(), resting_until: None };
        known.insert(opened.id, fresh);
        Ok(door)
    }

    fn make(&self, tenant: TenantId, opened: &Opened, words: &TenantWords) -> Result<Arc<dyn Door>, String> {
        let (config, secret) = (&self.inner.config, &opened.secret);
        Ok(match &opened.settings {
            Settings::Inbox { table } => Arc::new(Inbox::new(secret, table)?),
            Settings::Webhook { url, allow_private, ca_file } => {
                let guard = if *allow_private { Guard::Any } else { Guard::Public };
                let (where_to, clock) = ((guard, config.loopback), self.inner.clock.clone());
                Arc::new(Webhook::new(url, where_to, ca_file.as_deref(), secret, clock)?)
            }
            Settings::Mail { to, attach } => Arc::new(Operations {
                db: self.inner.db.clone(),
                outbox: self.inner.outbox.clone(),
                clock: self.inner.clock.clone(),
                tenant,
                door: opened.id,
                secret: secret.clone(),
                to: to.clone(),
                attach: *attach,
                origin: origin(config, &words.slug),
                tenant_name: words.name.clone(),
            }),
            Settings::File { folder } => Arc::new(Folder::new(folder)),
        })
    }

    fn is_resting(&self, id: DoorId) -> bool {
        let known = self.inner.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&id).and_then(|door| door.resting_until).is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self, id: DoorId) {
        let mut known = self.inner.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(door) = known.get_mut(&id) {
            door.resting_until = Some(Instant::now() + REST);
        }
    }
}

/// The stop that a door has to heed: only inbox tables lie in the order system.
pub(super) async fn halted(tx: &mut TenantTx, opened: &Opened) -> Result<Option<Stop>, platform_core::Error> {
    match opened.settings {
        Settings::Inbox { .. } => stops::any(tx).await,
        _ => Ok(None),
    }
}

fn waits_for(stop: &Stop) -> String {
    format!(
        "{} has stopped everything towards the order system ({}); this waits until it is resumed",
        stop.stopped_by, stop.reason
    )
}

/// What mails to operations say of the tenant.
pub(super) struct TenantWords {
    slug: String,
    name: String,
}

pub(super) async fn tenant_words(tx: &mut TenantTx) -> Result<TenantWords, platform_core::Error> {
    let tenant = tenants::current(tx).await?;
    let (slug, name) = tenant.map_or_else(Default::default, |tenant| (tenant.slug, tenant.name));
    Ok(TenantWords { slug, name })
}

fn origin(config: &DoorsConfig, slug: &str) -> String {
    let port = if config.public_port == 443 { String::new() } else { format!(":{}", config.public_port) };
    format!("https://{slug}.{}{port}", config.base_domain)
}

fn later(error: &requests::Error) -> Failure {
    Failure::Retry(error.to_string())
}
