//! What each form of door is told by an operator, without its secret.

use serde::{Deserialize, Serialize};

/// One form with its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Settings {
    /// A row in a table of our own in the other database; its address is the secret.
    Inbox {
        /// `portico_inbox` or `schema.portico_inbox`.
        table: String,
    },
    /// A signed POST; the key is the secret.
    Webhook {
        url: String,
        /// The operator says that this address may be inside a private network.
        #[serde(default)]
        allow_private: bool,
        /// PEM file of the authority that signs the other side's certificate, where it is none that everybody trusts.
        #[serde(default)]
        ca_file: Option<String>,
    },
    /// A mail to people; the key of its links is the secret.
    Mail {
        to: String,
        #[serde(default)]
        attach: Attached,
    },
    /// A file in a folder that both sides see.
    File { folder: String },
}

/// What a mail carries beside its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attached {
    #[default]
    Json,
    Csv,
}

impl Settings {
    /// As stored in `doors.form`.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Inbox { .. } => "inbox",
            Self::Webhook { .. } => "webhook",
            Self::Mail { .. } => "mail",
            Self::File { .. } => "file",
        }
    }

    /// What is wrong with them, for the operator.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self, loopback: bool) -> Result<(), String> {
        match self {
            Self::Inbox { table } if table_name(table).is_none() => {
                Err("the inbox table is named by small letters, digits and _, with a schema and a dot before it or not".into())
            }
            Self::Webhook { url, .. } => crate::outbound::Target::read(url, loopback).map(|_| ()),
            Self::Mail { to, .. } if !to.contains('@') || to.contains(char::is_whitespace) => {
                Err(format!("{to:?} is no mail address"))
            }
            Self::File { folder } if !folder.starts_with('/') => Err("name the folder from / on".into()),
            _ => Ok(()),
        }
    }
}

/// A table's name as SQL, or none when it is not such a name.
pub(super) fn table_name(name: &str) -> Option<String> {
    let word = |word: &&str| {
        !word.is_empty()
            && word.len() <= 60
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !word.starts_with(|c: char| c.is_ascii_digit())
    };
    let words: Vec<&str> = name.split('.').collect();
    let fits = (1..=2).contains(&words.len()) && words.iter().all(word);
    fits.then(|| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::{Settings, table_name};

    #[test]
    fn only_plain_names_are_tables() {
        assert_eq!(table_name("portico_inbox").as_deref(), Some("\"portico_inbox\""));
        assert_eq!(table_name("portal.inbox_2").as_deref(), Some("\"portal\".\"inbox_2\""));
        for bad in ["", "a.b.c", "Inbox", "in box", "in\"box", "a;drop", ".a", "a.", "2a", "a-b"] {
            assert_eq!(table_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn settings_are_looked_at_before_they_are_kept() {
        let webhook = |url: &str| Settings::Webhook { url: url.into(), allow_private: false, ca_file: None };
        assert!(webhook("https://erp.example/portico").check(false).is_ok());
        for bad in [
            "http://erp.example/",
            "erp.example",
            "https://",
            "ftp://erp.example",
            "https://u:p@erp.example/",
        ] {
            assert!(webhook(bad).check(true).is_err(), "{bad}");
        }
        assert!(
            webhook("http://127.0.0.1:9/").check(true).is_ok()
                && webhook("http://127.0.0.1:9/").check(false).is_err()
        );
        assert!(Settings::File { folder: "drop".into() }.check(false).is_err());
        let stored = serde_json::to_value(webhook("https://erp.example/")).expect("JSON");
        assert_eq!(stored["form"], "webhook");
    }
}
