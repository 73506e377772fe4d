//! Proofs in a zone on the operator's own name servers, by dynamic update (RFC 2136) signed with a shared key (RFC 8945).
//!
//! For operators who run DNS already and do not want `delegation`'s server to answer the internet. Customers point
//! `_acme-challenge` at the same targets; only who answers for the zone differs. What lies in the zone follows what lies in
//! the database: an update replaces all values of a target at once, so an update that was lost, or two nodes that write at
//! the same time, are made good by the next look. The authority is told to look when every server of the zone has it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode, UpdateMessage as _};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigner};
use platform_core::clock::Clock;
use platform_core::random::{Random, bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::delegation;
use crate::dns::walk::Walker;
use crate::dns::{Client, Data, Kind, Mode, Said, Sources, canonical};

/// For the answer to one update, and to one question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds by which the server's clock may differ from ours; what RFC 8945 recommends.
const FUDGE: u16 = 300;
/// Nobody shall keep a proof: the next one is another.
const TTL: u32 = 1;

/// The digest of the shared key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha256,
    HmacSha384,
    HmacSha512,
}

impl Algorithm {
    /// By its name, such as `hmac-sha256`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "hmac-sha256" => Some(Self::HmacSha256),
            "hmac-sha384" => Some(Self::HmacSha384),
            "hmac-sha512" => Some(Self::HmacSha512),
            _ => None,
        }
    }

    fn wire(self) -> TsigAlgorithm {
        match self {
            Self::HmacSha256 => TsigAlgorithm::HmacSha256,
            Self::HmacSha384 => TsigAlgorithm::HmacSha384,
            Self::HmacSha512 => TsigAlgorithm::HmacSha512,
        }
    }
}

/// Where updates go and how they are signed.
#[derive(Clone)]
pub struct UpdateConfig {
    /// Such as `acme.portal.example.com`.
    pub zone: String,
    /// The zone's primary server.
    pub server: SocketAddr,
    /// The key's name, as the server knows it.
    pub key_name: String,
    pub algorithm: Algorithm,
    pub key: Vec<u8>,
}

impl std::fmt::Debug for UpdateConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the key.
        f.debug_struct("UpdateConfig")
            .field("zone", &self.zone)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Why a zone was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("{0:?} is no DNS name")]
    Name(String),
    #[error("the key for updates cannot be used: {0}")]
    Key(String),
    #[error("the name server {0} does not answer: {1}")]
    Unreachable(SocketAddr, String),
    #[error("the name server {server} refuses to change {zone}: {code}")]
    Refused { server: SocketAddr, zone: String, code: ResponseCode },
    #[error("the name server {0} answers an update with something unreadable or unsigned: {1}")]
    Garbled(SocketAddr, String),
}

/// Where the proofs of a host are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Everywhere,
    /// The primary has them; another server of the zone lags behind.
    AtThePrimary,
    Nowhere,
}

/// Changes the zone. Cheap to clone.
#[derive(Clone)]
pub struct Updater {
    config: Arc<UpdateConfig>,
    zone: Name,
    signer: TSigner,
    client: Client,
    walker: Walker,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Updater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Updater").field(&self.config).finish()
    }
}

