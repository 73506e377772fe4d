//! One order as a state machine: what each step does at the authority and what it leaves in the database. A step may be
//! repeated after a crash at any point: it looks at the authority's state first and never assumes its own.

use instant_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, NewOrder, OrderStatus};
use platform_core::db::System;
use platform_core::id;
use platform_core::secrets::Binding;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::challenges::{Answer, Kind};
use crate::issuer::Issuer;
use crate::store::OrderRow;
use crate::verdict::{StepError, Who, judge};
use crate::{certificate, challenges, installed, key, store};

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
            Step::New => self.make_key(),
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

    fn make_key(&mut self) -> Result<Next, StepError> {
        self.row.key_sealed = Some(self.issuer.sealer.seal(&binding(self.row.id), &key::generate()?));
        self.go(Step::Keyed)
    }

    async fn place(&mut self) -> Result<Next, StepError> {
        let names = [Identifier::Dns(self.row.host.clone())];
        let order = self.issuer.account().await?.new_order(&NewOrder::new(&names)).await?;
        self.row.order_url = Some(order.url().to_owned());
        self.row.orders += 1;
        self.remote = Some(order);
        self.go(Step::Ordered)
    }

    /// Writes the answers of all open challenges. The caller commits the step together with them.
    async fn store_answers(&mut self) -> Result<Next, StepError> {
        if let Some(step) = self.ahead(Look::Known).await? {
            return self.go(step);
        }
        let mut answers = Vec::new();
        let host = self.row.host.clone();
        let order = self.remote().await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let challenge = authorization.challenge(ChallengeType::Http01).ok_or_else(no_http01)?;
            answers.push(Answer {
                host: host.clone(),
                kind: Kind::Http01,
                token: challenge.token.clone(),
                text: challenge.key_authorization().as_str().to_owned(),
            });
        }
        let mut tx = self.issuer.db.system(System::Certificates).await?;
        if !store::holds(&mut tx, &self.row).await? {
            return Err(StepError::Lost);
        }
        for answer in &answers {
            challenges::put(&mut tx, self.row.id, answer, self.issuer.clock.now()).await?;
        }
        tx.commit().await?;
        self.go(Step::Challenged)
    }

    /// Tells the authority to look at the answers.
    async fn invite(&mut self) -> Result<Next, StepError> {
        let order = self.remote().await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or_else(no_http01)?;
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
        let unusable = |text: String| StepError::Verdict(Who::Authority, text);
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
        let directory = &self.issuer.config.directory;
        let new = installed::New {
            id,
            host: &self.row.host,
            chain: pem,
            key_sealed: &key_sealed,
            directory,
            facts: &facts,
        };
        let now = self.issuer.clock.now();
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

    /// Why an order became invalid: the exact words are in its challenge.
    async fn reason(&mut self) -> Result<StepError, StepError> {
        let order = self.remote().await?;
        let whole = order.state().error.as_ref().map(judge);
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let state = authorization.refresh().await?;
            if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
                // Whatever the kind, the order itself is lost.
                return Ok(match judge(problem) {
                    StepError::Later(who, text) | StepError::Verdict(who, text) => {
                        StepError::Verdict(who, text)
                    }
                    _ => StepError::Verdict(Who::Authority, problem.to_string()),
                });
            }
        }
        let silent = || {
            StepError::Verdict(
                Who::Authority,
                "the order is invalid and the authority does not say why".into(),
            )
        };
        Ok(match whole {
            Some(StepError::Later(who, text) | StepError::Verdict(who, text)) => {
                StepError::Verdict(who, text)
            }
            _ => silent(),
        })
    }

    async fn remote(&mut self) -> Result<&mut instant_acme::Order, StepError> {
        if self.remote.is_none() {
            let url = self.row.order_url.clone();
            let url =
                url.ok_or_else(|| StepError::Verdict(Who::Us, "the order has no address".to_owned()))?;
            self.remote = Some(self.issuer.account().await?.order(url).await?);
        }
        Ok(self.remote.as_mut().expect("just filled"))
    }

    fn key(&self) -> Result<Vec<u8>, StepError> {
        let sealed = self.row.key_sealed.as_deref();
        let sealed = sealed.ok_or_else(|| StepError::Verdict(Who::Us, "the order has no key".to_owned()))?;
        Ok(self.issuer.sealer.open(&binding(self.row.id), sealed)?)
    }
}

/// Where the key of an order is sealed; installing seals it anew for the certificate's row.
fn binding(id: Uuid) -> Binding {
    Binding { table: "acme_orders", column: "key_sealed", tenant: None, row: id }
}

fn no_http01() -> StepError {
    StepError::Verdict(Who::Us, "the authority offers no HTTP-01 challenge for this name".to_owned())
}
