//! DNS-01 without touching a customer's DNS twice. The customer points `_acme-challenge.<host>` once, by CNAME, at a name
//! in a zone that Portico answers itself; every proof after that, also for a wildcard or before the host is moved here, is
//! a row in the database that this server gives out as a TXT record.
//!
//! The target is the host's digest, so that it is the same for ever and on every node. It is no secret and no proof: who
//! points his own name at it lets our account order for that name, and nobody else.
//!
//! The server knows two kinds of names: the targets in its zone, and `_acme-challenge.<host>` itself where the operator has
//! delegated that name (an NS record), which is how the platform's own wildcard is proven. Everything else is refused.
//! A flood of questions does not reach the database: all questions of 20 milliseconds share one look at the open proofs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use platform_core::db::{Db, Error, System};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::challenges;

/// A label of 160 bits.
const LABEL: usize = 40;
const PREFIX: &str = "_acme-challenge.";
/// Nobody shall keep an answer: the next proof is another one.
const TTL: u32 = 1;
/// The least time between two looks at the database.
const LOOK_APART: Duration = Duration::from_millis(20);
/// Questions answered at the same time; those beyond are dropped, and asked again by whoever means it.
const TOGETHER: usize = 256;
/// A TCP client may be silent for this long.
const TCP_SILENCE: Duration = Duration::from_secs(5);

/// The first label of a host's target.
#[must_use]
pub fn label(host: &str) -> String {
    let host = host.strip_prefix("*.").unwrap_or(host);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, host.as_bytes());
    let hexadecimal = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    hexadecimal[..LABEL].to_owned()
}

/// Where `_acme-challenge.<host>` shall point, for a platform that answers `zone`.
#[must_use]
pub fn target(host: &str, zone: &str) -> String {
    format!("{}.{zone}", label(host))
}

/// The zone that is answered here.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Such as `acme.portal.example.com`.
    pub name: String,
    /// This server's host name, as the NS record above the zone has it.
    pub server: String,
}

/// The open proofs as they were at some moment: values by host, and by label.
#[derive(Debug)]
struct Proofs {
    read_at: Instant,
    values: HashMap<String, Vec<String>>,
}

/// The authoritative server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProofServer {
    db: Db,
    zone: Arc<Zone>,
    proofs: Arc<Mutex<Option<Proofs>>>,
    places: Arc<Semaphore>,
}

/// What a question is about.
#[derive(Debug, PartialEq, Eq)]
enum Subject<'a> {
    Apex,
    /// The host of a name that was delegated, or a label of our zone.
    Proof(&'a str),
    /// In our zone, and no name there.
    Nothing,
    /// Not ours.
    Foreign,
}

impl ProofServer {
    #[must_use]
    pub fn new(db: Db, zone: &Zone) -> Self {
        let zone = Arc::new(Zone { name: canonical(&zone.name), server: canonical(&zone.server) });
        Self { db, zone, proofs: Arc::default(), places: Arc::new(Semaphore::new(TOGETHER)) }
    }

