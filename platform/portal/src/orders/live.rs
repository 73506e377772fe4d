//! Live pages: tells open pages that something changed, so that they fetch themselves again.
//!
//! One listener a process hears the hints of the sync. A hint names a customer and an order, or a whole tenant: kept pages
//! of theirs are thrown away, and their streams ask, under their own customer wall, whether anything that they may see
//! has changed. They ask by themselves from time to time too, because a hint may be lost.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream;
use platform_connectors::sync::watch;
use platform_core::id::{CustomerId, OrderId, TenantId};
use platform_core::{Db, Error, Heed, Scope};
use platform_web::Keep;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store;

/// Hints that a slow stream may fall behind before it just looks.
const BACKLOG: usize = 1024;
/// Looks without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Hints that come together are one look.
const GATHER: Duration = Duration::from_millis(150);
/// How long somebody's interest in an order is remembered; renewed at half of it.
const INTEREST_SECONDS: u32 = 20;

/// The hub of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    db: Db,
    keep: Keep,
    hints: broadcast::Sender<Hint>,
    /// Ends every stream, so that a stopping server need not wait for its readers.
    end: CancellationToken,
}

/// Something of a tenant changed: an order of a customer, anything of a customer, or anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hint {
    tenant: TenantId,
    one: Option<(CustomerId, Option<Uuid>)>,
}

impl Hint {
    /// `TENANT:CUSTOMER:ORDER`, `TENANT:CUSTOMER` or `TENANT:*`.
    fn parse(payload: &str) -> Option<Self> {
        let (tenant, rest) = payload.split_once(':')?;
        let one = match rest.split_once(':') {
            Some((customer, order)) => Some((customer.parse().ok()?, Some(order.parse().ok()?))),
            None if rest == "*" => None,
            None => Some((rest.parse().ok()?, None)),
        };
        Some(Self { tenant: tenant.parse().ok()?, one })
    }
}

impl Live {
    /// `keep` holds pages of orders while hints are heard.
    #[must_use]
    pub fn new(db: Db, keep: Keep) -> Self {
        Self { db, keep, hints: broadcast::channel(BACKLOG).0, end: CancellationToken::new() }
    }

    /// Hears hints until shutdown, then ends all streams.
    pub async fn run(&self, shutdown: CancellationToken) {
        let heard = |heed: Heed<'_>| match heed {
            Heed::Open => self.keep.open(),
            Heed::Hint(payload) => self.pass_on(payload),
            Heed::Closed => self.keep.close(),
        };
        self.db.heed("orders", &shutdown, heard).await;
        self.end.cancel();
    }

    fn pass_on(&self, payload: &str) {
        if let Some(hint) = Hint::parse(payload) {
            self.keep.forget(hint.tenant, hint.one.map(|(customer, _)| customer));
            // Nobody listening is no fault.
            let _ = self.hints.send(hint);
        }
    }

    /// An event stream for one order, or for all that this customer sees. `still` asks whether the person may still
    /// listen; the stream ends when not.
    pub(super) fn stream<F, Fut>(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        order: Option<Uuid>,
        still: F,
    ) -> Response
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send,
    {
        let watch =
            Watch { live: self.clone(), hints: self.hints.subscribe(), tenant, customer, order, seen: None };
        let events = stream::unfold((watch, still), |(mut watch, still)| async move {
            let at = watch.next_change(&still).await?;
            let event = Event::default().data(at.timestamp_micros().to_string());
            Some((Ok::<_, Infallible>(event), (watch, still)))
        });
        let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
        Sse::new(events).keep_alive(keep_alive).into_response()
    }
}

/// One open stream.
struct Watch {
    live: Live,
    hints: broadcast::Receiver<Hint>,
    tenant: TenantId,
    customer: CustomerId,
    order: Option<Uuid>,
    /// The change that the page shows already; none before the first look.
    seen: Option<DateTime<Utc>>,
}

impl Watch {
    /// Waits for a change; none when the stream has to end.
    async fn next_change<F, Fut>(&mut self, still: &F) -> Option<DateTime<Utc>>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = bool> + Send,
    {
        loop {
            if !still().await {
                return None;
            }
            match self.look().await {
                Ok(Some(at)) if self.seen.is_none() => self.seen = Some(at),
                Ok(Some(at)) if self.seen != Some(at) => {
                    self.seen = Some(at);
                    // Found without its hint, perhaps: the page that is fetched now must show it.
                    self.live.keep.forget(self.tenant, Some(self.customer));
                    return Some(at);
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a stream could not look"),
            }
            let end = self.live.end.clone();
            tokio::select! {
                () = end.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.hint() => tokio::time::sleep(GATHER).await,
            }
        }
    }

    /// Waits for a hint that may concern this stream.
    async fn hint(&mut self) {
        loop {
            match self.hints.recv().await {
                Ok(hint) if hint.tenant != self.tenant => {}
                Ok(Hint { one: Some((customer, _)), .. }) if customer != self.customer => {}
                // What is no order's changes pages that nobody hears, or none at all: only kept ones are thrown away.
                Ok(Hint { one: Some((_, None)), .. }) => {}
                Ok(Hint { one: Some((_, Some(order))), .. })
                    if self.order.is_some_and(|own| own != order) => {}
                // Fallen behind: look.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn look(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let mut tx = self.live.db.tenant(Scope::customer(self.tenant, self.customer)).await?;
        if let Some(order) = self.order {
            watch(&mut tx, OrderId(order), INTEREST_SECONDS).await?;
        }
        let at = store::changed_at(&mut tx, self.order).await?;
        tx.commit().await?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::Hint;

    #[test]
    fn hints_are_read_and_nonsense_is_not() {
        let id = "01940000-0000-7000-8000-000000000001";
        assert!(Hint::parse(&format!("{id}:{id}:{id}")).is_some_and(|hint| hint.one.is_some()));
        assert!(Hint::parse(&format!("{id}:*")).is_some_and(|hint| hint.one.is_none()));
        let customer = Hint::parse(&format!("{id}:{id}")).and_then(|hint| hint.one);
        assert!(customer.is_some_and(|(_, order)| order.is_none()));
        for bad in ["", ":", "x:y", id, &format!("{id}:"), &format!("{id}:*:{id}")] {
            assert!(Hint::parse(bad).is_none(), "{bad}");
        }
    }
}
