//! Carriers: where a parcel can be followed, and what a tracking provider tells of it.
//!
//! [`link`] gives the carrier's own page. A [`Provider`] tells of checkpoints, by a signed message ([`receive`]) or, where
//! none comes, when it is asked ([`Poller`]); both end in `shipment_events`, which is only ever added to. Nothing here
//! changes an order: what the carrier says stands beside what the order's own system says.

mod accounts;
pub mod aftership;
mod asking;
mod inbox;
mod links;
mod numbers;
mod poll;
mod provider;

pub use accounts::{Account, NewAccount, Shown, find, put, show};
pub use asking::Asking;
pub use inbox::{Received, receive};
pub use links::link;
pub use numbers::bare;
pub use poll::Poller;
pub use provider::{AskError, Checkpoint, CheckpointKind, Message, Parcel, Provider, Refused, provider};
