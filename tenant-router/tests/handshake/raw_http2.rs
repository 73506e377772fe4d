//! One HTTP/2 request written octet by octet, so that it may break every rule: hyper's client would refuse to send it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) type Field = (String, String);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What came back on stream 1.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// None: the stream was reset, or the connection closed, before an answer.
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
}

/// Sends one request with these fields and gives what comes back.
pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, fields: &[Field]) -> Answer {
    let mut octets = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    octets.extend(frame(SETTINGS, 0, 0, &[]));
    octets.extend(frame(HEADERS, END_STREAM | END_HEADERS, 1, &encode(fields)));
    stream.write_all(&octets).await.unwrap();
    let mut answer = Answer::default();
    let reading = async {
        while let Some((kind, flags, id, payload)) = next(&mut stream).await {
            match (kind, id) {
                (HEADERS, 1) => answer.status = Some(status(&payload)),
                (DATA, 1) => answer.body.push_str(&String::from_utf8_lossy(&payload)),
                (RST_STREAM, 1) | (GOAWAY, _) => return,
                _ => continue,
            }
            if flags & END_STREAM != 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("an answer, or an end");
    answer
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut octets = vec![length[1], length[2], length[3], kind, flags];
    octets.extend(stream.to_be_bytes());
    octets.extend(payload);
    octets
}

/// HPACK in its plainest form: literal fields, no table, no Huffman code.
fn encode(fields: &[Field]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (name, value) in fields {
        octets.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            octets.push(u8::try_from(text.len()).unwrap());
            octets.extend(text.as_bytes());
        }
    }
    octets
}

async fn next(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

/// `:status` is the first field of an answer: an entry of the static table, or a literal with a name from it.
fn status(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x8c, ..] => 400,
        [0x8d, ..] => 404,
        [0x8e, ..] => 500,
        [0x48 | 0x08, length, rest @ ..] if length & 0x80 == 0 => {
            std::str::from_utf8(&rest[..usize::from(*length)]).unwrap().parse().unwrap()
        }
        [0x48 | 0x08, length, rest @ ..] => huffman_digits(&rest[..usize::from(length & 0x7f)]),
        other => panic!("a status of another form: {other:02x?}"),
    }
}

/// RFC 7541, appendix B: 0, 1 and 2 have five bits (their own value), 3 to 9 six (from 011001 on).
fn huffman_digits(octets: &[u8]) -> u16 {
    let bits: Vec<u8> = octets.iter().flat_map(|octet| (0..8).rev().map(move |at| octet >> at & 1)).collect();
    let value = |bits: &[u8]| bits.iter().fold(0, |value, bit| value << 1 | u16::from(*bit));
    let (mut at, mut number) = (0, 0);
    while let Some(five) = bits.get(at..at + 5) {
        let digit = match (value(five), bits.get(at..at + 6)) {
            (digit @ 0..=2, _) => {
                at += 5;
                digit
            }
            (_, Some(six)) if (0x19..=0x1f).contains(&value(six)) => {
                at += 6;
                value(six) - 0x19 + 3
            }
            _ => break,
        };
        number = number * 10 + digit;
    }
    number
}

#[test]
fn statuses_are_read() {
    // 421 and 503 as h2 writes them.
    assert_eq!(huffman_digits(&[0x68, 0x41]), 421);
    assert_eq!(status(&[0x08, 3, b'5', b'0', b'3']), 503);
    assert_eq!(status(&[0x88]), 200);
}
