//! What surrounds a page: who looks, in which language, through whose brand, with which navigation.

use std::{borrow::Cow, sync::Arc};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{locale::Locale, skin::Skin};

/// Everything a render needs besides the page.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub skin: &'a Skin,
    pub locale: &'a Arc<Locale>,
    /// The tenant's time zone: dates and times are shown in it.
    pub zone: Tz,
    pub now: DateTime<Utc>,
    pub shell: &'a Shell,
}

/// The frame around a page. `Default` is a page outside the portal: no navigation, no person.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shell {
    /// CSP nonce of this response, on every script and stylesheet tag.
    pub nonce: String,
    /// Token that every form of the frame and of pages sends as `csrf`.
    pub csrf: String,
    /// What stands before the paths of the frame's own links: nothing, or `/console` on pages of the tenant's own people.
    pub base: Cow<'static, str>,
    /// Path and query of this page, so that forms of the frame can come back to it.
    pub path: String,
    pub scheme: Scheme,
    /// At most five destinations.
    pub nav: Vec<NavItem>,
    pub person: Option<Person>,
    /// What the person's menu leads to, besides devices and signing out.
    pub menu: Vec<NavItem>,
    pub search: Option<Search>,
    pub flash: Option<Flash>,
    /// Languages to offer; fewer than two offers none.
    pub languages: Vec<Language>,
}

/// A destination.
#[derive(Debug, Clone, Serialize)]
pub struct NavItem {
    /// Message key of its name, e.g. `nav.orders`; registered with `Registry::keys`.
    pub label: Cow<'static, str>,
    pub icon: Cow<'static, str>,
    pub href: Cow<'static, str>,
    /// The page belongs to this destination.
    pub current: bool,
    /// How many things wait there; 0 shows nothing.
    pub badge: u32,
}

/// The person signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub name: String,
    pub email: String,
    /// The company they act for.
    pub customer: String,
}

/// The search field of the header: a GET form.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    pub action: Cow<'static, str>,
    /// What was searched for, kept in the field.
    pub query: String,
}

/// One message after a redirect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flash {
    pub tone: Tone,
    /// Message key below `flash.`; an unknown key shows nothing, because it came through a cookie.
    pub key: String,
}

/// How serious something is; picks colour and icon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    #[default]
    Neutral,
    Info,
    Success,
    Warning,
    Danger,
}

/// A language that the reader can change to.
#[derive(Debug, Clone, Serialize)]
pub struct Language {
    pub tag: String,
    /// In its own language: "English", "العربية".
    pub name: String,
    pub current: bool,
}

/// Light, dark, or what the device says. Kept in the cookie [`Scheme::COOKIE`], so that the first byte is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    System,
    Light,
    Dark,
}

impl Scheme {
    /// Not `__Host-`: the script that changes the scheme writes it, and it decides nothing but colours.
    pub const COOKIE: &'static str = "scheme";

    /// From the cookie's value; anything unknown is the device's choice.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        match value {
            "light" => Scheme::Light,
            "dark" => Scheme::Dark,
            _ => Scheme::System,
        }
    }
}
