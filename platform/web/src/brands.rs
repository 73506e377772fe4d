//! How each tenant looks and speaks: read when a tenant is first asked for, then kept in memory until it changes, which
//! the hint `tenants` tells and, because a hint may be lost, a look every minute.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use chrono_tz::Tz;
use platform_core::id::TenantId;
use platform_core::tenants::{self, Tenant};
use platform_core::{Db, Error, Scope, System};
use themes::{Brand, Skin};

const EVERY: Duration = Duration::from_secs(60);

/// One tenant, ready for rendering.
#[derive(Debug)]
pub struct Look {
    pub tenant: TenantId,
    pub slug: String,
    /// The vendor's name: `From` of mails, titles.
    pub name: String,
    pub active: bool,
    pub skin: Skin,
    /// Of the stored row; another one after each change.
    version: i64,
    pub locale: String,
    pub zone: Tz,
    /// Features that are switched on.
    pub modules: Vec<String>,
}

impl Look {
    #[must_use]
    pub fn has_module(&self, module: &str) -> bool {
        self.modules.iter().any(|known| known == module)
    }

    fn of(tenant: Tenant) -> Self {
        let brand = serde_json::from_value::<Brand>(tenant.brand).unwrap_or_else(|error| {
            tracing::warn!(tenant = %tenant.id, %error, "the stored brand is not readable; the neutral one stands in");
            Brand { name: tenant.name.clone(), ..Brand::neutral() }
        });
        let zone = tenant.time_zone.parse().unwrap_or_else(|_| {
            tracing::warn!(tenant = %tenant.id, zone = tenant.time_zone, "unknown time zone; UTC stands in");
            Tz::UTC
        });
        Self {
            tenant: tenant.id,
            slug: tenant.slug,
            active: tenant.status == "active",
            skin: Skin::new(brand),
            version: tenant.row_version,
            locale: tenant.locale,
            zone,
            modules: tenant.modules,
            name: tenant.name,
        }
    }
}

type Looks = HashMap<TenantId, Arc<Look>>;

/// The looks of the tenants that were asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Brands {
    db: Db,
    // Read on every request and written once a tenant: a copy of the map for each new tenant would cost the square of them.
    looks: Arc<RwLock<Looks>>,
}

impl Brands {
    /// Nothing is read before it is asked for, so a start costs the same with a hundred thousand tenants as with ten.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, looks: Arc::default() }
    }

    /// The look of a tenant; none when there is no such tenant.
    ///
    /// # Errors
    /// The database's answer, for a tenant that is not in memory yet.
    pub async fn look(&self, tenant: TenantId) -> Result<Option<Arc<Look>>, Error> {
        let known = self.looks.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let Some(found) = tenants::current(&mut tx).await? else { return Ok(None) };
        drop(tx);
        let look = Arc::new(Look::of(found));
        self.write().insert(tenant, Arc::clone(&look));
        Ok(Some(look))
    }

    /// Forgets the looks of tenants that have changed; they are read when they are next asked for.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn refresh(&self) -> Result<(), Error> {
        let known: Vec<TenantId> =
            self.looks.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let mut tx = self.db.system(System::Boot).await?;
        let current: HashMap<_, _> = tenants::versions(&mut tx, &known).await?.into_iter().collect();
        drop(tx);
        let asked: HashSet<_> = known.into_iter().collect();
        // What came meanwhile is newer than the question.
        self.write().retain(|id, look| !asked.contains(id) || current.get(id) == Some(&look.version));
        Ok(())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Looks> {
        self.looks.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the looks fresh for as long as it runs. Never returns; the composition drops it.
    pub async fn keep_fresh(&self) {
        loop {
            let mut hints = match self.db.listen(&["tenants"]).await {
                Ok(hints) => Some(hints),
                Err(error) => {
                    tracing::warn!(%error, "no hints of changed tenants; looking every minute");
                    None
                }
            };
            // Looks first: what changed while nobody listened sent its hint to nobody.
            loop {
                if let Err(error) = self.refresh().await {
                    tracing::warn!(%error, "the tenants could not be read again");
                }
                if !self.wait(hints.as_mut()).await {
                    break;
                }
            }
        }
    }

    /// Until a hint or a minute has passed; false when the hints must be opened anew.
    async fn wait(&self, hints: Option<&mut sqlx::postgres::PgListener>) -> bool {
        let Some(hints) = hints else {
            tokio::time::sleep(EVERY).await;
            return false;
        };
        match tokio::time::timeout(EVERY, hints.recv()).await {
            Ok(Ok(_)) | Err(_) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the hints of changed tenants broke off");
                tokio::time::sleep(Duration::from_secs(1)).await;
                false
            }
        }
    }
}
