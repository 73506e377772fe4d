//! `POST /webhooks/tracking/{account}`: what a tracking provider tells of parcels.
//!
//! Who sends it is proved by the signature over the body alone. An account that there is none of is answered as a wrong
//! signature is, so nobody learns which accounts there are; a parcel that nobody has is answered as one that somebody
//! has, so the provider learns nothing and does not send it again.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use platform_connectors::carriers::{self, Received, Refused};
use platform_core::Scope;
use platform_core::secrets::Sealer;
use platform_web::{Access, Error, Kind, Proof, Routes, Visit};

/// A parcel with two hundred checkpoints is below this.
const LARGEST: usize = 256 * 1024;

/// The webhook's route.
#[must_use]
pub fn routes(sealer: Sealer) -> Routes {
    Routes::new().post("/webhooks/tracking/{account}", Access::Machine, receive).with_state(Arc::new(sealer))
}

async fn receive(
    visit: Visit,
    State(sealer): State<Arc<Sealer>>,
    Path(name): Path<String>,
    Extension(proof): Extension<Proof>,
    request: axum::extract::Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let refused = |why: Refused| Error::because(Kind::Unproved, why);
    let (site, headers) = (visit.site(), parts.headers);
    let mut tx = site.db().tenant(Scope::tenant(visit.tenant())).await?;
    let account = carriers::find(&mut tx, &name).await?.ok_or_else(|| refused(Refused::Signature))?;
    drop(tx);
    let body = read(body).await?;
    let tools = (site.db(), &*sealer, site.clock(), site.random());
    let header = |name: &str| text(&headers, name);
    match carriers::receive(tools, &account, &header, &body).await? {
        Ok(received) => {
            proof.prove(Access::Machine);
            if received == Received::Unknown {
                tracing::debug!(tenant = %visit.tenant(), account = name, "news of a parcel that no order has");
            }
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        // The signature held, so it is the provider, and it will not do better by trying again.
        Err(why @ Refused::Shape) => Err(Error::because(Kind::BadRequest, why)),
        Err(why) => Err(refused(why)),
    }
}

async fn read(body: Body) -> Result<axum::body::Bytes, Error> {
    to_bytes(body, LARGEST).await.map_err(|error| Error::because(Kind::TooLarge, error))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
