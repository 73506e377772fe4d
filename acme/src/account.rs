//! The platform's account at each authority. Its key is stored, sealed, before the account exists; registering the same
//! key again finds the same account, so nodes that start together and restarts never make a second one.
//!
//! The address of the account never changes, and customers may name it in CAA records: so the account is never left for
//! another, only its key is changed. A roll-over stores the new key first, then tells the authority, then puts it in the
//! old one's place; whoever finds a stored new key asks the authority which of the two it knows.

use instant_acme::{Account, Key};
use platform_core::db::System;
use platform_core::id;
use platform_core::secrets::Binding;
use rustls::pki_types::PrivatePkcs8KeyDer;
use uuid::Uuid;

use crate::authority::{Authority, ExternalAccount};
use crate::issuer::Issuer;
use crate::jws::{Directory, Signer};
use crate::key;
use crate::store::{self, AccountRow};
use crate::verdict::StepError;

/// An account in the memory of this process.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) account: Account,
    pub(crate) key_version: i32,
}

/// Why an account's key was not rolled over. Nothing is lost: the next try goes on where this one ended.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RollError(String);

fn key_at(id: Uuid) -> Binding {
    Binding { table: "acme_accounts", column: "key_sealed", tenant: None, row: id }
}

fn next_key_at(id: Uuid) -> Binding {
    Binding { table: "acme_accounts", column: "next_key_sealed", tenant: None, row: id }
}

fn external_at(id: Uuid) -> Binding {
    Binding { table: "acme_accounts", column: "eab_sealed", tenant: None, row: id }
}

impl Issuer {
    /// The account, registered at the first use in this process. Never on the way of a request: it talks to the authority.
    pub(crate) async fn account(&self, directory: &str) -> Result<Account, StepError> {
        let mut known = self.accounts.lock().await;
        if let Some(known) = known.get(directory) {
            return Ok(known.account.clone());
        }
        let fresh = self.register(self.authority(directory)?).await?;
        known.insert(directory.to_owned(), fresh.clone());
        Ok(fresh.account)
    }

    /// Forgets the account in memory; the next step registers its key again (the authority was reset or swapped).
    pub(crate) async fn forget_account(&self, directory: &str) {
        self.accounts.lock().await.remove(directory);
    }

    /// Whether another process has rolled the key over since we read it; then ours is forgotten.
    pub(crate) async fn key_was_changed(&self, directory: &str) -> Result<bool, StepError> {
        let mut tx = self.db.system(System::Certificates).await?;
        let stored = store::key_version(&mut tx, directory).await?;
        drop(tx);
        let mut known = self.accounts.lock().await;
        let changed = known.get(directory).is_some_and(|known| Some(known.key_version) != stored);
        if changed {
            known.remove(directory);
        }
        Ok(changed)
    }

    /// Gives the account at an authority a new key, or ends a roll-over that a crash has left in the middle.
    ///
    /// # Errors
    /// The authority's or the database's answer; a second call goes on.
    pub async fn roll_account_key(&self, directory: &str) -> Result<(), RollError> {
        self.account(directory).await.map_err(|error| RollError(error.to_string()))?;
        self.roll(directory).await.map_err(|error| RollError(error.to_string()))
    }

    async fn roll(&self, directory: &str) -> Result<(), StepError> {
        let next = key::generate()?;
        let mut tx = self.db.system(System::Certificates).await?;
        let Some(row) = store::account_of(&mut tx, directory).await? else {
            return Err(StepError::NoAccount);
        };
        let sealed = self.sealer.seal(&next_key_at(row.id), &next);
        let row = store::keep_next_key(&mut tx, row.id, &sealed).await?;
        tx.commit().await?;
        self.tell_next_key(directory, &row).await?;
        self.forget_account(directory).await;
        tracing::info!(authority = directory, "the account has a new key");
        Ok(())
    }

