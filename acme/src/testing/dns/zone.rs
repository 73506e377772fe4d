//! One zone on one server: its records as text, and its answer to a question.

use std::net::Ipv4Addr;
use std::str::FromStr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, CAA, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::dns::{canonical, is_within, parent};

const TTL: u32 = 300;
/// How long an absence may be kept.
const NEGATIVE: u32 = 900;

/// The records of a zone.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    apex: String,
    records: Vec<Record>,
}

/// An answer, before it is a message.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) code: ResponseCode,
    pub(super) authoritative: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authority: Vec<Record>,
    pub(super) additional: Vec<Record>,
    pub(super) bogus: bool,
}

impl Reply {
    pub(super) fn error(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            bogus: false,
        }
    }

    /// The servers of the zone below that this sends to.
    pub(super) fn referral(&self) -> Vec<(String, Option<Ipv4Addr>)> {
        if self.authoritative || !self.answers.is_empty() {
            return Vec::new();
        }
        let glue = |server: &str| {
            self.additional.iter().find_map(|record| match record.data {
                RData::A(v4) if text(&record.name) == server => Some(v4.0),
                _ => None,
            })
        };
        let servers = self.authority.iter().filter_map(|record| match &record.data {
            RData::NS(server) => Some(text(&server.0)),
            _ => None,
        });
        servers.map(|server| (server.clone(), glue(&server))).collect()
    }
}

impl Contents {
    pub(super) fn read(apex: &str, source: &str) -> Self {
        let apex = canonical(apex);
        let mut records: Vec<Record> = source
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| record(line, &apex))
            .collect();
        if !records.iter().any(|record| record.record_type() == RecordType::SOA) {
            let host = |label: &str| name(&format!("{label}.{apex}"));
            let soa = SOA::new(host("primary"), host("hostmaster"), 1, 3600, 600, 86_400, NEGATIVE);
            records.push(Record::from_rdata(name(&apex), TTL, RData::SOA(soa)));
        }
        Self { apex, records }
    }

    pub(super) fn refer(&mut self, zone: &str, server: &str, glue: Option<Ipv4Addr>) {
        self.records.push(Record::from_rdata(name(zone), TTL, RData::NS(NS(name(server)))));
        if let Some(ip) = glue {
            self.records.push(Record::from_rdata(name(server), TTL, RData::A(A(ip))));
        }
    }

    pub(super) fn answer(&self, question: &str, kind: RecordType) -> Reply {
        if let Some(cut) = self.cut(question) {
            return self.send_down(&cut);
        }
        let mut reply = Reply { authoritative: true, ..Reply::error(ResponseCode::NoError) };
        let mut at = question.to_owned();
        for _ in 0..8 {
            let Some(owner) = self.owner(&at) else {
                reply.code = ResponseCode::NXDomain;
                reply.authority.push(self.soa());
                return reply;
            };
            let found: Vec<Record> = self.of(&owner, kind).map(|record| renamed(record, &at)).collect();
            if !found.is_empty() {
                reply.answers.extend(found);
                return reply;
            }
            let Some(alias) = self.of(&owner, RecordType::CNAME).next().cloned() else {
                reply.authority.push(self.soa());
                return reply;
            };
            let RData::CNAME(target) = &alias.data else { return reply };
            let target = text(&target.0);
            reply.answers.push(renamed(&alias, &at));
            // Out of the zone, or below a cut: the asker has to go on by itself.
            if !is_within(&target, &self.apex) || self.cut(&target).is_some() {
                return reply;
            }
            at = target;
        }
        reply
    }

    fn send_down(&self, cut: &str) -> Reply {
        let mut reply = Reply::error(ResponseCode::NoError);
        for server in self.of(cut, RecordType::NS) {
            reply.authority.push(server.clone());
            if let RData::NS(server) = &server.data {
                reply.additional.extend(self.of(&text(&server.0), RecordType::A).cloned());
            }
        }
        reply
    }

    /// The delegation that a name lies at or below.
    fn cut(&self, question: &str) -> Option<String> {
        let mut at = question;
        let mut cut = None;
        while at != self.apex && is_within(at, &self.apex) {
            if self.of(at, RecordType::NS).next().is_some() {
                cut = Some(at.to_owned());
            }
            at = parent(at)?;
        }
        cut
    }

    /// The name whose records answer: the name itself, or the wildcard that covers it.
    fn owner(&self, question: &str) -> Option<String> {
        let exists = |at: &str| self.records.iter().any(|record| is_within(&text(&record.name), at));
        if exists(question) {
            return Some(question.to_owned());
        }
        let mut above = parent(question)?;
        while !exists(above) && above != self.apex {
            above = parent(above)?;
        }
        let wildcard = format!("*.{above}");
        self.records.iter().any(|record| text(&record.name) == wildcard).then_some(wildcard)
    }

    fn of(&self, owner: &str, kind: RecordType) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.record_type() == kind && text(&record.name) == owner)
    }

    fn soa(&self) -> Record {
        self.of(&self.apex, RecordType::SOA).next().expect("every zone has one").clone()
    }
}

