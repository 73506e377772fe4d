//! Mails that their reader can stop with one click (RFC 8058): the address is kept beside the mail and leaves as headers.

use lettre::message::MessageBuilder;
use lettre::message::header::{Header, HeaderName, HeaderValue};

use super::Outbox;
use crate::db::{Error, TenantTx};
use crate::id::MailId;

impl Outbox {
    /// Says where a mail of this transaction can be stopped: an `https` address that takes a POST without a cookie.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn stopped_by(&self, tx: &mut TenantTx, id: MailId, address: &str) -> Result<(), Error> {
        let tenant = tx.tenant();
        sqlx::query("update mail_outbox set unsubscribe = $3 where tenant_id = $1 and id = $2")
            .bind(tenant)
            .bind(id)
            .bind(address)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

/// Where a mail can be stopped, if it can.
pub(super) async fn address(tx: &mut TenantTx, id: MailId) -> Result<Option<String>, Error> {
    let tenant = tx.tenant();
    let address: Option<Option<String>> =
        sqlx::query_scalar("select unsubscribe from mail_outbox where tenant_id = $1 and id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(address.flatten())
}

/// Adds both headers.
pub(super) fn told(builder: MessageBuilder, address: &str) -> MessageBuilder {
    let clean =
        address.starts_with("https://") && !address.contains(|c: char| c.is_control() || "<> ".contains(c));
    if clean { builder.header(Where(format!("<{address}>"))).header(OneClick) } else { builder }
}

#[derive(Debug, Clone)]
struct Where(String);

#[derive(Debug, Clone)]
struct OneClick;

type ParseError = Box<dyn std::error::Error + Send + Sync>;

impl Header for Where {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Header for OneClick {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_leave_with_a_clean_address_and_none_with_another() {
        let mail = |address: &str| {
            let builder = lettre::Message::builder()
                .from("a@b.example".parse().expect("an address"))
                .to("c@d.example".parse().expect("an address"));
            let message = told(builder, address).body(String::new()).expect("a mail");
            String::from_utf8(message.formatted()).expect("text")
        };
        let good = mail("https://x.example/mail/delays/abc");
        assert!(good.contains("List-Unsubscribe: <https://x.example/mail/delays/abc>\r\n"), "{good}");
        assert!(good.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{good}");
        for bad in ["http://x.example/", "https://x.example/>\r\nBcc: e@f.example", ""] {
            assert!(!mail(bad).contains("List-Unsubscribe"), "{bad}");
        }
    }
}
