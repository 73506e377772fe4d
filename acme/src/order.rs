//! One order as a state machine: what each step does at the authority and what it leaves in the database. A step may be
//! repeated after a crash at any point: it looks at the authority's state first and never assumes its own.

use instant_acme::{
    AuthorizationStatus, CertificateIdentifier, ChallengeStatus, Identifier, NewOrder, OrderStatus,
};
use platform_core::db::{System, SystemTx};
use platform_core::id;
use platform_core::secrets::Binding;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::budget::{Bucket, Lane, Taken, delta};
use crate::challenges::{Answer, Kind};
use crate::issuer::Issuer;
use crate::store::OrderRow;
use crate::verdict::{Cause, StepError, Who, blames_replaces, judge};
use crate::{certificate, challenges, installed, key, proof, store};

/// How far an order has got. Each name is what is already in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Step {
    New,
    /// The certificate's key is stored.
    Keyed,
    /// The order's address is stored.
    Ordered,
    /// The answers are stored.
    Challenged,
    /// The authority was told to look.
    Answered,
    /// The authority is satisfied.
    Ready,
    /// The signing request was sent.
    Finalized,
    /// The certificate is installed.
    Done,
    /// Nobody wants it any more.
    Dropped,
}

/// What a step says about the next one.
#[derive(Debug)]
pub(crate) enum Next {
    /// The order has a new step: commit it and go on.
    Go,
    /// Nothing new yet: look again.
    Poll,
    /// As `Go`, and committed already.
    Kept,
    /// Installed; committed already.
    Finished,
}

/// Whether what was last seen of an order is good enough.
#[derive(Clone, Copy)]
enum Look {
    Known,
    Again,
}

/// One order in the hands of one worker.
pub(crate) struct Work<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) row: OrderRow,
    /// The order as last seen at the authority; fetched anew after a fault or a restart.
    pub(crate) remote: Option<instant_acme::Order>,
}