    /// Tells the authority the stored next key, unless it knows it already, and puts it in the old one's place.
    async fn tell_next_key(&self, directory: &str, row: &AccountRow) -> Result<(), StepError> {
        let (Some(next), Some(account)) = (&row.next_key_sealed, row.account_url.as_deref()) else {
            return Err(StepError::NoAccount);
        };
        let next = self.sealer.open(&next_key_at(row.id), next)?;
        let old = self.sealer.open(&key_at(row.id), &row.key_sealed)?;
        let (old, new) = (Signer::from_pkcs8(&old)?, Signer::from_pkcs8(&next)?);
        let wire = self.wire(directory)?;
        let addresses = Directory::read(&wire, directory).await?;
        match addresses.register(&wire, &new, None, true).await {
            Ok(known) if known == account => {}
            Ok(other) => {
                return Err(StepError::ours(format!("the new key belongs to another account, {other}")));
            }
            // It does not know the key yet.
            Err(StepError::NoAccount | StepError::Verdict(..)) => {
                addresses.change_key(&wire, account, &old, &new).await?;
            }
            Err(error) => return Err(error),
        }
        let sealed = self.sealer.seal(&key_at(row.id), &next);
        let mut tx = self.db.system(System::Certificates).await?;
        store::take_next_key(&mut tx, row.id, row.key_version, &sealed).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn register(&self, authority: &Authority) -> Result<Known, StepError> {
        let directory = &authority.directory;
        let mut row = self.stored_account(authority).await?;
        if row.next_key_sealed.is_some() && row.account_url.is_some() {
            self.tell_next_key(directory, &row).await?;
            row = self.stored_account(authority).await?;
        }
        let pkcs8 = self.sealer.open(&key_at(row.id), &row.key_sealed)?;
        let wire = self.wire(directory)?;
        let addresses = Directory::read(&wire, directory).await?;
        let signer = Signer::from_pkcs8(&pkcs8)?;
        let external = self.external(authority, &row)?;
        let address = addresses.register(&wire, &signer, external.as_ref(), false).await?;
        let pkcs8 = PrivatePkcs8KeyDer::from(pkcs8);
        Key::from_pkcs8_der(pkcs8.clone_key())?;
        let account =
            Account::builder_with_http(Box::new(wire)).from_parts(address, pkcs8, directory.clone()).await?;
        if row.account_url.as_deref() != Some(account.id()) {
            self.introduce(authority, &account, row.id).await?;
        }
        Ok(Known { account, key_version: row.key_version })
    }

    /// The stored account of an authority; a new one gets a key.
    async fn stored_account(&self, authority: &Authority) -> Result<AccountRow, StepError> {
        let directory = &authority.directory;
        let mut tx = self.db.system(System::Certificates).await?;
        if let Some(row) = store::account_of(&mut tx, directory).await? {
            return Ok(row);
        }
        let new_id = id::uuid(&*self.clock, &*self.random);
        let sealed = self.sealer.seal(&key_at(new_id), &key::generate()?);
        let external = authority.external.as_ref();
        let secret = external.map(|known| self.sealer.seal(&external_at(new_id), &known.hmac));
        let new = store::NewAccount {
            id: new_id,
            directory,
            key_sealed: &sealed,
            eab_kid: external.map(|known| known.kid.as_str()),
            eab_sealed: secret.as_deref(),
        };
        let row = store::account(&mut tx, &new, self.clock.now()).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The external account: what the configuration says, else what was stored at the first registration.
    fn external(
        &self,
        authority: &Authority,
        row: &AccountRow,
    ) -> Result<Option<ExternalAccount>, StepError> {
        if let Some(external) = &authority.external {
            return Ok(Some(external.clone()));
        }
        let (Some(kid), Some(sealed)) = (&row.eab_kid, &row.eab_sealed) else { return Ok(None) };
        let hmac = self.sealer.open(&external_at(row.id), sealed)?;
        Ok(Some(ExternalAccount { kid: kid.clone(), hmac }))
    }

    /// Tells a new account's contact and writes down its address.
    async fn introduce(&self, authority: &Authority, account: &Account, row: Uuid) -> Result<(), StepError> {
        let contact = authority.contact.as_deref();
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
