//! The axum glue between a request and a slice: hosts, visits, routes with their rights, forms, cookies, security
//! headers, limits and error pages. Knows nothing of any feature and nothing of sessions.
//!
//! ```text
//! Host (from the route table) -> Stack -> Visit -> Routes (access declared, form checked, time limited) -> handler
//! handler -> Ok(page) | Err(web::Error) -> page in the tenant's look -> security headers
//! ```
//! A slice gives [`Routes`]; the server builds one [`Site`] and one [`Stack`] from all of them.

pub mod access;
mod assets;
mod audience;
mod brands;
pub mod cookie;
mod csrf;
pub mod csv;
mod download;
mod error;
mod faults;
mod flash;
mod headers;
mod host;
mod keep;
mod letters;
mod limits;
mod next;
pub mod pages;
pub mod paging;
mod posted;
mod preferences;
mod render;
pub mod route;
mod site;
mod stack;
mod visit;

pub use access::{Access, Capabilities, Capability, Proof, StaffCapabilities, StaffCapability};
pub use audience::{Audience, CONSOLE};
pub use brands::{Brands, Look};
pub use cookie::Cookie;
pub use download::{Download, safe_name};
pub use error::{Error, Kind};
pub use faults::NoTenant;
pub use host::Host;
pub use keep::{Keep, Place};
pub use letters::{Addressee, Letters};
pub use limits::Rate;
pub use next::Next;
pub use posted::{Posted, Problem, Problems};
pub use route::{Route, Routes};
pub use site::{Config, Frame, Parts, Site};
pub use stack::Stack;
pub use visit::{Viewer, Visit};
