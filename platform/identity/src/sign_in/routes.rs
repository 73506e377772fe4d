//! `/sign-in` and `/console/sign-in`: asking, opening a link, typing a code. The same pages for both audiences.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use platform_core::Scope;
use platform_web::pages::Field;
use platform_web::{Access, Error, Next, Posted, Problems, Routes, Visit};
use serde::Deserialize;
use themes::Tone;

use super::ask::{self, Asked, Asking};
use super::present::Present;
use super::redeem::{self, Refusal, Seen, Typed};
use super::{CODE_MINUTES, store};
use crate::Identity;
use crate::pages::{CheckMail, LinkFault, LinkLanding, LinkProblem, SignIn};
use crate::secret;

pub(crate) fn routes(identity: Identity) -> Routes {
    Routes::new()
        .get("/sign-in", Access::Public, form)
        .post("/sign-in", Access::Public, ask)
        .get("/sign-in/code", Access::Public, check_mail)
        .post("/sign-in/code", Access::Public, type_code)
        .get("/sign-in/{token}", Access::Public, land)
        .post("/sign-in/link", Access::Public, use_link)
        .get("/console/sign-in", Access::Public, form)
        .post("/console/sign-in", Access::Public, ask)
        .get("/console/sign-in/code", Access::Public, check_mail)
        .post("/console/sign-in/code", Access::Public, type_code)
        .get("/console/sign-in/{token}", Access::Public, land)
        .post("/console/sign-in/link", Access::Public, use_link)
        .with_state(identity)
}

/// Parameters of `/sign-in`.
#[derive(Debug, Deserialize)]
struct Wish {
    next: Option<String>,
}

async fn form(visit: Visit, present: Present, Query(wish): Query<Wish>) -> Result<Response, Error> {
    let next = wished(&visit, wish.next.as_deref().unwrap_or("/"));
    if let Some(onward) = present.onward(&next) {
        return Ok(visit.redirect(onward.as_str()));
    }
    // The link and the code will be bound to this secret: it must be there before they are asked for.
    visit.mark_browser();
    visit.render(&SignIn {
        audience: visit.audience(),
        email: Field::default(),
        remember: false,
        next: kept(&visit, &next),
        problems: Problems::default(),
    })
}

async fn ask(
    State(identity): State<Identity>,
    visit: Visit,
    headers: HeaderMap,
    form: Posted,
) -> Result<Response, Error> {
    let (typed, remember, next) =
        (form.text("email"), form.ticked("remember"), wished(&visit, form.text("next")));
    let Some(address) = ask::address(typed) else {
        let problem = if typed.is_empty() { "form.required" } else { "form.email" };
        let mut problems = Problems::default();
        problems.add("email", problem);
        let (audience, next) = (visit.audience(), kept(&visit, &next));
        let page = SignIn { audience, email: Field::wrong(typed, problem), remember, next, problems };
        return visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let asking = Asking { address, remember, next, user_agent: user_agent(&headers) };
    match ask::send(&identity, &visit, &asking).await? {
        Asked::Sent { again } => {
            if again {
                visit.flash(Tone::Success, "code_sent");
            }
            Ok(to(&visit, "/sign-in/code"))
        }
        Asked::Limited(seconds) => Err(Error::too_many(seconds)),
    }
}

async fn check_mail(visit: Visit) -> Result<Response, Error> {
    match waiting(&visit, Field::default()).await? {
        Some(page) => visit.render(&page),
        None => Ok(to(&visit, "/sign-in")),
    }
}

async fn type_code(visit: Visit, headers: HeaderMap, form: Posted) -> Result<Response, Error> {
    let typed = form.text("code");
    let wrong = match digits(typed) {
        None if typed.is_empty() => "form.required",
        None => "form.code",
        Some(code) => match redeem::by_code(&visit, &code, user_agent(&headers)).await? {
            Typed::SignedIn(next) => return Ok(visit.redirect(next.as_str())),
            Typed::Wrong => "sign_in.code.wrong",
            Typed::Spent => "sign_in.code.spent",
            Typed::Expired => "sign_in.code.expired",
            Typed::Nothing => return Ok(to(&visit, "/sign-in")),
        },
    };
    match waiting(&visit, Field::wrong(typed, wrong)).await? {
        Some(page) => visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page),
        None => Ok(to(&visit, "/sign-in")),
    }
}

/// A path of signing in, of this page's audience.
fn to(visit: &Visit, path: &str) -> Response {
    visit.redirect(&format!("{}{path}", visit.audience().base()))
}

/// The page that waits for a code, if this browser has asked for one.
async fn waiting(visit: &Visit, code: Field) -> Result<Option<CheckMail>, Error> {
    let Some(browser) = visit.known_browser() else { return Ok(None) };
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let pending =
        store::pending(&mut tx, &store::Place::of(visit), &secret::hash("browser", browser)).await?;
    let Some(pending) = pending else { return Ok(None) };
    let mut problems = Problems::default();
    if let Some(error) = code.error.clone() {
        problems.add("code", error);
    }
    Ok(Some(CheckMail {
        audience: visit.audience(),
        email: pending.address,
        code,
        remember: pending.remember,
        next: kept(visit, &Next::parse(&pending.next)),
        link_hours: pending.link_hours.unsigned_abs(),
        code_minutes: CODE_MINUTES.unsigned_abs(),
        problems,
    }))
}

