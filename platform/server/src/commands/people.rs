//! `portico customer` and `portico contact`: a tenant's customers and their people.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_core::Scope;
use platform_core::id::{ContactId, CustomerId, TenantId};
use platform_core::tenants;
use serde_json::json;

use super::answer;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Customer {
    /// Creates a customer, or renames the one with this account number.
    Create(CreateCustomer),
}

#[derive(Debug, Args)]
pub(crate) struct CreateCustomer {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The company's name.
    #[arg(long)]
    name: String,
    /// Its account number in the tenant's own systems; orders find their customer by it.
    #[arg(long)]
    external_key: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Contact {
    /// Creates a contact, or changes the one with this address at this customer.
    Create(CreateContact),
}

#[derive(Debug, Args)]
pub(crate) struct CreateContact {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The customer's account number.
    #[arg(long)]
    customer: String,
    /// The address that signs in.
    #[arg(long)]
    email: String,
    /// The person's name.
    #[arg(long)]
    name: String,
    /// What the person may do: admin, champion or user.
    #[arg(long, default_value = "user", value_parser = ["admin", "champion", "user"])]
    role: String,
    /// The person's language, when it is not the tenant's.
    #[arg(long)]
    locale: Option<String>,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

/// The tenant with this slug.
pub(crate) async fn tenant_id(stack: &Stack, slug: &str) -> anyhow::Result<TenantId> {
    let mut tx = stack.db.system(platform_core::System::Boot).await?;
    let tenants = tenants::all(&mut tx).await?;
    let known = tenants.iter().map(|tenant| tenant.slug.as_str()).collect::<Vec<_>>().join(", ");
    let tenant = tenants.iter().find(|tenant| tenant.slug == slug);
    Ok(tenant.with_context(|| format!("there is no tenant {slug:?}; there are: {known}"))?.id)
}

impl Customer {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let Self::Create(new) = self;
        let tenant = tenant_id(stack, &new.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let id = CustomerId::new(&*stack.clock, &*stack.random);
        let id = tenants::upsert_customer(&mut tx, id, &new.name, &new.external_key).await?;
        tx.commit().await?;
        answer(
            new.json,
            &json!({ "id": id, "name": new.name }),
            &format!("customer {} ({})", new.name, new.external_key),
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Contact {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let Self::Create(new) = self;
        let tenant = tenant_id(stack, &new.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let customer = tenants::customer_by_key(&mut tx, &new.customer).await?;
        let customer = customer
            .with_context(|| format!("there is no customer with account number {:?}", new.customer))?;
        let contact = tenants::Contact {
            id: ContactId::new(&*stack.clock, &*stack.random),
            customer_id: customer.id,
            email: new.email.clone(),
            name: new.name.clone(),
            role: new.role.clone(),
            locale: new.locale.clone(),
            active: true,
        };
        let id =
            tenants::upsert_contact(&mut tx, &contact).await.map_err(|error| match error.constraint() {
                Some("contacts_email_shape") => anyhow::anyhow!("{:?} is not a mail address", new.email),
                _ => error.into(),
            })?;
        tx.commit().await?;
        answer(
            new.json,
            &json!({ "id": id, "email": new.email }),
            &format!("contact {} <{}>", new.name, new.email),
        );
        Ok(ExitCode::SUCCESS)
    }
}
