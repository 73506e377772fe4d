//! Asks one server one question: over UDP, again over TCP when the answer is cut short, twice before it counts as silent.
//! A resolver is asked by `resolver` first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::Name;
use platform_core::random::{Random, bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Answer, Kind};
use super::resolver::Resolvers;
use super::said::{Said, Trouble};

/// Largest answer asked for over UDP (the DNS flag day's figure).
const PAYLOAD: u16 = 1232;

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The zone's own server: no recursion.
    Own,
    /// A resolver.
    Resolver,
    /// A resolver, told to leave DNSSEC unchecked.
    Unchecked,
}

/// Asks servers.
#[derive(Clone)]
pub struct Client {
    random: Arc<dyn Random>,
    patience: Duration,
    resolvers: Resolvers,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that waits `patience` for each of two tries.
    #[must_use]
    pub fn new(random: Arc<dyn Random>, patience: Duration) -> Self {
        Self { random, patience, resolvers: Resolvers::new(patience) }
    }

    /// The answer to one question, read.
    pub async fn said(&self, server: SocketAddr, name: &str, kind: Kind, mode: Mode) -> Said {
        if mode == Mode::Resolver {
            match self.resolvers.found(server, name, kind).await {
                Some(Ok(answer)) => return Said::read(name, kind, false, &answer),
                Some(Err(trouble)) => return Said::Failed(trouble),
                None => {}
            }
        }
        match self.ask(server, name, kind, mode).await {
            Ok(answer) => Said::read(name, kind, mode == Mode::Own, &answer),
            Err(trouble) => Said::Failed(trouble),
        }
    }

    /// The whole answer to one question.
    ///
    /// # Errors
    /// No answer, or one that cannot be read. An answer with an error code is an answer.
    pub async fn ask(
        &self,
        server: SocketAddr,
        name: &str,
        kind: Kind,
        mode: Mode,
    ) -> Result<Answer, Trouble> {
        let name =
            Name::from_ascii(format!("{name}.")).map_err(|error| Trouble::Garbled(error.to_string()))?;
        let mut trouble = Trouble::Silent;
        let mut extended = true;
        for _ in 0..2 {
            let question = self.question(&name, kind, mode, extended);
            match self.exchange(server, &question).await {
                // Old servers know no EDNS: once more without.
                Ok(message) if extended && message.metadata.response_code == ResponseCode::FormErr => {
                    extended = false;
                    trouble = Trouble::Odd(1);
                }
                Ok(message) => return Ok(Answer::read(&message)),
                Err(found) => trouble = found,
            }
        }
        Err(trouble)
    }

    fn question(&self, name: &Name, kind: Kind, mode: Mode, extended: bool) -> Message {
        let id = u16::from_be_bytes(bytes::<2>(&*self.random));
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = mode != Mode::Own;
        message.metadata.checking_disabled = mode == Mode::Unchecked;
        message.add_query(Query::query(name.clone(), kind.wire()));
        if extended {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            message.set_edns(edns);
        }
        message
    }

    async fn exchange(&self, server: SocketAddr, question: &Message) -> Result<Message, Trouble> {
        let wire = question.to_vec().map_err(|error| Trouble::Garbled(error.to_string()))?;
        let short = self.within(over_udp(server, question, &wire)).await?;
        if short.metadata.truncation {
            return self.within(over_tcp(server, question, &wire)).await;
        }
        Ok(short)
    }

    async fn within(
        &self,
        exchange: impl Future<Output = Result<Message, Trouble>>,
    ) -> Result<Message, Trouble> {
        timeout(self.patience, exchange).await.unwrap_or(Err(Trouble::Silent))
    }
}

async fn over_udp(server: SocketAddr, question: &Message, wire: &[u8]) -> Result<Message, Trouble> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(|error| unreachable(&error))?;
    // Connected: the kernel drops what comes from anywhere else.
    socket.connect(server).await.map_err(|error| unreachable(&error))?;
    socket.send(wire).await.map_err(|error| unreachable(&error))?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|error| unreachable(&error))?;
        match Message::from_vec(&buffer[..length]) {
            Ok(message) if answers(question, &message) => return Ok(message),
            Ok(_) => {}
            // Only what bears our number can be a broken answer; anything else is noise.
            Err(error) if buffer.starts_with(&question.metadata.id.to_be_bytes()) => {
                return Err(Trouble::Garbled(error.to_string()));
            }
            Err(_) => {}
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, wire: &[u8]) -> Result<Message, Trouble> {
    let mut stream = TcpStream::connect(server).await.map_err(|error| unreachable(&error))?;
    let length = u16::try_from(wire.len()).map_err(|error| Trouble::Garbled(error.to_string()))?;
    let framed = [&length.to_be_bytes(), wire].concat();
    stream.write_all(&framed).await.map_err(|error| unreachable(&error))?;
    let length = stream.read_u16().await.map_err(|error| unreachable(&error))?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await.map_err(|error| unreachable(&error))?;
    let message = Message::from_vec(&buffer).map_err(|error| Trouble::Garbled(error.to_string()))?;
    if answers(question, &message) {
        Ok(message)
    } else {
        Err(Trouble::Garbled("an answer to another question".to_owned()))
    }
}

/// Whether a message is the answer to this very question.
fn answers(question: &Message, message: &Message) -> bool {
    let ours =
        |message: &Message| message.queries.first().map(|query| (query.name.clone(), query.query_type));
    message.metadata.id == question.metadata.id
        && message.metadata.message_type == MessageType::Response
        // Some servers leave the question out of an error.
        && (ours(message) == ours(question)
            || message.queries.is_empty() && message.metadata.response_code != ResponseCode::NoError)
}

fn unreachable(error: &io::Error) -> Trouble {
    Trouble::Unreachable(error.kind().to_string())
}
