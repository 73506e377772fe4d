//! Hearing hints for as long as the program runs, so that what is kept in memory lasts only while its changes are heard.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Db, Error};

/// Before the connection is opened anew.
const PAUSE: Duration = Duration::from_secs(1);

/// What a listener is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heed<'a> {
    /// Hints are heard from now on. What changed before was told to nobody.
    Open,
    /// The payload of a hint.
    Hint(&'a str),
    /// Hints may be missed from now on.
    Closed,
}

impl Db {
    /// Hears a channel until shutdown; opens its connection anew when it is lost. `Closed` comes last.
    pub async fn heed(&self, channel: &str, shutdown: &CancellationToken, mut tell: impl FnMut(Heed<'_>)) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                heard = self.heed_one(channel, &mut tell) => {
                    let error = heard.err().map(tracing::field::display);
                    tracing::warn!(channel, error, "hints are lost for the moment");
                }
            }
            tell(Heed::Closed);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Until the connection is lost.
    async fn heed_one(&self, channel: &str, tell: &mut impl FnMut(Heed<'_>)) -> Result<(), Error> {
        let mut listener = self.listen(&[channel]).await?;
        tell(Heed::Open);
        // `recv` would connect again and say nothing of what it missed.
        while let Some(heard) = listener.try_recv().await? {
            tell(Heed::Hint(heard.payload()));
        }
        Ok(())
    }
}
