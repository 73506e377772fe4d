//! `portico tenant`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use platform_core::id::TenantId;
use platform_core::tenants::{self, NewTenant};
use serde_json::json;
use themes::{Brand, samples};

use super::answer;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Creates a tenant, or brings the one with this slug to these values. Its portal is served at once at
    /// `<slug>.<base_domain>`, over a certificate that is ordered by itself.
    Create(Create),
    /// Lists the tenants.
    List(List),
    /// Stops serving a tenant's portal from the next request on.
    Suspend(Status),
    /// Serves it again.
    Resume(Status),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The first label of the portal's host: letters, digits, dashes.
    #[arg(long)]
    slug: String,
    /// The vendor's name, as its customers know it.
    #[arg(long)]
    name: String,
    /// A ready-made brand (techflow, lumen, harrow), or a JSON file with one.
    #[arg(long, default_value = "harrow")]
    brand: String,
    /// The language where nobody asked for another.
    #[arg(long, default_value = "en")]
    locale: String,
    /// The zone that dates are shown in, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// Portal features to switch on, parted by commas.
    #[arg(long, value_delimiter = ',')]
    modules: Vec<String>,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The tenant's slug.
    slug: String,
}

impl Tenant {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(new) => create(stack, new).await,
            Self::List(list) => show(stack, list.json).await,
            Self::Suspend(status) => set_status(stack, &status.slug, "suspended").await,
            Self::Resume(status) => set_status(stack, &status.slug, "active").await,
        }
    }
}

async fn create(stack: &Stack, new: &Create) -> anyhow::Result<ExitCode> {
    if new.time_zone.parse::<chrono_tz::Tz>().is_err() {
        bail!("{:?} is not a time zone such as Europe/Berlin", new.time_zone);
    }
    if tenant_router::domains::is_reserved_slug(&new.slug) {
        bail!("{:?} is kept for the platform itself; choose another slug", new.slug);
    }
    let brand = serde_json::to_value(brand(new)?)?;
    let mut tx = stack.db.operator("cli", "tenant create").await?;
    let tenant = NewTenant {
        id: TenantId::new(&*stack.clock, &*stack.random),
        slug: &new.slug,
        name: &new.name,
        locale: &new.locale,
        time_zone: &new.time_zone,
        modules: &new.modules,
        brand: &brand,
    };
    let id = tenants::upsert(&mut tx, &tenant).await.map_err(|error| match error.constraint() {
        Some("tenants_slug_shape") => {
            anyhow::anyhow!("{:?} is not a slug: letters a-z, digits and inner dashes, 40 at most", new.slug)
        }
        Some("tenants_name_shape") => anyhow::anyhow!("a name has 1 to 120 characters"),
        _ => error.into(),
    })?;
    tx.commit().await?;
    let host = format!("{}.{}", new.slug, stack.config.platform.base_domain);
    answer(new.json, &json!({ "id": id, "host": host }), &format!("tenant {} at https://{host}", new.name));
    Ok(ExitCode::SUCCESS)
}

/// A ready-made brand by name, or one from a file, under the tenant's own name.
fn brand(new: &Create) -> anyhow::Result<Brand> {
    let brand = match new.brand.as_str() {
        "techflow" => samples::techflow(),
        "lumen" => samples::lumen(),
        "harrow" => samples::harrow(),
        file => {
            let text = std::fs::read_to_string(file).with_context(|| {
                format!("{file:?} is neither techflow, lumen or harrow nor a file that can be read")
            })?;
            serde_json::from_str(&text).with_context(|| format!("{file} is not a brand"))?
        }
    };
    Ok(Brand { name: new.name.clone(), ..brand })
}

async fn show(stack: &Stack, json: bool) -> anyhow::Result<ExitCode> {
    let mut tx = stack.db.system(platform_core::System::Boot).await?;
    let tenants = tenants::all(&mut tx).await?;
    let mut lines = vec![format!("{:20} {:30} {:10} modules", "slug", "name", "status")];
    lines.extend(
        tenants
            .iter()
            .map(|t| format!("{:20} {:30} {:10} {}", t.slug, t.name, t.status, t.modules.join(","))),
    );
    let value =
        tenants.iter().map(|t| json!({ "id": t.id, "slug": t.slug, "name": t.name, "status": t.status }));
    answer(json, &value.collect(), &lines.join("\n"));
    Ok(ExitCode::SUCCESS)
}

async fn set_status(stack: &Stack, slug: &str, status: &str) -> anyhow::Result<ExitCode> {
    let mut tx = stack.db.operator("cli", &format!("tenant {status}")).await?;
    if !tenants::set_status(&mut tx, slug, status).await? {
        Err(anyhow::anyhow!("there is no tenant {slug:?}")).context("nothing was changed")?;
    }
    tx.commit().await?;
    answer(false, &json!({}), &format!("{slug} is {status}"));
    Ok(ExitCode::SUCCESS)
}
