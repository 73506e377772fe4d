//! The signed call: a POST of the request as JSON, signed as Standard Webhooks says. The answer may come in the response,
//! or later, signed, at `POST /webhooks/doors/{id}`.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode, header};
use platform_core::clock::Clock;
use platform_core::guard::Guard;
use platform_core::id::RequestId;

use super::{Answer, Doing, Door, Message, Verdict, sign};
use crate::outbound::{Call, Outbound, Target};

/// An answer is a few words.
const LARGEST: usize = 64 * 1024;

/// One address.
#[derive(Debug)]
pub(super) struct Webhook {
    target: Target,
    outbound: Outbound,
    secret: Secret,
    clock: Arc<dyn Clock>,
}

/// Never printed.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Webhook {
    pub(super) fn new(
        url: &str,
        (guard, loopback): (Guard, bool),
        ca_file: Option<&str>,
        secret: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let outbound = Outbound::new(guard, loopback, ca_file)?;
        Ok(Self { target: Target::read(url, loopback)?, outbound, secret: Secret(secret.to_owned()), clock })
    }

    async fn call(&self, message: &Message) -> Result<Option<Verdict>, String> {
        let (id, now) = (message.id.to_string(), self.clock.now().timestamp());
        let body = Bytes::from(message.json());
        let headers = [
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (HeaderName::from_static("webhook-id"), id.clone()),
            (HeaderName::from_static("webhook-timestamp"), now.to_string()),
            (HeaderName::from_static("webhook-signature"), sign(&self.secret.0, &id, now, &body)),
        ];
        let call = Call { method: Method::POST, headers: &headers, body, largest: LARGEST };
        let reply = self.outbound.call(&self.target, call).await?;
        if !reply.status.is_success() {
            return Err(refused(reply.status));
        }
        // A response without an answer is a receipt.
        let answer: Option<Answer> = serde_json::from_slice(&reply.body).ok();
        Ok(answer
            .filter(|answer| answer.id.is_none_or(|named| named == message.id))
            .and_then(Answer::verdict))
    }
}

fn refused(status: StatusCode) -> String {
    if status.is_redirection() {
        format!("the address answered {status}; redirects are not followed")
    } else {
        format!("the address answered {status}")
    }
}

impl Door for Webhook {
    fn hand_over<'a>(&'a self, message: &'a Message) -> Doing<'a, Option<Verdict>> {
        Box::pin(self.call(message))
    }

    /// It calls us.
    fn answers<'a>(&'a self, _open: &'a [RequestId]) -> Doing<'a, Option<Vec<(RequestId, Verdict)>>> {
        Box::pin(async { Ok(None) })
    }

    fn test(&self) -> Doing<'_, String> {
        Box::pin(async move {
            self.outbound.connect(&self.target).await?;
            Ok("the address can be reached; nothing was sent".to_owned())
        })
    }
}
