//! How it looks, never what it does. The rest is in the README:
#![doc = include_str!("../README.md")]

mod assets;
mod brand;
mod check;
mod colour;
pub mod fallback;
mod filters;
mod format;
mod lens;
mod locale;
mod locales;
mod logo;
mod mail;
mod message;
mod once;
mod pack;
mod page;
mod palette;
pub mod paper;
mod render;
pub mod samples;
mod skin;
mod sources;
mod typeface;
mod view;
mod words;

pub use assets::{Asset, Assets, CACHE, PREFIX};
pub use brand::{Brand, Density, FooterLink, Href, Logo, Radius, Typeface, UnsafeHref};
pub use check::Report;
pub use colour::{NotAColour, Oklch, Rgb};
pub use format::Money;
pub use locale::{Direction, Locale, LocaleFault};
pub use locales::Locales;
pub use logo::{BadMark, Mark};
pub use mail::{Mail, MailPage};
pub use pack::Pack;
pub use page::{Page, Registry, Sample};
pub use palette::{Pair, Palette};
pub use render::{Fault, RenderError, Themes};
pub use skin::Skin;
pub use view::{Flash, Language, NavItem, Person, Scheme, Search, Shell, Tone, View};
pub use words::Words;
