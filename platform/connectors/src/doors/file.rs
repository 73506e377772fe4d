//! The file drop: a JSON file in a folder that both sides see, and the other side's answer beside it.
//!
//! Written whole or not at all, and on the disk before it has its name: temporary name, fsync, rename, fsync of the folder.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use platform_core::id::RequestId;

use super::{Answer, Doing, Door, Message, Verdict};

/// An answer is a few lines.
const LARGEST_ANSWER: u64 = 64 * 1024;

/// One folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(folder: &str) -> Self {
        Self(PathBuf::from(folder))
    }
}

impl Door for Folder {
    fn hand_over<'a>(&'a self, message: &'a Message) -> Doing<'a, Option<Verdict>> {
        let (folder, name, text) = (self.0.clone(), message.id.to_string(), message.json());
        Box::pin(async move {
            blocking(move || write(&folder, &name, text.as_bytes()).map_err(|error| told(&folder, &error)))
                .await?;
            Ok(None)
        })
    }

    fn answers<'a>(&'a self, open: &'a [RequestId]) -> Doing<'a, Option<Vec<(RequestId, Verdict)>>> {
        let (folder, open) = (self.0.clone(), open.to_vec());
        Box::pin(blocking(move || {
            std::fs::metadata(&folder).map_err(|error| told(&folder, &error))?;
            Ok(Some(open.into_iter().filter_map(|id| Some((id, read(&folder, id)?))).collect()))
        }))
    }

    fn test(&self) -> Doing<'_, String> {
        let folder = self.0.clone();
        Box::pin(blocking(move || {
            // Starts with a dot and ends with no .json: the other side takes no notice.
            write(&folder, ".portico-test", b"").map_err(|error| told(&folder, &error))?;
            std::fs::remove_file(folder.join(".portico-test.json")).map_err(|error| told(&folder, &error))?;
            Ok(format!("{} can be written", folder.display()))
        }))
    }
}

fn write(folder: &Path, name: &str, text: &[u8]) -> std::io::Result<()> {
    let fresh = folder.join(format!(".{name}.tmp"));
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&fresh, folder.join(format!("{name}.json")))?;
    std::fs::File::open(folder)?.sync_all()
}

/// None while there is no answer that can be read: a file that is still being written is read the next time.
fn read(folder: &Path, id: RequestId) -> Option<Verdict> {
    let path = folder.join(format!("{id}.ack.json"));
    let meta = match std::fs::metadata(&path) {
        Ok(meta) => meta,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, path = %path.display(), "an answer cannot be read");
            }
            return None;
        }
    };
    if !meta.is_file() || meta.len() > LARGEST_ANSWER {
        tracing::warn!(path = %path.display(), "this is no answer: too large, or no file");
        return None;
    }
    let answer: Answer = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    if answer.id.is_some_and(|named| named != id) { None } else { answer.verdict() }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(format!("the folder: {error}")))
}

fn told(folder: &Path, error: &std::io::Error) -> String {
    format!("the folder {}: {error}", folder.display())
}