impl Updater {
    /// Talks to nobody yet. `sources` is how the zone's other servers are found.
    ///
    /// # Errors
    /// The zone's or the key's name is no DNS name, or the key is of no use.
    pub fn new(
        config: UpdateConfig,
        sources: Sources,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, UpdateError> {
        let zone = name(&config.zone)?;
        let signer =
            TSigner::new(config.key.clone(), config.algorithm.wire(), name(&config.key_name)?, FUDGE)
                .map_err(|error| UpdateError::Key(error.to_string()))?;
        let client = Client::new(random.clone(), PATIENCE);
        let walker = Walker::new(client.clone(), sources);
        Ok(Self { config: Arc::new(config), zone, signer, client, walker, clock, random })
    }

    /// Makes the zone hold exactly these proofs of a host: none takes the name away.
    ///
    /// # Errors
    /// The server's answer, or none.
    pub async fn set(&self, host: &str, values: &[String]) -> Result<(), UpdateError> {
        let update = self.update(&name(&self.target(host))?, values);
        let answer = timeout(PATIENCE, self.exchange(update)).await;
        let answer = answer.unwrap_or_else(|_| Err(self.unreachable("no answer in time")))?;
        match answer.metadata.response_code {
            ResponseCode::NoError => Ok(()),
            code => {
                Err(UpdateError::Refused { server: self.config.server, zone: self.config.zone.clone(), code })
            }
        }
    }

    /// Where these proofs of a host can be seen.
    pub(crate) async fn seen(&self, host: &str, values: &[String]) -> Seen {
        let target = self.target(host);
        if !self.gives(self.config.server, &target, values).await {
            return Seen::Nowhere;
        }
        // Where the world cannot be asked from here, the primary's word has to do.
        let Ok(zone) = self.walker.zone(&target).await else { return Seen::Everywhere };
        for address in zone.servers.iter().flat_map(|server| &server.addresses) {
            let Ok(server) = self.walker.address(*address) else { continue };
            if server != self.config.server && !self.gives(server, &target, values).await {
                return Seen::AtThePrimary;
            }
        }
        Seen::Everywhere
    }

    async fn gives(&self, server: SocketAddr, target: &str, values: &[String]) -> bool {
        let said = self.client.said(server, target, Kind::Txt, Mode::Own).await;
        let has =
            |value: &String| said.data().iter().any(|data| matches!(data, Data::Txt(text) if text == value));
        matches!(said, Said::Found { .. }) && values.iter().all(has)
    }

    fn target(&self, host: &str) -> String {
        canonical(&delegation::target(host, &self.config.zone))
    }

    /// Takes all values of the target away and adds the new ones; the server does both or neither (RFC 2136, 3.4).
    fn update(&self, target: &Name, values: &[String]) -> Message {
        let id = u16::from_be_bytes(bytes::<2>(&*self.random));
        let mut message = Message::new(id, MessageType::Query, OpCode::Update);
        let mut zone = Query::query(self.zone.clone(), RecordType::SOA);
        zone.set_query_class(DNSClass::IN);
        message.add_zone(zone);
        let mut none = Record::from_rdata(target.clone(), 0, RData::Update0(RecordType::TXT));
        none.dns_class = DNSClass::ANY;
        message.add_update(none);
        for value in values {
            let text = RData::TXT(TXT::new(vec![value.clone()]));
            message.add_update(Record::from_rdata(target.clone(), TTL, text));
        }
        message
    }

    /// Over TCP: an update is never cut short, and nobody can answer in the server's place.
    async fn exchange(&self, mut update: Message) -> Result<Message, UpdateError> {
        let server = self.config.server;
        let now = u64::try_from(self.clock.now().timestamp()).unwrap_or_default();
        let key = |error: hickory_proto::ProtoError| UpdateError::Key(error.to_string());
        let verifier = update.finalize(&self.signer, now).map_err(key)?;
        let wire = update.to_vec().map_err(key)?;
        let length = u16::try_from(wire.len()).map_err(|error| UpdateError::Key(error.to_string()))?;
        let unreachable = |error: std::io::Error| self.unreachable(&error.to_string());
        let mut stream = TcpStream::connect(server).await.map_err(unreachable)?;
        stream.write_all(&[&length.to_be_bytes(), wire.as_slice()].concat()).await.map_err(unreachable)?;
        let length = stream.read_u16().await.map_err(unreachable)?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.map_err(unreachable)?;
        let garbled = |why: String| UpdateError::Garbled(server, why);
        let message = Message::from_vec(&answer).map_err(|error| garbled(error.to_string()))?;
        if message.metadata.id != update.metadata.id {
            return Err(garbled("an answer to something else".to_owned()));
        }
        // A refusal may come unsigned, for instance when the server does not know the key; it changes nothing.
        if message.metadata.response_code == ResponseCode::NoError
            && let Some(mut verifier) = verifier
        {
            verifier.verify(&answer).map_err(|error| garbled(error.to_string()))?;
        }
        Ok(message)
    }

    fn unreachable(&self, why: &str) -> UpdateError {
        UpdateError::Unreachable(self.config.server, why.to_owned())
    }
}

fn name(text: &str) -> Result<Name, UpdateError> {
    let absolute = format!("{}.", text.trim_end_matches('.'));
    Name::from_ascii(absolute).map_err(|_| UpdateError::Name(text.to_owned()))
}
