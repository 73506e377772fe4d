//! Port 80: answers to the certificate authority first, then a redirect of known hosts to HTTPS, else the neutral page.
//! No tenant's page is ever sent in clear.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, header};
use platform_core::db::{Db, Error};
use tokio::sync::Semaphore;

use crate::authority::authority;
use crate::host::Host;
use crate::layer::Gate;
use crate::neutral::{self, Refusal};
use crate::table::Kind;

/// Challenge look-ups at the same time; more would let a stranger take the database's connections.
const LOOKUPS: usize = 8;

/// What answers on the plain port.
#[derive(Debug)]
pub(crate) struct Plain {
    gate: Arc<Gate>,
    db: Db,
    lookups: Semaphore,
}

impl Plain {
    pub(crate) fn new(gate: Arc<Gate>, db: Db) -> Self {
        Self { gate, db, lookups: Semaphore::new(LOOKUPS) }
    }

    pub(crate) async fn serve(&self, request: Request<()>) -> Response<Body> {
        let refuse = |refusal| neutral::answer(&*self.gate.pages, refusal, request.version());
        let Ok(authority) = authority(&request) else { return refuse(Refusal::BadAuthority) };
        if let Some(token) = request.uri().path().strip_prefix(acme::challenges::PREFIX) {
            let possible =
                matches!(*request.method(), Method::GET | Method::HEAD) && acme::challenges::is_token(token);
            if !possible {
                return refuse(Refusal::Unknown);
            }
            return match self.challenge(&authority.host, token).await {
                Ok(Some(answer)) => answer,
                Ok(None) => refuse(Refusal::Unknown),
                Err(error) => {
                    tracing::warn!(host = %authority.host, %error, "a challenge could not be looked up");
                    refuse(Refusal::Waiting)
                }
            };
        }
        match self.gate.table.with(&authority.host, |known| known.kind.clone()) {
            Some(Kind::Live) => self.gate.redirect(&authority.host, &request),
            Some(Kind::RedirectTo(to)) => self.gate.redirect(&to, &request),
            Some(Kind::Waiting) => refuse(Refusal::Waiting),
            Some(Kind::Suspended) => refuse(Refusal::Suspended),
            Some(Kind::Tombstone) | None => refuse(Refusal::Unknown),
        }
    }

    /// The answer for a token that exists for exactly this host; nothing of the request comes back otherwise.
    async fn challenge(&self, host: &Host, token: &str) -> Result<Option<Response<Body>>, Error> {
        let _turn = self.lookups.acquire().await.expect("never closed");
        let Some(answer) = acme::challenges::answer(&self.db, host.as_str(), token).await? else {
            return Ok(None);
        };
        let mut response = Response::new(Body::from(answer));
        let binary = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, binary);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(Some(response))
    }
}
