//! Several documents as one ZIP: one document in memory at a time, the right asked for again before each.

use std::collections::{HashSet, VecDeque};

use async_zip::base::write::ZipFileWriter;
use async_zip::error::ZipError;
use async_zip::{Compression, ZipDateTimeBuilder, ZipEntryBuilder};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chrono::{Datelike as _, Timelike as _};
use futures_util::stream::try_unfold;
use platform_web::{Download, Error, Posted, Problems, safe_name};
use uuid::Uuid;

use super::document::{self, ids};
use super::list::{self, Asked};
use super::routes::{Reader, today};
use super::store;

/// So many documents of at most 20 MiB stay below the 4 GiB of the format.
pub const AT_MOST: usize = 200;

pub(super) async fn archive(reader: Reader, form: Posted) -> Result<Response, Error> {
    let mut seen = HashSet::new();
    let chosen: Vec<String> = form.all("chosen").filter(|id| seen.insert(*id)).map(str::to_owned).collect();
    let wrong = match chosen.len() {
        0 => Some("invoices.archive.none"),
        1..=AT_MOST => None,
        _ => Some("invoices.archive.many"),
    };
    if let Some(message) = wrong {
        return list::page(&reader, Asked::posted(&form), Problems::of_one("chosen", message), &chosen).await;
    }
    let ids = ids(chosen.iter().map(String::as_str))?;
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    // One that is not theirs makes the whole question one that we know nothing of.
    let all_theirs = store::known(&mut tx, &ids).await?.len() == ids.len();
    drop(tx);
    if !all_theirs {
        return Err(Error::not_found());
    }
    let name = format!("{} {}", reader.visit.words().say("invoices.file.name", &[]), today(&reader.visit));
    let start = Progress {
        reader,
        left: ids.into(),
        zip: Some(Archive::new(Vec::new())),
        names: HashSet::new(),
        missing: Vec::new(),
    };
    let body = Body::from_stream(try_unfold(start, |progress| async move {
        progress.next().await.inspect_err(|error| tracing::warn!(%error, "an archive of invoices broke off"))
    }));
    Ok(Download::new(&name, "zip", "application/zip").response(body))
}

/// What was written and is not sent yet, and what the directory at the end has to know.
type Archive = ZipFileWriter<Vec<u8>>;

/// How far an archive has got.
struct Progress {
    reader: Reader,
    left: VecDeque<Uuid>,
    /// Gone once the directory is written.
    zip: Option<Archive>,
    names: HashSet<String>,
    /// Numbers of those that are not there yet.
    missing: Vec<String>,
}

impl Progress {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        let Some(mut zip) = self.zip.take() else { return Ok(None) };
        while let Some(id) = self.left.pop_front() {
            self.add(&mut zip, id).await.map_err(|error| std::io::Error::other(format!("{error:?}")))?;
            let written = std::mem::take(zip.inner_mut());
            if !written.is_empty() {
                self.zip = Some(zip);
                return Ok(Some((written.into(), self)));
            }
        }
        let end = self.finish(zip).await.map_err(std::io::Error::other)?;
        Ok(Some((end.into(), self)))
    }

    /// Reads one document and writes it down as given, both in one transaction, and puts it in line.
    async fn add(&mut self, zip: &mut Archive, id: Uuid) -> Result<(), Error> {
        let reader = &self.reader;
        if !reader.person.still().await {
            return Err(Error::not_found());
        }
        let mut tx = reader.person.tx(reader.visit.site().db()).await?;
        let invoice = store::invoice(&mut tx, id).await?.ok_or_else(Error::not_found)?;
        let found = document::find(&mut tx, reader, &invoice, true).await?;
        tx.commit().await?;
        match document::ready(reader, &invoice, found).await? {
            Some(ready) => {
                let put = self.put(zip, &ready.name, ready.extension, &ready.bytes).await;
                put.map_err(Error::internal)?;
            }
            None => self.missing.push(invoice.number),
        }
        Ok(())
    }

    /// Stored as they are: PDFs are compressed already.
    async fn put(
        &mut self,
        zip: &mut Archive,
        name: &str,
        extension: &str,
        bytes: &[u8],
    ) -> Result<(), ZipError> {
        let stem = safe_name(name);
        let mut name = format!("{stem}.{extension}");
        let mut again = 2;
        while !self.names.insert(name.to_lowercase()) {
            name = format!("{stem}-{again}.{extension}");
            again += 1;
        }
        let at = self.reader.visit.now().with_timezone(&self.reader.visit.look().zone);
        let at = ZipDateTimeBuilder::new()
            .year(at.year())
            .month(at.month())
            .day(at.day())
            .hour(at.hour())
            .minute(at.minute())
            .second(at.second());
        let member =
            ZipEntryBuilder::new(name.into(), Compression::Stored).last_modification_date(at.build());
        zip.write_entry_whole(member, bytes).await
    }

    /// Says what is not inside, then the directory.
    async fn finish(&mut self, mut zip: Archive) -> Result<Vec<u8>, ZipError> {
        if !self.missing.is_empty() {
            let words = self.reader.visit.words();
            let text = format!(
                "{}\r\n\r\n{}\r\n",
                words.say("invoices.archive.missing", &[]),
                self.missing.join("\r\n")
            );
            let name = words.say("invoices.archive.missing_name", &[]);
            self.put(&mut zip, &name, "txt", text.as_bytes()).await?;
        }
        zip.close().await
    }
}
