//! The platform's account at the authority. Its key is stored, sealed, before the account exists; registering the same
//! key again finds the same account, so nodes that start together and restarts never make a second one.

use instant_acme::{Account, Key};
use platform_core::db::System;
use platform_core::id;
use platform_core::secrets::Binding;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use uuid::Uuid;

use crate::issuer::Issuer;
use crate::verdict::StepError;
use crate::{key, store};

fn binding(id: Uuid) -> Binding {
    Binding { table: "acme_accounts", column: "key_sealed", tenant: None, row: id }
}

impl Issuer {
    /// The account, registered at the first use in this process. Never on the way of a request: it talks to the authority.
    pub(crate) async fn account(&self) -> Result<Account, StepError> {
        let mut known = self.account.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let account = self.register().await?;
        *known = Some(account.clone());
        Ok(account)
    }

    /// Forgets the account in memory; the next step registers its key again (the authority was reset or swapped).
    pub(crate) async fn forget_account(&self) {
        *self.account.lock().await = None;
    }

    async fn register(&self) -> Result<Account, StepError> {
        let directory = &self.config.directory;
        let new_id = id::uuid(&*self.clock, &*self.random);
        let sealed = self.sealer.seal(&binding(new_id), &key::generate()?);
        let mut tx = self.db.system(System::Certificates).await?;
        let row = store::account(&mut tx, new_id, directory, &sealed, self.clock.now()).await?;
        tx.commit().await?;

        let pkcs8 = PrivatePkcs8KeyDer::from(self.sealer.open(&binding(row.id), &row.key_sealed)?);
        let signing = Key::from_pkcs8_der(pkcs8.clone_key())?;
        let (account, _) = Account::builder_with_http(Box::new(self.wire.clone()))
            .create_from_key((signing, PrivateKeyDer::Pkcs8(pkcs8)), directory.clone())
            .await?;
        if row.account_url.as_deref() != Some(account.id()) {
            self.introduce(&account, row.id).await?;
        }
        Ok(account)
    }

    /// Tells a new account's contact and writes down its address.
    async fn introduce(&self, account: &Account, row: Uuid) -> Result<(), StepError> {
        let contact = self.config.contact.as_deref();
        if let Some(contact) = contact {
            let uri =
                if contact.starts_with("mailto:") { contact.to_owned() } else { format!("mailto:{contact}") };
            account.update_contacts(&[&uri]).await?;
        }
        let mut tx = self.db.system(System::Certificates).await?;
        store::registered(&mut tx, row, account.id(), contact, self.clock.now()).await?;
        tx.commit().await?;
        tracing::info!(account = account.id(), "registered at the certificate authority");
        Ok(())
    }
}
