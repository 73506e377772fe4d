//! Mails: typed like pages, each with a subject, a text and an HTML twin.

use serde::Serialize;

use crate::page::Sample;

/// The context of one mail. Templates see it as `page`; links in it are absolute.
pub trait MailPage: Serialize + Send + Sync + Sized + 'static {
    /// Name of its templates without extension, `<slice>/mail/<name>`.
    const NAME: &'static str;

    /// Examples, as for a page.
    fn samples() -> Vec<Sample<Self>>;
}

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}
