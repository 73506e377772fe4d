//! Requests: what a customer asks of the tenant's own system, kept in our table with a visible state until that system
//! has said yes or no.
//!
//! [`submit`] writes a request with its event, its hand-over job and its audit line in one transaction; [`advance`] moves
//! it, by the rules of [`State`]. How it leaves is `doors`' affair, what pages and mails say is the slices'.

mod paging;
mod request;
mod row;
mod store;
mod tell;

pub use paging::{Cursor, PAGE, Start, alive, page};
pub use request::{Event, Kind, NewRequest, Request, State, Step, Submitted};
pub use store::{
    HandOver, advance, begin_hand_over, events, get, handed_over, note_failure, of_customer, open_in,
    pending, retry, submit,
};
pub use tell::{Tell, TellRequest, Teller, Telling};

/// Why a request was not taken or not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Core(#[from] platform_core::Error),
    /// The key of this form was used for something else before: the sender must not take the old one for the new.
    #[error("this form was sent before with other content")]
    KeyReused,
    #[error("a request that is {from} cannot become {to}")]
    Unlawful { from: State, to: State },
    /// It is on its way already.
    #[error("the request is being handed over")]
    Leaving,
    #[error("there is no such request")]
    NotFound,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Core(error.into())
    }
}
