//! Sessions of the console: the cookie's secret looked up, kept in memory for as long as ends are heard of, as those of
//! contacts are.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use platform_core::id::{SessionId, StaffId, TenantId};
use platform_core::{Db, Error as CoreError, Scope};
use platform_web::{Capabilities, Viewer, Visit};

use super::arrival::{Arrival, KnownStaff, Standing};
use super::role::StaffRole;
use super::store;
use crate::sessions::{Cache, Key, Seen, touch_later};

/// Finds and ends sessions of the console. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StaffSessions {
    db: Db,
    cache: Arc<Cache<Found>>,
}

#[derive(Debug, Clone)]
struct Found {
    known: Arc<KnownStaff>,
    viewer: Viewer,
}

impl StaffSessions {
    pub(crate) fn new(db: Db, unheard: Duration) -> Self {
        Self { db, cache: Arc::new(Cache::new(unheard)) }
    }

    /// Ends are heard of from now on, or no longer.
    pub(crate) fn listen(&self, heard: bool) {
        self.cache.listen(heard);
    }

    /// Forgets everybody of a tenant, or of all.
    pub(crate) fn forget_tenant(&self, tenant: Option<TenantId>) {
        self.cache.remove(|found| tenant.is_none_or(|tenant| found.known.tenant == tenant));
    }

    /// Forgets what is in memory about a session that was just changed.
    pub(super) fn forget(&self, session: SessionId) {
        self.cache.remove(|found| found.known.session == session);
    }

    /// Forgets what is in memory about a person.
    pub(super) fn forget_person(&self, staff: StaffId) {
        self.cache.remove(|found| found.known.id == staff);
    }

    /// Puts the [`Arrival`] of the cookie into the request. Only who is wholly in is shown on pages.
    pub(crate) async fn recognise(&self, visit: &Visit, request: &mut Request) -> Result<(), CoreError> {
        let Some(key) = Key::of(visit) else { return Ok(()) };
        if let Some(found) = self.find(&key).await? {
            if found.known.standing == Standing::Whole {
                visit.recognise(found.viewer);
            }
            request.extensions_mut().insert(Arrival::new(found.known));
        }
        Ok(())
    }

    async fn find(&self, key: &Key) -> Result<Option<Found>, CoreError> {
        if let Some(found) = self.cache.get(key) {
            return Ok(Some(found));
        }
        let asked = self.cache.ask();
        let mut tx = self.db.tenant(Scope::tenant(key.tenant())).await?;
        let Some(row) = store::sessions::find(&mut tx, key.token(), key.host()).await? else {
            return Ok(None);
        };
        drop(tx);
        if row.quiet {
            touch_later(&self.db, key.tenant(), Seen::Staff(row.id));
        }
        let left = Duration::try_from_secs_f64(row.seconds_left).unwrap_or_default();
        let found = found(key.tenant(), row)?;
        self.cache.put(key.clone(), found.clone(), asked, left);
        Ok(Some(found))
    }
}

fn found(tenant: TenantId, row: store::sessions::Row) -> Result<Found, CoreError> {
    let role = StaffRole::parse(&row.role)?;
    let capabilities = role.capabilities();
    let person =
        themes::Person { name: row.name.clone(), email: row.email.clone(), customer: row.tenant_name };
    let known = KnownStaff {
        tenant,
        session: row.id,
        id: row.staff_id,
        name: row.name,
        email: row.email,
        role,
        capabilities,
        has_factor: row.has_factor,
        standing: Standing::of(role, row.has_factor, row.proved_at.is_some()),
        proved_at: row.proved_at,
    };
    let viewer = Viewer {
        person,
        locale: None,
        zone: None,
        capabilities: Capabilities::default(),
        staff: capabilities,
    };
    Ok(Found { known: Arc::new(known), viewer })
}
