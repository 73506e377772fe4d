//! The authority rule: the one place that reads which host a request is for. HTTP/2 needs `:authority`, HTTP/1 exactly
//! one `Host`; where two places name a host they must agree. `Forwarded` and `X-Forwarded-*` are never read.

use http::{Method, Request, Uri, Version, header};

use crate::host::{Host, HostError};

/// The host of a request, and the port that was written behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub host: Host,
    pub port: Option<u16>,
}

/// Why a request has no usable authority; all of them are answered 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthority {
    #[error("no host named")]
    Missing,
    #[error("more than one Host header")]
    Duplicate,
    #[error("two places name different hosts")]
    Conflict,
    #[error("user information in the authority")]
    UserInfo,
    #[error("not readable as text")]
    NotText,
    #[error("CONNECT is not served")]
    Connect,
    #[error("bad host: {0}")]
    Host(#[from] HostError),
}

/// Reads the authority of a request.
///
/// # Errors
/// The rule that the request breaks.
pub fn authority<B>(request: &Request<B>) -> Result<Authority, BadAuthority> {
    if request.method() == Method::CONNECT {
        return Err(BadAuthority::Connect);
    }
    let target = request.uri().authority().map(|authority| parse(authority.as_str())).transpose()?;
    let header = host_header(request)?;
    match (request.version(), target, header) {
        (_, Some(target), Some(header)) if target == header => Ok(target),
        (_, Some(_), Some(_)) => Err(BadAuthority::Conflict),
        (Version::HTTP_2, Some(target), None) => Ok(target),
        (Version::HTTP_2, None, _) => Err(BadAuthority::Missing),
        (_, None, Some(header)) => Ok(header),
        // HTTP/1 without Host, also when the target is in absolute form.
        (_, _, None) => Err(BadAuthority::Missing),
    }
}

/// The path and query of the request target, `/` for `*` and for an empty path.
#[must_use]
pub fn path_and_query(uri: &Uri) -> &str {
    match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
        None | Some("*" | "") => "/",
        Some(text) => text,
    }
}

fn host_header<B>(request: &Request<B>) -> Result<Option<Authority>, BadAuthority> {
    let mut all = request.headers().get_all(header::HOST).iter();
    let Some(first) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(BadAuthority::Duplicate);
    }
    let text = first.to_str().map_err(|_| BadAuthority::NotText)?;
    parse(text).map(Some)
}

fn parse(text: &str) -> Result<Authority, BadAuthority> {
    if text.contains('@') {
        return Err(BadAuthority::UserInfo);
    }
    if text.is_empty() {
        return Err(BadAuthority::Missing);
    }
    let (host, port) = Host::parse_with_port(text)?;
    Ok(Authority { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Request<()> {
        let mut builder = Request::builder().version(version).uri(uri);
        for host in hosts {
            builder = builder.header("host", *host);
        }
        builder.body(()).unwrap()
    }

    #[track_caller]
    fn good(version: Version, uri: &str, hosts: &[&str], host: &str, port: Option<u16>) {
        let expected = Authority { host: Host::parse(host).unwrap(), port };
        assert_eq!(authority(&request(version, uri, hosts)), Ok(expected));
    }

    #[track_caller]
    fn bad(version: Version, uri: &str, hosts: &[&str], why: &BadAuthority) {
        assert_eq!(authority(&request(version, uri, hosts)).as_ref(), Err(why));
    }

    #[test]
    fn http1_needs_exactly_one_host() {
        let one = Version::HTTP_11;
        good(one, "/", &["a.example"], "a.example", None);
        good(one, "/", &["A.Example.:8443"], "a.example", Some(8443));
        good(one, "http://a.example/x", &["a.example"], "a.example", None);
        good(one, "http://A.example/x", &["a.example"], "a.example", None);
        good(one, "*", &["a.example"], "a.example", None);
        bad(one, "/", &[], &BadAuthority::Missing);
        bad(one, "/", &[""], &BadAuthority::Missing);
        bad(one, "http://a.example/", &[], &BadAuthority::Missing);
        bad(Version::HTTP_10, "/", &[], &BadAuthority::Missing);
        bad(one, "/", &["a.example", "a.example"], &BadAuthority::Duplicate);
        bad(one, "/", &["a.example", "b.example"], &BadAuthority::Duplicate);
        bad(one, "http://a.example/", &["b.example"], &BadAuthority::Conflict);
        bad(one, "http://a.example:81/", &["a.example"], &BadAuthority::Conflict);
    }

    #[test]
    fn http2_needs_its_authority_and_compares_host() {
        let two = Version::HTTP_2;
        good(two, "https://a.example/", &[], "a.example", None);
        good(two, "https://a.example/", &["a.example"], "a.example", None);
        bad(two, "/", &["a.example"], &BadAuthority::Missing);
        bad(two, "https://a.example/", &["b.example"], &BadAuthority::Conflict);
        bad(two, "https://a.example/", &["a.example", "a.example"], &BadAuthority::Duplicate);
    }

    #[test]
    fn nonsense_is_refused() {
        let one = Version::HTTP_11;
        bad(one, "/", &["u@a.example"], &BadAuthority::UserInfo);
        bad(one, "http://u:p@a.example/", &["a.example"], &BadAuthority::UserInfo);
        bad(one, "/", &["a.example:99999"], &BadAuthority::Host(HostError::Port));
        bad(one, "/", &["a.example:"], &BadAuthority::Host(HostError::Port));
        bad(one, "/", &["127.0.0.1:8443"], &BadAuthority::Host(HostError::Address));
        bad(one, "/", &["a b.example"], &BadAuthority::Host(HostError::Character));
        let mut connect = request(one, "a.example:443", &["a.example"]);
        *connect.method_mut() = Method::CONNECT;
        assert_eq!(authority(&connect), Err(BadAuthority::Connect));
        let mut latin = request(one, "/", &[]);
        latin.headers_mut().insert("host", http::HeaderValue::from_bytes(b"f\xfc.example").unwrap());
        assert_eq!(authority(&latin), Err(BadAuthority::NotText));
    }

    #[test]
    fn forwarded_headers_mean_nothing() {
        let mut forwarded = request(Version::HTTP_11, "/", &["a.example"]);
        forwarded.headers_mut().insert("x-forwarded-host", http::HeaderValue::from_static("b.example"));
        forwarded.headers_mut().insert("forwarded", http::HeaderValue::from_static("host=b.example"));
        assert_eq!(authority(&forwarded).unwrap().host.as_str(), "a.example");
    }
}