/// The mailed link. Mail scanners come here many times, so it only looks.
async fn land(visit: Visit, present: Present, Path(token): Path<String>) -> Result<Response, Error> {
    let response = match redeem::look(&visit, &token).await? {
        Seen::Ready(link) => {
            let next = kept(&visit, &Next::parse(&link.next));
            let audience = visit.audience();
            visit.render(&LinkLanding { audience, email: shortened(&link.address), token, next })
        }
        // Somebody who follows the link once more is where they wanted to be.
        Seen::Refused(Refusal { fault: LinkFault::Used, link: Some(link) }) if present.is(&link.address) => {
            let next = wished(&visit, &link.next);
            Ok(visit.redirect(present.onward(&next).unwrap_or(next).as_str()))
        }
        Seen::Refused(refusal) => refused(&visit, refusal),
    };
    // The address of this page is a secret.
    response.map(without_referrer)
}

async fn use_link(visit: Visit, headers: HeaderMap, form: Posted) -> Result<Response, Error> {
    match redeem::by_link(&visit, form.text("token"), user_agent(&headers)).await? {
        Ok(next) => Ok(visit.redirect(next.as_str())),
        Err(refusal) => refused(&visit, refusal),
    }
}

fn refused(visit: &Visit, refusal: Refusal) -> Result<Response, Error> {
    let status = match refusal.fault {
        LinkFault::Expired | LinkFault::Used => StatusCode::GONE,
        LinkFault::OtherBrowser => StatusCode::CONFLICT,
        LinkFault::OtherHost | LinkFault::Unknown => StatusCode::NOT_FOUND,
    };
    let renewable = matches!(refusal.fault, LinkFault::Expired | LinkFault::Used);
    let (email, host, next) = match refusal.link {
        None => (None, None, None),
        Some(link) => (Some(link.address), Some(link.host), kept(visit, &Next::parse(&link.next))),
    };
    let host =
        host.filter(|_| refusal.fault == LinkFault::OtherHost).map(|host| host + port(&visit.host().origin));
    visit.render_as(
        status,
        &LinkProblem {
            audience: visit.audience(),
            why: refusal.fault,
            email: email.filter(|_| renewable),
            host,
            next,
        },
    )
}

/// `:8443` of an origin; nothing for the usual port. All hosts of an installation are served on one.
fn port(origin: &str) -> &str {
    let authority = origin.rfind('/').map_or(origin, |slash| &origin[slash + 1..]);
    authority.find(':').map_or("", |colon| &authority[colon..])
}

fn without_referrer(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Where to go afterwards: never to the other audience's pages.
fn wished(visit: &Visit, text: &str) -> Next {
    Next::parse(text).within(visit.audience())
}

/// An audience's first page need not be carried along.
fn kept(visit: &Visit, next: &Next) -> Option<String> {
    let first = next.is_home() || next.as_str() == visit.audience().base();
    (!first).then(|| next.as_str().to_owned())
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Six digits as people type them: with blanks, with Arabic or Persian numerals.
pub(crate) fn digits(typed: &str) -> Option<String> {
    let digit = |character: char| match character {
        '0'..='9' => Some(character),
        '\u{660}'..='\u{669}' => char::from_digit(u32::from(character) - 0x660, 10),
        '\u{6f0}'..='\u{6f9}' => char::from_digit(u32::from(character) - 0x6f0, 10),
        _ => None,
    };
    let written = typed.chars().filter(|character| !character.is_whitespace() && *character != '-');
    let code: Option<String> = written.map(digit).collect();
    code.filter(|code| code.len() == 6)
}

/// `m…@brightwater.example`: enough for its owner.
fn shortened(address: &str) -> String {
    let (left, right) = address.rsplit_once('@').unwrap_or(("", address));
    let first: String = left.chars().take(1).collect();
    format!("{first}\u{2026}@{right}")
}

#[cfg(test)]
mod tests {
    use super::{digits, port, shortened};

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["493021", " 493 021 ", "493-021", "٤٩٣٠٢١", "۴۹۳ ۰۲۱"] {
            assert_eq!(digits(typed).as_deref(), Some("493021"), "{typed}");
        }
        for typed in ["", "49302", "4930211", "49302a", "½½½½½½"] {
            assert_eq!(digits(typed), None, "{typed}");
        }
    }

    #[test]
    fn addresses_are_shortened() {
        assert_eq!(shortened("maya@b.example"), "m…@b.example");
        assert_eq!(shortened("élan@b.example"), "é…@b.example");
    }

    #[test]
    fn the_port_is_kept_when_it_is_unusual() {
        assert_eq!(port("https://success.brightwater.example:8443"), ":8443");
        assert_eq!(port("https://success.brightwater.example"), "");
    }
}