impl Work<'_> {
    /// Does what the present step asks for.
    pub(crate) async fn step(&mut self) -> Result<Next, StepError> {
        match self.row.step {
            Step::New => self.prepare().await,
            Step::Keyed => self.place().await,
            Step::Ordered => self.store_answers().await,
            Step::Challenged => self.invite().await,
            Step::Answered => self.poll().await,
            Step::Ready => self.finalize().await,
            Step::Finalized => self.fetch().await,
            Step::Done | Step::Dropped => Ok(Next::Finished),
        }
    }

    fn go(&mut self, step: Step) -> Result<Next, StepError> {
        self.row.step = step;
        Ok(Next::Go)
    }

    /// Looks whether an order has a chance, takes what it costs, and makes the certificate's key.
    async fn prepare(&mut self) -> Result<Next, StepError> {
        let kind =
            *self.row.challenge.get_or_insert_with(|| proof::first(&self.row.host, &self.issuer.config));
        // Where a certificate is about to expire, the authority's own word is worth more than ours.
        if self.row.lane != Lane::Urgent {
            let look = self.issuer.precheck.look(&self.row.host, kind).await;
            look.map_err(|objection| StepError::Unready(objection.who, objection.text))?;
        }
        let mut tx = self.issuer.db.system(System::Certificates).await?;
        self.take_tokens(&mut tx).await?;
        self.row.key_sealed = Some(self.issuer.sealer.seal(&binding(self.row.id), &key::generate()?));
        self.keep(tx, Step::Keyed).await
    }

    /// Writes the order with its next step into a transaction that belongs to the step, and commits both.
    async fn keep(&mut self, tx: SystemTx, step: Step) -> Result<Next, StepError> {
        let before = std::mem::replace(&mut self.row.step, step);
        let kept = self.commit(tx).await;
        if kept.is_err() {
            // What was to lie beside the step is not there either.
            self.row.step = before;
        }
        kept?;
        Ok(Next::Kept)
    }

    async fn commit(&self, mut tx: SystemTx) -> Result<(), StepError> {
        let now = self.issuer.clock.now();
        let lease = now + delta(self.issuer.config.lease);
        if !store::save(&mut tx, &self.row, now, Some(lease), None).await? {
            return Err(StepError::Lost);
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes a token of every bucket that the order draws on, or fails: then the transaction takes none.
    async fn take_tokens(&self, tx: &mut SystemTx) -> Result<(), StepError> {
        let (now, lane) = (self.issuer.clock.now(), self.row.lane);
        let limits = self.issuer.authority(&self.row.directory)?.limits;
        // A renewal that has not failed yet has no failures to count.
        let counts = self.row.replaces.is_none() || self.row.attempts > 0;
        if let (Some(limit), true) = (limits.failures, counts) {
            let failures = Bucket::failures(&self.row.directory, &self.row.host, limit);
            let free = failures.free_at(tx, lane, now).await?;
            if free > now {
                return Err(StepError::Wait(Some(free)));
            }
        }
        for bucket in self.drawn_on()? {
            if let Taken::NotBefore(at) = bucket.take(tx, Lane::Urgent, now).await? {
                return Err(StepError::Wait(Some(at)));
            }
        }
        if let (true, Some(limit)) = (self.row.spends, limits.orders) {
            let orders = Bucket::orders(&self.row.directory, limit);
            if orders.take(tx, lane, now).await? != Taken::Yes {
                return Err(StepError::Wait(None));
            }
        }
        Ok(())
    }

    /// The buckets that the authority charges when it issues.
    fn drawn_on(&self) -> Result<Vec<Bucket<'_>>, StepError> {
        let (row, limits) = (&self.row, self.issuer.authority(&self.row.directory)?.limits);
        if row.replaces.is_some() && !row.spends {
            return Ok(Vec::new());
        }
        let set = limits.set.map(|limit| Bucket::set(&row.directory, &row.host, limit));
        let domain = limits.domain.filter(|_| row.spends);
        let domain = domain.map(|limit| Bucket::domain(&row.directory, &row.host, limit));
        Ok(set.into_iter().chain(domain).collect())
    }

    /// Gives back what the authority charges only for a certificate, of an order that never became one.
    pub(crate) async fn give_back(&self, tx: &mut SystemTx) -> Result<(), StepError> {
        if matches!(self.row.step, Step::New | Step::Finalized) {
            return Ok(());
        }
        for bucket in self.drawn_on()? {
            bucket.give_back(tx).await?;
        }
        Ok(())
    }

    async fn place(&mut self) -> Result<Next, StepError> {
        let names = [Identifier::Dns(self.row.host.clone())];
        let account = self.issuer.account(&self.row.directory).await?;
        let mut new = NewOrder::new(&names);
        if let Some(profile) = self.issuer.profile(&account, &self.row.directory)? {
            new = new.profile(profile);
        }
        let replaces = self.row.replaces.clone();
        if let Some((aki, serial)) = replaces.as_deref().and_then(|id| id.split_once('.')) {
            new = new.replaces(CertificateIdentifier {
                authority_key_identifier: aki.into(),
                serial: serial.into(),
            });
        }
        let order = match account.new_order(&new).await {
            Err(error) if replaces.is_some() && blames_replaces(&error) => {
                return self.place_without_replaces(&error);
            }
            order => order?,
        };
        self.row.order_url = Some(order.url().to_owned());
        self.row.orders += 1;
        self.remote = Some(order);
        self.go(Step::Ordered)
    }

    /// The authority objects to `replaces`: without it the order is like any other, and costs what any other costs. With
    /// it the certificate might never be renewed.
    fn place_without_replaces(&mut self, error: &instant_acme::Error) -> Result<Next, StepError> {
        tracing::warn!(host = %self.row.host, %error, "the authority does not take `replaces`: ordering without");
        self.row.replaces = None;
        self.row.spends = !self.issuer.authority(&self.row.directory)?.limits.renewals_free;
        self.go(Step::New)
    }

    /// Writes the answers of all open challenges and the step in one commit.
    async fn store_answers(&mut self) -> Result<Next, StepError> {
        if let Some(step) = self.ahead(Look::Known).await? {
            return self.go(step);
        }
        let mut answers: Vec<Answer> = Vec::new();
        let wished = self.row.challenge.unwrap_or(Kind::Http01);
        let order = self.remote().await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Pending {
                answers.push(proof::answer(&mut authorization, wished)?);
            }
        }
        // What the authority offers decides: it may know fewer kinds than we do.
        self.row.challenge = answers.first().map_or(self.row.challenge, |answer| Some(answer.kind));
        let mut tx = self.issuer.db.system(System::Certificates).await?;
        for answer in &answers {
            challenges::put(&mut tx, self.row.id, answer, self.issuer.clock.now()).await?;
        }
        self.keep(tx, Step::Challenged).await
    }

    /// Tells the authority to look at the answers.
    async fn invite(&mut self) -> Result<Next, StepError> {
        let wished = self.row.challenge.unwrap_or(Kind::Http01);
        if wished == Kind::Dns01 && !proof::publish(self.issuer, &self.row.host).await? {
            return Ok(Next::Poll);
        }
        let order = self.remote().await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = authorization
                .challenge(proof::wire_name(wished))
                .ok_or_else(|| proof::not_offered(wished))?;
            if challenge.status == ChallengeStatus::Pending {
                challenge.set_ready().await?;
            }
        }
        self.go(Step::Answered)
    }

    async fn poll(&mut self) -> Result<Next, StepError> {
        match self.ahead(Look::Again).await? {
            Some(step) => self.go(step),
            None => Ok(Next::Poll),
        }
    }

    async fn finalize(&mut self) -> Result<Next, StepError> {
        match self.ahead(Look::Known).await? {
            Some(Step::Ready) => {}
            Some(step) => return self.go(step),
            None => return self.go(Step::Ordered),
        }
        let key = self.key()?;
        let request = key::signing_request(&self.row.host, &key)?;
        self.remote().await?.finalize_csr(&request).await?;
        self.go(Step::Finalized)
    }

    async fn fetch(&mut self) -> Result<Next, StepError> {
        match self.ahead(Look::Known).await? {
            Some(Step::Finalized) => {}
            // The signing request never arrived.
            Some(step) => return self.go(step),
            None => return self.go(Step::Ordered),
        }
        let Some(pem) = self.remote().await?.certificate().await? else { return Ok(Next::Poll) };
        self.install(&pem).await?;
        Ok(Next::Finished)
    }

    /// Installs the certificate and ends the order in one commit.
    async fn install(&mut self, pem: &str) -> Result<(), StepError> {
        let unusable = |text: String| StepError::Verdict(Who::Authority, text, Cause::Refusal);
        let chain = certificate::chain(pem).map_err(|error| unusable(error.to_string()))?;
        let facts = certificate::facts(&chain).map_err(|error| unusable(error.to_string()))?;
        if !certificate::covers(&facts.names, &self.row.host) && !facts.names.contains(&self.row.host) {
            return Err(unusable(format!("the certificate is for {:?}", facts.names)));
        }
        let key = self.key()?;
        self.issuer
            .configs
            .serving(chain, key::for_tls(key.clone()))
            .map_err(|error| unusable(format!("the certificate is not usable: {error}")))?;

        let id = id::uuid(&*self.issuer.clock, &*self.issuer.random);
        let key_sealed = self.issuer.sealer.seal(&installed::binding(id), &key);
        let now = self.issuer.clock.now();
        let ari_next = facts.ari_id.is_some().then(|| now + self.issuer.first_ari_look());
        let new = installed::New {
            id,
            host: &self.row.host,
            chain: pem,
            key_sealed: &key_sealed,
            directory: &self.row.directory,
            facts: &facts,
            ari_next,
        };
        self.issuer.compare_profile(&self.row, &facts);
        let mut finished = self.row.clone();
        (finished.step, finished.key_sealed, finished.attempts) = (Step::Done, None, 0);
        let mut tx = self.issuer.db.system(System::Certificates).await?;
        if !store::save(&mut tx, &finished, now, None, Some(now)).await? {
            return Err(StepError::Lost);
        }
        installed::install(&mut tx, &new, now).await?;
        challenges::remove(&mut tx, self.row.id).await?;
        tx.commit().await?;
        tracing::info!(host = %self.row.host, serial = facts.serial, until = %facts.not_after, "certificate installed");
        if self.row.challenge == Some(Kind::Dns01) {
            proof::withdraw(self.issuer, &self.row.host).await;
        }
        Ok(())
    }

    /// Where the order stands at the authority, if that is past the answering.
    async fn ahead(&mut self, look: Look) -> Result<Option<Step>, StepError> {
        let order = self.remote().await?;
        let state = match look {
            Look::Known => order.state(),
            Look::Again => order.refresh().await?,
        };
        match state.status {
            OrderStatus::Pending => Ok(None),
            OrderStatus::Ready => Ok(Some(Step::Ready)),
            OrderStatus::Processing | OrderStatus::Valid => Ok(Some(Step::Finalized)),
            OrderStatus::Invalid => Err(self.reason().await?),
        }
    }

    /// Why an order became invalid: the exact words are in its challenge. Whatever the kind, the order itself is lost.
    async fn reason(&mut self) -> Result<StepError, StepError> {
        let order = self.remote().await?;
        let whole = order.state().error.as_ref().map(judge);
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let state = authorization.refresh().await?;
            if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
                return Ok(judge(problem).final_word());
            }
        }
        let silent = "the order is invalid and the authority does not say why";
        Ok(whole
            .unwrap_or_else(|| StepError::Verdict(Who::Authority, silent.to_owned(), Cause::Refusal))
            .final_word())
    }

    async fn remote(&mut self) -> Result<&mut instant_acme::Order, StepError> {
        if self.remote.is_none() {
            let url = self.row.order_url.clone();
            let url = url.ok_or_else(|| StepError::ours("the order has no address"))?;
            self.remote = Some(self.issuer.account(&self.row.directory).await?.order(url).await?);
        }
        Ok(self.remote.as_mut().expect("just filled"))
    }

    fn key(&self) -> Result<Vec<u8>, StepError> {
        let sealed = self.row.key_sealed.as_deref();
        let sealed = sealed.ok_or_else(|| StepError::ours("the order has no key"))?;
        Ok(self.issuer.sealer.open(&binding(self.row.id), sealed)?)
    }
}

/// Where the key of an order is sealed; installing seals it anew for the certificate's row.
fn binding(id: Uuid) -> Binding {
    Binding { table: "acme_orders", column: "key_sealed", tenant: None, row: id }
}