/// `name TYPE value`, or `name TYPE` for an absence.
pub(super) fn kept(line: &str) -> (String, RecordType, Option<Record>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let kind = RecordType::from_str(words[1]).expect("a record type");
    (canonical(words[0]), kind, (words.len() > 2).then(|| record(line, "")))
}

fn record(line: &str, apex: &str) -> Record {
    let bad = || panic!("cannot read the record {line:?}");
    let mut parts = line.splitn(3, char::is_whitespace);
    let (Some(owner), Some(kind), value) = (parts.next(), parts.next(), parts.next().unwrap_or("").trim())
    else {
        bad()
    };
    let data = match kind {
        "A" => RData::A(A(value.parse().unwrap_or_else(|_| bad()))),
        "AAAA" => RData::AAAA(AAAA(value.parse().unwrap_or_else(|_| bad()))),
        "CNAME" => RData::CNAME(CNAME(absolute(value, apex))),
        "NS" => RData::NS(NS(absolute(value, apex))),
        "TXT" => {
            RData::TXT(TXT::new(value.split("\" \"").map(|part| part.trim_matches('"').into()).collect()))
        }
        "CAA" => RData::CAA(caa(value)),
        _ => bad(),
    };
    Record::from_rdata(absolute(owner, apex), TTL, data)
}

fn caa(value: &str) -> CAA {
    let mut parts = value.splitn(3, ' ');
    let (flags, tag, value) = (parts.next(), parts.next(), parts.next());
    let flags: u8 = flags.and_then(|flags| flags.parse().ok()).expect("CAA flags");
    let mut caa = CAA::new_issue(flags & 128 != 0, None, Vec::new());
    caa.reserved_flags = flags & 127;
    caa.tag = tag.expect("a CAA tag").into();
    caa.value = value.expect("a CAA value").trim_matches('"').into();
    caa
}

/// A name as a zone file means it: relative without its final dot.
fn absolute(text: &str, apex: &str) -> Name {
    match (text, text.strip_suffix('.')) {
        ("@", _) => name(apex),
        (_, Some(bare)) => name(bare),
        (_, None) if apex.is_empty() => name(text),
        (_, None) => name(&format!("{text}.{apex}")),
    }
}

fn renamed(record: &Record, at: &str) -> Record {
    Record::from_rdata(name(at), record.ttl, record.data.clone())
}

pub(super) fn name(text: &str) -> Name {
    let dotted = format!("{}.", canonical(text).trim_end_matches('.'));
    Name::from_ascii(&dotted).unwrap_or_else(|error| panic!("{dotted:?} is no name: {error}"))
}

pub(super) fn text(name: &Name) -> String {
    canonical(&name.to_ascii())
}
