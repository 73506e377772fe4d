//! How each tenant looks and speaks, kept in memory: filled at start, refreshed by the hint `tenants` and, because a
//! hint may be lost, every minute. A tenant made a moment ago is read when it is first asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
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
    /// Of the brand: grows with each change.
    pub version: i64,
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
            version: tenant.brand_version,
            locale: tenant.locale,
            zone,
            modules: tenant.modules,
            name: tenant.name,
        }
    }

    /// Deriving a skin costs a millisecond, so an unchanged one is kept.
    fn is_of(&self, tenant: &Tenant) -> bool {
        self.version == tenant.brand_version
            && self.name == tenant.name
            && self.slug == tenant.slug
            && self.active == (tenant.status == "active")
            && self.locale == tenant.locale
            && self.zone.name() == tenant.time_zone
            && self.modules == tenant.modules
    }
}

type Looks = HashMap<TenantId, Arc<Look>>;

/// The looks of all tenants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Brands {
    db: Db,
    looks: Arc<ArcSwap<Looks>>,
}

impl Brands {
    /// Reads all tenants.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn load(db: Db) -> Result<Self, Error> {
        let brands = Self { db, looks: Arc::default() };
        brands.refresh().await?;
        Ok(brands)
    }

    /// The look of a tenant; none when there is no such tenant.
    ///
    /// # Errors
    /// The database's answer, for a tenant that is not in memory yet.
    pub async fn look(&self, tenant: TenantId) -> Result<Option<Arc<Look>>, Error> {
        if let Some(look) = self.looks.load().get(&tenant) {
            return Ok(Some(Arc::clone(look)));
        }
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let Some(found) = tenants::current(&mut tx).await? else { return Ok(None) };
        let look = Arc::new(Look::of(found));
        self.looks.rcu(|looks| {
            let mut looks = Looks::clone(looks);
            looks.insert(tenant, Arc::clone(&look));
            looks
        });
        Ok(Some(look))
    }

    /// Reads all tenants again; unchanged ones stay as they are.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn refresh(&self) -> Result<(), Error> {
        let mut tx = self.db.system(System::Boot).await?;
        let tenants = tenants::all(&mut tx).await?;
        drop(tx);
        let known = self.looks.load_full();
        let fresh = tenants.into_iter().map(|tenant| {
            let kept = known.get(&tenant.id).filter(|look| look.is_of(&tenant)).cloned();
            (tenant.id, kept.unwrap_or_else(|| Arc::new(Look::of(tenant))))
        });
        self.looks.store(Arc::new(fresh.collect()));
        Ok(())
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
            while self.wait(hints.as_mut()).await {
                if let Err(error) = self.refresh().await {
                    tracing::warn!(%error, "the tenants could not be read again");
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
