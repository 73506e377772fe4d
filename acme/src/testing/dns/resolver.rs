//! A recursive resolver over the servers of this DNS: from the root down, through aliases, with what it has kept, and
//! failing where a signature is wrong.

use std::net::Ipv4Addr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, Record, RecordType};

use super::zone::{Reply, text};
use super::{State, Temper};
use crate::dns::is_within;

impl State {
    /// What a server's own zones say; none when it keeps silent.
    pub(super) fn own(&self, server: Ipv4Addr, question: &str, kind: RecordType) -> Option<Reply> {
        let at = self.servers.get(&server)?;
        let caa = kind == RecordType::CAA;
        match at.temper {
            Temper::Silent => return None,
            Temper::SilentOnCaa if caa => return None,
            Temper::Refuses => return Some(Reply::error(ResponseCode::Refused)),
            Temper::Fails => return Some(Reply::error(ResponseCode::ServFail)),
            Temper::NoCaa if caa => return Some(Reply::error(ResponseCode::NotImp)),
            _ => {}
        }
        let holds = at.zones.iter().filter(|(apex, _)| is_within(question, apex));
        let Some((_, zone)) = holds.max_by_key(|(apex, _)| apex.len()) else {
            return Some(Reply::error(ResponseCode::Refused));
        };
        let mut reply = zone.answer(question, kind);
        if at.temper == Temper::NotOwn {
            reply.authoritative = false;
        }
        Some(reply)
    }

    /// What resolver `at` answers.
    pub(super) fn resolve(&self, at: Ipv4Addr, question: &str, kind: RecordType, check: bool) -> Reply {
        let temper = self.servers.get(&at).map_or(Temper::Well, |server| server.temper);
        match temper {
            Temper::Refuses => return Reply::error(ResponseCode::Refused),
            Temper::Fails => return Reply::error(ResponseCode::ServFail),
            _ => {}
        }
        if let Some(kept) = self.kept.get(&(at, question.to_owned(), kind)) {
            let mut reply = Reply::error(ResponseCode::NoError);
            match kept {
                Some(record) => reply.answers.push(record.clone()),
                None => reply.code = ResponseCode::NXDomain,
            }
            return reply;
        }
        let mut reply = self.chase(question, kind, 0).unwrap_or_else(|| Reply::error(ResponseCode::ServFail));
        if check && self.touches_bogus(question, &reply.answers) {
            reply = Reply { bogus: true, ..Reply::error(ResponseCode::ServFail) };
        }
        reply.authoritative = false;
        reply
    }

    fn touches_bogus(&self, question: &str, answers: &[Record]) -> bool {
        let wrong = |name: &str| self.bogus.iter().any(|zone| is_within(name, zone));
        wrong(question) || answers.iter().any(|record| wrong(&text(&record.name)))
    }

    /// Follows delegations, then aliases. None: nobody answers.
    fn chase(&self, question: &str, kind: RecordType, depth: usize) -> Option<Reply> {
        if depth > 8 {
            return None;
        }
        let mut servers = vec![*self.names.get("a.root-servers.test")?];
        for _ in 0..10 {
            let replies = servers.iter().filter_map(|server| self.own(*server, question, kind));
            let mut good = replies.filter(|reply| {
                matches!(reply.code, ResponseCode::NoError | ResponseCode::NXDomain)
                    && (reply.authoritative || !reply.referral().is_empty())
            });
            let reply = good.next()?;
            let below = reply.referral();
            if below.is_empty() {
                return self.through_alias(reply, kind, depth);
            }
            servers =
                below.iter().filter_map(|(name, glue)| glue.or_else(|| self.place(name, depth))).collect();
        }
        None
    }

    fn through_alias(&self, mut reply: Reply, kind: RecordType, depth: usize) -> Option<Reply> {
        let last = reply.answers.last().and_then(|record| alias(record, kind));
        let Some(target) = last else { return Some(reply) };
        let rest = self.chase(&target, kind, depth + 1)?;
        reply.answers.extend(rest.answers);
        Some(Reply { answers: reply.answers, ..rest })
    }

    fn place(&self, server: &str, depth: usize) -> Option<Ipv4Addr> {
        let reply = self.chase(server, RecordType::A, depth + 1)?;
        reply.answers.iter().find_map(|record| match record.data {
            RData::A(v4) => Some(v4.0),
            _ => None,
        })
    }
}

/// Where a record sends the asker, unless the alias itself was asked for.
fn alias(record: &Record, asked: RecordType) -> Option<String> {
    match &record.data {
        RData::CNAME(target) if asked != RecordType::CNAME => Some(text(&target.0)),
        _ => None,
    }
}
