//! Mails that a worker writes: no request stands behind them, so look, language and address come from the tenant's row and
//! the reader's own.

use std::sync::Arc;
use std::time::Duration;

use platform_core::Error;
use platform_core::clock::Clock;
use platform_core::id::TenantId;
use platform_core::mail::NewMail;
use themes::{MailPage, Shell, Themes, View};

use crate::{Brands, Look};

/// Writes them. Cheap to clone.
#[derive(Clone)]
pub struct Letters {
    brands: Brands,
    themes: Arc<Themes>,
    clock: Arc<dyn Clock>,
    base_domain: String,
    public_port: u16,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").field("base_domain", &self.base_domain).finish_non_exhaustive()
    }
}

/// Who reads a letter.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    pub email: &'a str,
    pub name: &'a str,
    /// None: the tenant's.
    pub locale: Option<&'a str>,
}

impl Letters {
    /// Portals are at `SLUG.base_domain`, at this port.
    #[must_use]
    pub fn new(
        brands: Brands,
        themes: Arc<Themes>,
        clock: Arc<dyn Clock>,
        (base_domain, public_port): (&str, u16),
    ) -> Self {
        Self { brands, themes, clock, base_domain: base_domain.to_owned(), public_port }
    }

    /// The look of a tenant as it is stored now: nobody tells a worker of changes, and a letter is kept for long.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn look(&self, tenant: TenantId) -> Result<Option<Arc<Look>>, Error> {
        self.brands.refresh().await?;
        self.brands.look(tenant).await
    }

    /// The tenant's own host.
    #[must_use]
    pub fn host(&self, look: &Look) -> String {
        format!("{}.{}", look.slug, self.base_domain)
    }

    /// Where links to a host begin.
    #[must_use]
    pub fn origin(&self, host: &str) -> String {
        match self.public_port {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        }
    }

    /// A page as a mail from the tenant, in the reader's language. Its body is erased after `keep`.
    ///
    /// # Errors
    /// A template that does not render: a fault of the program.
    pub fn write<M: MailPage>(
        &self,
        look: &Look,
        to: Addressee<'_>,
        page: &M,
        keep: Duration,
    ) -> Result<NewMail, Error> {
        let (locale, shell) = (self.themes.locale(to.locale.unwrap_or(&look.locale)), Shell::default());
        let view = View { skin: &look.skin, locale, zone: look.zone, now: self.clock.now(), shell: &shell };
        let mail = self
            .themes
            .mail(&view, page)
            .map_err(|error| Error::Corrupt { what: "mail", reason: error.to_string() })?;
        Ok(NewMail {
            to_address: to.email.to_owned(),
            to_name: to.name.to_owned(),
            from_name: look.name.clone(),
            reply_to: None,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            keep_body: keep,
        })
    }
}
