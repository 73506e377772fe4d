//! The other side's answer: its one JSON form, the links in mails that carry it, and how it reaches the request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use platform_core::audit::Actor;
use platform_core::clock::Clock;
use platform_core::id::RequestId;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Error, TenantTx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::registry::{self, Opened};
use super::signature::{mac, same};
use super::{Settings, Signed, verify};
use crate::requests::{self, Request, State, Step};

/// Numbers and reasons are shown to people; no system has longer ones to say.
const LONGEST: usize = 300;
/// How long the links in a mail to operations act.
const LINK_DAYS: i64 = 60;

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted {
        /// The other side's own number.
        number: Option<String>,
    },
    Rejected {
        reason: Option<String>,
    },
}

impl Verdict {
    /// The step that it means.
    #[must_use]
    pub fn step(&self) -> Step {
        let short = |text: &Option<String>| {
            let text: String = text.as_deref().unwrap_or_default().trim().chars().take(LONGEST).collect();
            Some(text).filter(|text| !text.is_empty())
        };
        match self {
            Self::Accepted { number } => {
                Step { erp_number: short(number), ..Step::to(State::Accepted, Actor::System) }
            }
            Self::Rejected { reason } => {
                Step { reason: short(reason), ..Step::to(State::Rejected, Actor::System) }
            }
        }
    }
}

/// As JSON: in a webhook's response, at our endpoint for later answers, in an acknowledgement file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The request's; a response may leave it out.
    #[serde(default)]
    pub id: Option<RequestId>,
    pub state: Said,
    #[serde(default)]
    pub erp_number: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// The states that an answer may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Accepted,
    Rejected,
    /// It has it and has not decided.
    Received,
}

impl Answer {
    /// None while it has not decided.
    #[must_use]
    pub fn verdict(self) -> Option<Verdict> {
        match self.state {
            Said::Accepted => Some(Verdict::Accepted { number: self.erp_number }),
            Said::Rejected => Some(Verdict::Rejected { reason: self.reason }),
            Said::Received => None,
        }
    }
}

/// Brings an answer to its request. The same answer twice is one; one that contradicts what was said before changes
/// nothing and is an error for whoever sent it.
///
/// # Errors
/// As [`requests::advance`].
pub async fn answered(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    id: RequestId,
    verdict: &Verdict,
) -> Result<bool, requests::Error> {
    requests::advance(tx, clock, random, id, &verdict.step()).await
}

/// Reads a later answer that a program sent with the signature of its webhook door. None when the door is no such door or
/// the signature is not its.
///
/// # Errors
/// The database's answer, or a secret that does not open.
pub async fn answered_by_machine(
    tx: &mut TenantTx,
    sealer: &Sealer,
    now: DateTime<Utc>,
    door: Uuid,
    (signed, body): (&Signed<'_>, &[u8]),
) -> Result<Option<Answer>, Error> {
    let Some(opened) = registry::open(tx, sealer, door).await? else { return Ok(None) };
    let fits = matches!(opened.settings, Settings::Webhook { .. })
        && opened.enabled
        && verify(&opened.secret, now, signed, body);
    let answer: Option<Answer> = if fits { serde_json::from_slice(body).ok() } else { None };
    let Some(answer) = answer else { return Ok(None) };
    let Some(request) = answer.id else { return Ok(None) };
    // A door answers for its own kind and no other.
    let found = requests::get(tx, request).await.map_err(core)?;
    Ok(found.filter(|request| request.kind == opened.kind).map(|_| answer))
}

fn core(error: requests::Error) -> Error {
    match error {
        requests::Error::Core(error) => error,
        other => Error::Corrupt { what: "request", reason: other.to_string() },
    }
}

/// What a link in a mail to operations stands for.
#[derive(Debug)]
pub struct AnswerLink {
    pub request: Request,
}

/// The part of a link that proves that it came from our mail: door, request, end, and a code over them.
pub(super) fn link_token(door: Uuid, secret: &str, request: RequestId, now: DateTime<Utc>) -> String {
    let until = (now + chrono::TimeDelta::days(LINK_DAYS)).timestamp();
    let mut token = Vec::with_capacity(72);
    token.extend_from_slice(door.as_bytes());
    token.extend_from_slice(request.0.as_bytes());
    token.extend_from_slice(&until.to_be_bytes());
    let code = mac(secret.as_bytes(), &[b"answer link\0", &token]);
    token.extend_from_slice(&code);
    URL_SAFE_NO_PAD.encode(token)
}

/// Reads a link. None when it is not one of ours, has ended, or its door was closed; acting twice is for the request's
/// own rules to refuse.
///
/// # Errors
/// The database's answer, or a secret that does not open.
pub async fn read_link(
    tx: &mut TenantTx,
    sealer: &Sealer,
    now: DateTime<Utc>,
    token: &str,
) -> Result<Option<AnswerLink>, Error> {
    let Some((door, request, until, signed, code)) = parts(token) else { return Ok(None) };
    let Some(opened) = registry::open(tx, sealer, door).await? else { return Ok(None) };
    if !fits(&opened, &signed, &code) || until < now.timestamp() {
        return Ok(None);
    }
    let request = requests::get(tx, request).await.map_err(core)?;
    Ok(request.filter(|request| request.kind == opened.kind).map(|request| AnswerLink { request }))
}

fn fits(opened: &Opened, signed: &[u8], code: &[u8]) -> bool {
    matches!(opened.settings, Settings::Mail { .. })
        && same(&mac(opened.secret.as_bytes(), &[b"answer link\0", signed]), code)
}

type Parts = (Uuid, RequestId, i64, Vec<u8>, Vec<u8>);

fn parts(token: &str) -> Option<Parts> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == 72)?;
    let (signed, code) = bytes.split_at(40);
    let door = Uuid::from_slice(&signed[..16]).ok()?;
    let request = RequestId(Uuid::from_slice(&signed[16..32]).ok()?);
    let until = i64::from_be_bytes(signed[32..].try_into().ok()?);
    Some((door, request, until, signed.to_vec(), code.to_vec()))
}
