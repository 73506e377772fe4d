//! Doors: how a request leaves for the tenant's own system, and how the answer comes back. Never a write to that system's
//! own tables.
//!
//! Four forms: a row in an inbox table, a signed call, a mail to operations, a file. Each hands over at least once under
//! the request's own id, so whoever receives can tell a repetition; the inbox table does so by itself. [`Doors`] runs the
//! hand-overs as jobs and asks for answers; `requests` keeps the states. What to set up: `infra/docs/doors.md`.

mod answer;
mod answers;
mod file;
mod hand_over;
mod inbox;
mod mail;
mod message;
mod registry;
mod settings;
mod signature;
mod webhook;

use std::future::Future;
use std::pin::Pin;

use platform_core::id::RequestId;

pub use answer::{Answer, AnswerLink, Said, Verdict, answered, answered_by_machine, read_link};
pub use hand_over::{Doors, DoorsConfig};
pub use message::{Message, Person};
pub use registry::{NewDoor, Opened, StoredDoor, Trouble, find, in_trouble, list, put, set_enabled};
pub use settings::{Attached, Settings};
pub use signature::{Signed, sign, verify};

/// What a door does, once it is set up. None of these holds a transaction of ours open.
pub trait Door: Send + Sync + std::fmt::Debug {
    /// Hands a request over. Done only when the other side keeps it; the answer may come at once.
    fn hand_over<'a>(&'a self, message: &'a Message) -> Doing<'a, Option<Verdict>>;

    /// What the other side has said of these by now; none when it does not speak here unless it is asked through
    /// [`Self::hand_over`].
    fn answers<'a>(&'a self, open: &'a [RequestId]) -> Doing<'a, Option<Vec<(RequestId, Verdict)>>>;

    /// Whether it would open: changes nothing on the other side. Says what was found.
    fn test(&self) -> Doing<'_, String>;
}

/// Work on the other side; the error is for staff.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;
