//! What a server said, in words of our own: the wire format stays in `client`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde::{Deserialize, Serialize};

use super::canonical;

/// RFC 8914: why a resolver failed, in its own words.
const EXTENDED_ERROR: u16 = 15;

/// The kinds of records that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    A,
    Aaaa,
    Cname,
    Txt,
    Ns,
    Soa,
    Caa,
}

impl Kind {
    pub(crate) fn wire(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Cname => RecordType::CNAME,
            Self::Txt => RecordType::TXT,
            Self::Ns => RecordType::NS,
            Self::Soa => RecordType::SOA,
            Self::Caa => RecordType::CAA,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wire())
    }
}

/// One CAA property as published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property {
    pub flags: u8,
    /// Lower case.
    pub tag: String,
    pub value: String,
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} \"{}\"", self.flags, self.tag, self.value)
    }
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(String),
    /// Joined from its parts.
    Txt(String),
    Ns(String),
    /// The time in seconds for which an absence may be kept.
    Soa {
        negative: u32,
    },
    Caa(Property),
}

impl Data {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::Aaaa,
            Self::Cname(_) => Kind::Cname,
            Self::Txt(_) => Kind::Txt,
            Self::Ns(_) => Kind::Ns,
            Self::Soa { .. } => Kind::Soa,
            Self::Caa(_) => Kind::Caa,
        }
    }

    /// The address in it.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::A(v4) => Some((*v4).into()),
            Self::Aaaa(v6) => Some((*v6).into()),
            _ => None,
        }
    }

    fn read(data: &RData) -> Option<Self> {
        Some(match data {
            RData::A(v4) => Self::A(v4.0),
            RData::AAAA(v6) => Self::Aaaa(v6.0),
            RData::CNAME(target) => Self::Cname(text(&target.0)),
            RData::NS(server) => Self::Ns(text(&server.0)),
            RData::TXT(txt) => Self::Txt(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            RData::SOA(soa) => Self::Soa { negative: soa.minimum },
            RData::CAA(caa) => Self::Caa(Property {
                flags: caa.flags(),
                tag: caa.tag.to_ascii_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            }),
            _ => return None,
        })
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(v4) => v4.fmt(f),
            Self::Aaaa(v6) => v6.fmt(f),
            Self::Cname(name) | Self::Ns(name) => name.fmt(f),
            Self::Txt(text) => write!(f, "“{text}”"),
            Self::Soa { .. } => f.write_str("SOA"),
            Self::Caa(property) => property.fmt(f),
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rr {
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    pub data: Data,
}

/// How a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    NoError,
    NoName,
    ServerFailure,
    Refused,
    /// Any other, by its number.
    Other(u16),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub code: Code,
    /// The server says that it is the zone's own.
    pub authoritative: bool,
    pub answers: Vec<Rr>,
    pub authority: Vec<Rr>,
    pub additional: Vec<Rr>,
    /// RFC 8914: a number and perhaps words.
    pub extended: Option<(u16, String)>,
}

impl Answer {
    pub(crate) fn read(message: &Message) -> Self {
        Self {
            code: code(message.metadata.response_code),
            authoritative: message.metadata.authoritative,
            answers: records(&message.answers),
            authority: records(&message.authorities),
            additional: records(&message.additionals),
            extended: extended(message),
        }
    }

    /// How long this answer's absence may be kept: the smaller of the SOA's own life and its last number (RFC 2308).
    #[must_use]
    pub fn negative_ttl(&self) -> Option<u32> {
        self.authority.iter().find_map(|rr| match rr.data {
            Data::Soa { negative } => Some(rr.ttl.min(negative)),
            _ => None,
        })
    }
}

fn code(code: ResponseCode) -> Code {
    match code {
        ResponseCode::NoError => Code::NoError,
        ResponseCode::NXDomain => Code::NoName,
        ResponseCode::ServFail => Code::ServerFailure,
        ResponseCode::Refused => Code::Refused,
        other => Code::Other(other.into()),
    }
}

fn records(records: &[Record]) -> Vec<Rr> {
    let read = |record: &Record| {
        Some(Rr { name: text(&record.name), ttl: record.ttl, data: Data::read(&record.data)? })
    };
    records.iter().filter_map(read).collect()
}

fn extended(message: &Message) -> Option<(u16, String)> {
    let EdnsOption::Unknown(_, data) = message.edns.as_ref()?.option(EXTENDED_ERROR.into())? else {
        return None;
    };
    let (number, words) = data.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), String::from_utf8_lossy(words).into_owned()))
}

fn text(name: &Name) -> String {
    canonical(&name.to_ascii())
}
