//! Which tenant is this request for? Decided for each request anew, never for a connection: browsers send requests for
//! several hosts over one. The order of the questions is the order of `Gate::admit`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use acme::certificate::covers;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Request, Response, StatusCode, header};
use platform_core::id::{DomainId, TenantId};
use tower::{Service, ServiceExt};

use crate::authority::{authority, path_and_query};
use crate::host::Host;
use crate::neutral::{self, NeutralPages, Refusal};
use crate::table::{Kind, RouteTable};

/// The connection that a request came over; an extension of every request.
#[derive(Debug, Clone)]
pub struct Conn {
    pub peer: SocketAddr,
    /// The name in the TLS hello.
    pub sni: Option<Host>,
    /// The names of the certificate that was served.
    pub cert_names: Arc<[String]>,
}

/// The tenant that a request is for; an extension of every request that reaches the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: Arc<str>,
    /// The host of this request, for links and for binding sessions.
    pub host: Host,
    /// The custom domain, or `None` on `<slug>.<base>`.
    pub domain: Option<DomainId>,
}

/// Stands between a connection and the application.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) table: Arc<RouteTable>,
    pub(crate) pages: Arc<dyn NeutralPages>,
    /// The port in links to ourselves, as clients see it.
    pub(crate) public_port: u16,
}

/// What to do with a request.
enum Verdict {
    Serve(Tenant),
    Redirect(Host),
    Refuse(Refusal),
}

impl Gate {
    /// Hands a request to the application with its tenant, or answers it here.
    pub(crate) async fn serve<S>(&self, mut request: Request<Body>, conn: Conn, app: S) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        match self.admit(&request, &conn) {
            Verdict::Serve(tenant) => {
                let extensions = request.extensions_mut();
                extensions.insert(ConnectInfo(conn.peer));
                extensions.insert(conn);
                extensions.insert(tenant);
                match app.oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
            Verdict::Redirect(to) => self.redirect(&to, &request),
            Verdict::Refuse(refusal) => neutral::answer(&*self.pages, refusal, request.version()),
        }
    }

    fn admit<B>(&self, request: &Request<B>, conn: &Conn) -> Verdict {
        let host = match authority(request) {
            Ok(authority) => authority.host,
            Err(error) => {
                tracing::debug!(peer = %conn.peer, %error, "request without a usable host");
                return Verdict::Refuse(Refusal::BadAuthority);
            }
        };
        let covered = covers(&conn.cert_names, host.as_str());
        let judged = self.table.with(&host, |known| match &known.kind {
            _ if !covered => Verdict::Refuse(Refusal::Misdirected),
            Kind::Live | Kind::Waiting => Verdict::Serve(Tenant {
                id: known.tenant,
                slug: known.slug.clone(),
                host: host.clone(),
                domain: known.domain,
            }),
            Kind::RedirectTo(to) => Verdict::Redirect(to.clone()),
            Kind::Suspended => Verdict::Refuse(Refusal::Suspended),
            Kind::Tombstone => Verdict::Refuse(Refusal::Unknown),
        });
        // The neutral certificate has no names: there, unknown hosts get the plain truth.
        let plainly = covered || conn.cert_names.is_empty();
        let unknown = if plainly { Refusal::Unknown } else { Refusal::Misdirected };
        judged.unwrap_or(Verdict::Refuse(unknown))
    }

    /// 308 to the same path of another host; the name is the table's, never the request's.
    pub(crate) fn redirect<B>(&self, to: &Host, request: &Request<B>) -> Response<Body> {
        let target =
            format!("https://{}{}", to.authority(self.public_port, 443), path_and_query(request.uri()));
        let Ok(target) = HeaderValue::try_from(target) else {
            return neutral::answer(&*self.pages, Refusal::BadAuthority, request.version());
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(header::LOCATION, target);
        response
    }
}
