//! UDP and TCP for the servers of this DNS. Each task serves one address and ends with its world.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::zone::{Reply, text};
use super::{State, Temper};

/// A port that is free for UDP and TCP, and a part of 127.0.0.0/8 that goes with it: two tests at once have two ports, and
/// so two parts.
pub(super) async fn free_port() -> (u16, [u8; 2]) {
    for _ in 0..64 {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let port = probe.local_addr().expect("a bound socket has an address").port();
        let [high, low] = port.to_be_bytes();
        let first = (Ipv4Addr::new(127, high, low, 1), port);
        if TcpListener::bind(first).await.is_ok() && UdpSocket::bind(first).await.is_ok() {
            return (port, [high, low]);
        }
    }
    panic!("loopback has no port that is free for both UDP and TCP");
}

pub(super) async fn listen(tasks: &mut JoinSet<()>, at: SocketAddr, state: &Arc<Mutex<State>>) {
    let udp = UdpSocket::bind(at).await.expect("the server's address is free for UDP");
    let tcp = TcpListener::bind(at).await.expect("the server's address is free for TCP");
    tasks.spawn(serve_udp(udp, at, state.clone()));
    tasks.spawn(serve_tcp(tcp, at, state.clone()));
}

async fn serve_udp(socket: UdpSocket, at: SocketAddr, state: Arc<Mutex<State>>) {
    let mut buffer = vec![0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let Some(mut answer) = answer(&buffer[..length], at.ip(), &state) else { continue };
        let cut = temper(at.ip(), &state) == Temper::CutsShort;
        if cut {
            answer = answer.truncate();
        }
        // Whoever asked may be gone.
        let _ = socket.send_to(&encode(&answer), from).await;
    }
}

async fn serve_tcp(listener: TcpListener, at: SocketAddr, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, at, state.clone()));
    }
}

async fn converse(mut stream: TcpStream, at: SocketAddr, state: Arc<Mutex<State>>) {
    while let Ok(length) = stream.read_u16().await {
        let mut buffer = vec![0; usize::from(length)];
        if stream.read_exact(&mut buffer).await.is_err() {
            return;
        }
        let Some(answer) = answer(&buffer, at.ip(), &state) else { return };
        let wire = encode(&answer);
        let length = u16::try_from(wire.len()).expect("a short answer");
        if stream.write_all(&[&length.to_be_bytes(), wire.as_slice()].concat()).await.is_err() {
            return;
        }
    }
}

fn temper(at: IpAddr, state: &Mutex<State>) -> Temper {
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let IpAddr::V4(at) = at else { return Temper::Well };
    state.servers.get(&at).map_or(Temper::Well, |server| server.temper)
}

fn answer(wire: &[u8], at: IpAddr, state: &Mutex<State>) -> Option<Message> {
    let question = Message::from_vec(wire).ok()?;
    let query = question.queries.first()?;
    let (name, kind) = (text(&query.name), query.query_type);
    let IpAddr::V4(at) = at else { return None };
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.asked.push((at, name.clone(), kind));
    let temper = state.servers.get(&at)?.temper;
    let reply = if temper == Temper::Old && question.edns.is_some() {
        Reply::error(ResponseCode::FormErr)
    } else if state.resolvers.contains(&at) {
        if temper == Temper::Silent {
            return None;
        }
        state.resolve(at, &name, kind, !question.metadata.checking_disabled)
    } else {
        state.own(at, &name, kind)?
    };
    Some(message(&question, reply, state.resolvers.contains(&at)))
}

fn message(question: &Message, reply: Reply, resolver: bool) -> Message {
    let mut message = Message::response(question.metadata.id, OpCode::Query);
    message.add_queries(question.queries.clone());
    message.metadata.response_code = reply.code;
    message.metadata.authoritative = reply.authoritative;
    message.metadata.recursion_desired = question.metadata.recursion_desired;
    message.metadata.recursion_available = resolver;
    message.answers = reply.answers;
    message.authorities = reply.authority;
    message.additionals = reply.additional;
    if question.edns.is_some() {
        let mut edns = Edns::new();
        if reply.bogus {
            // RFC 8914, 6: DNSSEC Bogus.
            let text = [&6_u16.to_be_bytes(), "signature does not verify".as_bytes()].concat();
            edns.options_mut().insert(EdnsOption::Unknown(15, text));
        }
        message.set_edns(edns);
    }
    message
}

fn encode(message: &Message) -> Vec<u8> {
    message.to_vec().expect("a message that can be written")
}