    /// Answers at this address, over UDP and TCP, until shutdown. Gives the address, for those who asked for any port.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(
        &self,
        listen: SocketAddr,
        shutdown: CancellationToken,
    ) -> std::io::Result<SocketAddr> {
        let udp = Arc::new(UdpSocket::bind(listen).await?);
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address).await?;
        let (server, stop) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = server.serve_udp(udp) => {} }
        });
        let server = self.clone();
        tokio::spawn(async move {
            tokio::select! { () = shutdown.cancelled() => {}, () = server.serve_tcp(tcp) => {} }
        });
        Ok(address)
    }

    async fn serve_udp(&self, socket: Arc<UdpSocket>) {
        let mut buffer = [0; 1232];
        loop {
            // An error is about a former answer that did not arrive; the next question may.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
            let (server, socket, question) = (self.clone(), socket.clone(), buffer[..length].to_vec());
            tokio::spawn(async move {
                if let Some(answer) = server.answer(&question).await {
                    let _ = socket.send_to(&answer, from).await;
                }
                drop(place);
            });
        }
    }

    async fn serve_tcp(&self, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
            let server = self.clone();
            tokio::spawn(async move {
                let _ = server.converse(stream).await;
                drop(place);
            });
        }
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let length = tokio::time::timeout(TCP_SILENCE, stream.read_u16()).await??;
            let mut question = vec![0; usize::from(length)];
            tokio::time::timeout(TCP_SILENCE, stream.read_exact(&mut question)).await??;
            let Some(answer) = self.answer(&question).await else { return Ok(()) };
            let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
            let frame = [&length.to_be_bytes(), answer.as_slice()].concat();
            tokio::time::timeout(TCP_SILENCE, stream.write_all(&frame)).await??;
        }
    }

    /// None for what is no question: it gets no answer, so that two servers never talk to each other.
    async fn answer(&self, wire: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(wire).ok()?;
        if question.metadata.message_type != hickory_proto::op::MessageType::Query {
            return None;
        }
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.add_queries(question.queries.clone());
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        if question.edns.is_some() {
            answer.set_edns(Edns::new());
        }
        match question.queries.as_slice() {
            [query] if question.metadata.op_code == OpCode::Query => {
                self.fill(&mut answer, query.name(), query.query_type()).await;
            }
            _ => answer.metadata.response_code = ResponseCode::NotImp,
        }
        answer.to_vec().ok()
    }

    async fn fill(&self, answer: &mut Message, asked: &Name, kind: RecordType) {
        let name = canonical(&asked.to_ascii());
        let subject = subject(&name, &self.zone.name);
        let found = match subject {
            Subject::Foreign => {
                answer.metadata.response_code = ResponseCode::Refused;
                return;
            }
            Subject::Apex => self.apex(asked, kind),
            Subject::Nothing => None,
            Subject::Proof(key) => match self.values(key).await {
                Ok(values) if values.is_empty() && !name.starts_with(PREFIX) => None,
                Ok(values) if kind == RecordType::TXT => {
                    Some(values.into_iter().map(|v| txt(asked, v)).collect())
                }
                Ok(_) => Some(Vec::new()),
                Err(error) => {
                    tracing::warn!(%error, "proofs cannot be read");
                    answer.metadata.response_code = ResponseCode::ServFail;
                    return;
                }
            },
        };
        answer.metadata.authoritative = true;
        match found {
            Some(records) if !records.is_empty() => answer.answers = records,
            known => {
                if known.is_none() {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                answer.authorities.extend(self.soa(&name));
            }
        }
    }

    fn apex(&self, asked: &Name, kind: RecordType) -> Option<Vec<Record>> {
        let server = Name::from_ascii(format!("{}.", self.zone.server)).ok();
        Some(match (kind, server) {
            (RecordType::SOA, _) => self.soa(&self.zone.name).into_iter().collect(),
            (RecordType::NS, Some(server)) => {
                vec![Record::from_rdata(asked.clone(), TTL, RData::NS(NS(server)))]
            }
            _ => Vec::new(),
        })
    }

    /// The zone's own record, which says how long an absence counts. A delegated name is a zone of its own.
    fn soa(&self, name: &str) -> Option<Record> {
        let apex = if name.starts_with(PREFIX) { name } else { &self.zone.name };
        let name = |text: &str| Name::from_ascii(format!("{text}.")).ok();
        let (server, person) = (name(&self.zone.server)?, name(&format!("hostmaster.{}", self.zone.name))?);
        let soa = SOA::new(server, person, 1, 3600, 600, 86_400, TTL);
        Some(Record::from_rdata(name(apex)?, TTL, RData::SOA(soa)))
    }

    /// The values of a host or label, from a look at the database that began after the question came.
    async fn values(&self, key: &str) -> Result<Vec<String>, Error> {
        let asked_at = Instant::now();
        let mut proofs = self.proofs.lock().await;
        if proofs.as_ref().is_none_or(|known| known.read_at < asked_at) {
            if let Some(known) = &*proofs {
                tokio::time::sleep_until(known.read_at + LOOK_APART).await;
            }
            let read_at = Instant::now();
            let mut tx = self.db.system(System::Certificates).await?;
            let mut values: HashMap<String, Vec<String>> = HashMap::new();
            for (host, value) in challenges::open_proofs(&mut tx).await? {
                values.entry(label(&host)).or_default().push(value.clone());
                values.entry(host).or_default().push(value);
            }
            *proofs = Some(Proofs { read_at, values });
        }
        Ok(proofs.as_ref().and_then(|known| known.values.get(key)).cloned().unwrap_or_default())
    }
}

fn subject<'a>(name: &'a str, zone: &str) -> Subject<'a> {
    if name == zone {
        return Subject::Apex;
    }
    let inside = name.strip_suffix(zone).and_then(|rest| rest.strip_suffix('.'));
    match (inside, name.strip_prefix(PREFIX)) {
        (Some(label), _) if label.len() == LABEL && label.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Subject::Proof(label)
        }
        (Some(_), _) => Subject::Nothing,
        (None, Some(host)) if !host.is_empty() => Subject::Proof(host),
        _ => Subject::Foreign,
    }
}

fn txt(name: &Name, value: String) -> Record {
    Record::from_rdata(name.clone(), TTL, RData::TXT(TXT::new(vec![value])))
}

fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_fixed_for_ever_and_a_wildcard_shares_its_base() {
        assert_eq!(
            target("a.example", "acme.portal.example"),
            "b8e7453371a024daae06f3164492c0afcde134c7.acme.portal.example"
        );
        assert_eq!(label("*.brightwater.example"), label("brightwater.example"));
    }

    #[test]
    fn names_are_ours_or_refused() {
        let zone = "acme.portal.example";
        let label = label("a.example");
        assert_eq!(subject(zone, zone), Subject::Apex);
        assert_eq!(subject(&format!("{label}.{zone}"), zone), Subject::Proof(&label));
        assert_eq!(subject("short.acme.portal.example", zone), Subject::Nothing);
        assert_eq!(subject("xacme.portal.example", zone), Subject::Foreign);
        assert_eq!(subject("_acme-challenge.portal.example", zone), Subject::Proof("portal.example"));
        assert_eq!(subject("www.example", zone), Subject::Foreign);
    }

    struct Running {
        _test: migrations::testing::TestDatabase,
        address: SocketAddr,
        stop: CancellationToken,
    }

    async fn running() -> Running {
        let test = migrations::testing::TestDatabase::new().await;
        let config = platform_core::db::DbConfig {
            app: test.app_options(),
            operator: None,
            pooler: false,
            max_connections: 4,
        };
        let db = Db::connect(config).await.unwrap();
        let order = "insert into acme_orders (id, host, step, due, created_at)
                     values ('00000000-0000-0000-0000-000000000001', '*.a.example', 'challenged', now(), now());
                     insert into acme_challenges (host, kind, token, answer, order_id, expires)
                     values ('a.example', 'dns-01', 't', 'value-of-the-proof', '00000000-0000-0000-0000-000000000001', now()),
                            ('b.example', 'http-01', 't', 'not for dns', '00000000-0000-0000-0000-000000000001', now())";
        sqlx::raw_sql(order).execute(&mut test.owner().await).await.unwrap();
        let zone = Zone { name: "Acme.Portal.example.".to_owned(), server: "ns.portal.example".to_owned() };
        let stop = CancellationToken::new();
        let any = "127.0.0.1:0".parse().unwrap();
        let address = ProofServer::new(db, &zone).start(any, stop.clone()).await.unwrap();
        Running { _test: test, address, stop }
    }

    fn question(name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::query();
        message.add_query(hickory_proto::op::Query::query(Name::from_ascii(name).unwrap(), kind));
        message.to_vec().unwrap()
    }

    async fn ask(running: &Running, name: &str, kind: RecordType) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&question(name, kind), running.address).await.unwrap();
        let mut buffer = [0; 1232];
        let length =
            tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await.unwrap().unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    fn texts(answer: &Message) -> Vec<String> {
        let text = |record: &Record| match &record.data {
            RData::TXT(text) => Some(text.to_string()),
            _ => None,
        };
        answer.answers.iter().filter_map(text).collect()
    }

    #[tokio::test]
    async fn proofs_are_answered_with_authority_and_nothing_else_is() {
        let running = running().await;
        let target = target("a.example", "aCME.portal.example.");
        for name in [target.as_str(), "_Acme-Challenge.A.example."] {
            let answer = ask(&running, name, RecordType::TXT).await;
            assert_eq!(texts(&answer), ["value-of-the-proof"], "{name}");
            assert!(answer.metadata.authoritative);
            let nothing = ask(&running, name, RecordType::A).await;
            assert_eq!((nothing.metadata.response_code, nothing.answers.len()), (ResponseCode::NoError, 0));
            assert_eq!(nothing.authorities.len(), 1, "an absence says how long it counts");
        }
        let unknown = super::target("b.example", "acme.portal.example.");
        assert_eq!(
            ask(&running, &unknown, RecordType::TXT).await.metadata.response_code,
            ResponseCode::NXDomain
        );
        let foreign = ask(&running, "www.example.", RecordType::TXT).await;
        assert_eq!(
            (foreign.metadata.response_code, foreign.metadata.authoritative),
            (ResponseCode::Refused, false)
        );
        for kind in [RecordType::SOA, RecordType::NS] {
            assert_eq!(ask(&running, "acme.portal.example.", kind).await.answers.len(), 1);
        }
        running.stop.cancel();
    }

    #[tokio::test]
    async fn tcp_is_answered_and_rubbish_is_not() {
        let running = running().await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(b"rubbish", running.address).await.unwrap();
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let wire = question(&format!("{}.acme.portal.example.", label("a.example")), RecordType::TXT);
        stream
            .write_all(&[&u16::try_from(wire.len()).unwrap().to_be_bytes(), wire.as_slice()].concat())
            .await
            .unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(texts(&Message::from_vec(&answer).unwrap()), ["value-of-the-proof"]);
        let silent = tokio::time::timeout(Duration::from_millis(100), socket.recv(&mut [0; 100])).await;
        assert!(silent.is_err(), "rubbish has no answer");
        running.stop.cancel();
    }
}
