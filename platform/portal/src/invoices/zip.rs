//! A ZIP archive that is written from front to back: members are stored as they are (PDFs are compressed already), names
//! are UTF-8. Below 4 GiB and 65,535 members, which the caller's limits see to.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version 2.0 of the format; names are UTF-8.
const VERSION: u16 = 20;
const UTF8: u16 = 1 << 11;

/// What the directory at the end has to know.
#[derive(Debug, Default)]
pub(super) struct Zip {
    directory: Vec<u8>,
    count: u16,
    offset: u32,
}

impl Zip {
    /// The head of a member; its bytes follow as they are.
    pub(super) fn member(&mut self, name: &str, bytes: &[u8], at: DateTime<Tz>) -> Vec<u8> {
        let crc = crc32fast::hash(bytes);
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut facts = Vec::with_capacity(26);
        for number in [VERSION, UTF8, 0, time(at), date(at)] {
            facts.extend(number.to_le_bytes());
        }
        for number in [crc, size, size] {
            facts.extend(number.to_le_bytes());
        }
        facts.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        let head = [&LOCAL.to_le_bytes()[..], &facts, name.as_bytes()].concat();
        // The directory says the same, with what made it before, and comment, disk, attributes and place behind.
        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&facts);
        self.directory.extend([0; 10]);
        self.directory.extend(self.offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
        self.offset += u32::try_from(head.len()).unwrap_or(u32::MAX) + size;
        head
    }

    /// The directory, after the last member.
    pub(super) fn end(self) -> Vec<u8> {
        let mut out = self.directory;
        let size = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out.extend(END.to_le_bytes());
        out.extend([0; 4]);
        for _ in 0..2 {
            out.extend(self.count.to_le_bytes());
        }
        out.extend(size.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend([0; 2]);
        out
    }
}

fn time(at: DateTime<Tz>) -> u16 {
    let seconds = at.hour() << 11 | at.minute() << 5 | at.second() / 2;
    u16::try_from(seconds).unwrap_or_default()
}

fn date(at: DateTime<Tz>) -> u16 {
    let years = u32::try_from(at.year() - 1980).unwrap_or_default();
    u16::try_from(years << 9 | at.month() << 5 | at.day()).unwrap_or_default()
}
