//! The invitation. It holds no secret: whoever opens its link still asks for a sign-in mail, so it never expires and a
//! forwarded one lets nobody in.

use serde::Serialize;
use themes::{MailPage, Registry, Sample};

/// Adds the slice's mail.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.mail::<Invitation>(
        include_str!("mail/invitation.subject.txt"),
        include_str!("mail/invitation.txt"),
        include_str!("mail/invitation.html"),
    )
}

/// Somebody was given the portal by a colleague.
#[derive(Debug, Clone, Serialize)]
pub struct Invitation {
    /// Who invited.
    pub sender: String,
    /// The company that both belong to.
    pub company: String,
    /// The address that was invited, and the only one that can sign in.
    pub email: String,
    pub link: String,
    pub host: String,
}

impl MailPage for Invitation {
    const NAME: &'static str = "people/mail/invitation";

    fn samples() -> Vec<Sample<Self>> {
        let mail = Invitation {
            sender: "Maya Okafor".to_owned(),
            company: "Brightwater Utilities".to_owned(),
            email: "jonas.lindqvist@brightwater.example".to_owned(),
            link: "https://success.brightwater.example/sign-in".to_owned(),
            host: "success.brightwater.example".to_owned(),
        };
        vec![Sample::new("invited", mail)]
    }
}
