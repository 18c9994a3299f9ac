//! The protocol as somebody else would write it: for peers that do what ours do not.

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{KEY, Node, within};

pub const ALIVE: u8 = 1;
pub const REQUEST: u8 = 2;
pub const CANCEL: u8 = 3;
pub const ANSWER: u8 = 4;
pub const MESSAGE: u8 = 6;
pub const REQUEST_CREDIT: u8 = 7;
pub const STREAM_CREDIT: u8 = 10;

pub const CHUNK: usize = 256 << 10;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub id: u64,
    pub total: u32,
    pub body: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, id: u64, body: &[u8]) -> Self {
        Self {
            kind,
            id,
            total: body.len() as u32,
            body: body.to_vec(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind];
        bytes.put_u64_le(self.id);
        bytes.put_u32_le(self.total);
        bytes.put_u32_le(self.body.len() as u32);
        bytes.extend(&self.body);
        bytes
    }
}

/// The first part of a greeting.
pub fn version(version: u32) -> Vec<u8> {
    [&b"faasmlnk"[..], &version.to_le_bytes()].concat()
}

pub fn greeting(id: &str, epoch: u64) -> Vec<u8> {
    let mut bytes = version(1);
    bytes.extend([42; 32]);
    bytes.extend(epoch.to_le_bytes());
    for limit in [128_u32 << 20, 64 << 20, 16 << 20] {
        bytes.extend(limit.to_le_bytes());
    }
    bytes.push(id.len() as u8);
    bytes.extend(id.as_bytes());
    bytes
}

/// Reads a greeting.
pub async fn read_greeting(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = vec![0; 8 + 4 + 32 + 8 + 12 + 1];
    stream.read_exact(&mut bytes).await.unwrap();
    let mut id = vec![0; usize::from(*bytes.last().unwrap())];
    stream.read_exact(&mut id).await.unwrap();
    bytes.extend(id);
    bytes
}

pub fn proof(key: &[u8; 32], role: u8, dialed: &[u8], accepted: &[u8]) -> [u8; 32] {
    bound_proof(key, role, dialed, accepted, &[])
}

/// A proof for a session of TLS, too.
pub fn bound_proof(
    key: &[u8; 32],
    role: u8,
    dialed: &[u8],
    accepted: &[u8],
    session: &[u8],
) -> [u8; 32] {
    let key = blake3::derive_key("faasm link 2026 handshake", key);
    let mut mac = vec![role];
    for greeting in [dialed, accepted] {
        mac.extend((greeting.len() as u64).to_le_bytes());
        mac.extend(greeting);
    }
    mac.extend(session);
    *blake3::keyed_hash(&key, &mac).as_bytes()
}

/// One side of a connection.
pub struct Wire<S = TcpStream>(pub S);

impl Wire {
    /// Dials a node, as the process `id`.
    pub async fn dial(node: &Node, id: &str, epoch: u64) -> Self {
        let stream = TcpStream::connect(&node.peer.address).await.unwrap();
        Self::greet(stream, id, epoch, &[]).await
    }

    /// Takes the next connection, as the process `id`.
    pub async fn accept(listener: &TcpListener, id: &str) -> Self {
        let (stream, _) = within(listener.accept()).await.unwrap();
        Self::answer(stream, id, &[]).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Greets as who dialed, in this session of TLS or none.
    pub async fn greet(mut stream: S, id: &str, epoch: u64, session: &[u8]) -> Self {
        let ours = greeting(id, epoch);
        stream.write_all(&ours).await.unwrap();
        let theirs = read_greeting(&mut stream).await;
        stream
            .write_all(&bound_proof(&KEY, 0, &ours, &theirs, session))
            .await
            .unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        let mut shown = [0; 32];
        stream.read_exact(&mut shown).await.unwrap();
        assert_eq!(shown, bound_proof(&KEY, 1, &ours, &theirs, session));
        Self(stream)
    }

    /// Answers who dialed.
    async fn answer(mut stream: S, id: &str, session: &[u8]) -> Self {
        let theirs = read_greeting(&mut stream).await;
        let ours = greeting(id, 0);
        stream.write_all(&ours).await.unwrap();
        let mut shown = [0; 32];
        stream.read_exact(&mut shown).await.unwrap();
        assert_eq!(shown, bound_proof(&KEY, 0, &theirs, &ours, session));
        stream.write_u8(1).await.unwrap();
        stream
            .write_all(&bound_proof(&KEY, 1, &theirs, &ours, session))
            .await
            .unwrap();
        Self(stream)
    }

    pub async fn write(&mut self, frame: &Frame) {
        self.0.write_all(&frame.bytes()).await.unwrap();
    }

    /// The next frame that is no mere sign of life.
    pub async fn read(&mut self) -> Frame {
        loop {
            let frame = within(self.read_any()).await.unwrap();
            if frame.kind != ALIVE {
                return frame;
            }
        }
    }

    async fn read_any(&mut self) -> std::io::Result<Frame> {
        let kind = self.0.read_u8().await?;
        let id = self.0.read_u64_le().await?;
        let total = self.0.read_u32_le().await?;
        let len = self.0.read_u32_le().await?;
        let mut body = vec![0; len as usize];
        self.0.read_exact(&mut body).await?;
        Ok(Frame {
            kind,
            id,
            total,
            body,
        })
    }

    /// Waits until the other side has closed the connection.
    pub async fn is_cut(&mut self) {
        let mut sink = [0; 4096];
        within(async { while !matches!(self.0.read(&mut sink).await, Ok(0) | Err(_)) {} }).await;
    }
}
