//! How two processes find out who the other is, and that both have the cluster's key.
//!
//! Both greet each other: a magic word, the version, and then a nonce, an epoch, the limits and
//! the id. Then the one that dialed shows its [`Proof`], which covers both greetings; the other
//! says whether that is right, and shows its own. Who has no key learns no proof.
//!
//! What comes after that carries no proofs: against those who can change what others send, all
//! of this is done inside of [`tls`](crate::tls), and the proofs are for its session, too.
//!
//! Who has TLS and who has none tell each other so in words that both understand.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::key::{Channel, LinkKey, Proof, Role};
use crate::options::Limits;
use crate::peer::{MAX_ID, PeerId};
use crate::tls;

/// What a connection begins with. This and the version stay the same in all versions.
const MAGIC: [u8; 8] = *b"faasmlnk";

/// What is said instead to who dials without TLS, by who has it.
const ONLY_TLS: [u8; 8] = *b"faasmtls";

/// The version of the protocol: both sides must have the same.
const VERSION: u32 = 1;

/// What stands in the answer to a proof.
const GRANTED: u8 = 1;
const WRONG_KEY: u8 = 2;

/// What greetings have between version and id: nonce, epoch, three limits, length of the id.
const FIXED: usize = 32 + 8 + 3 * 4 + 1;

/// Who greets.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) id: &'a PeerId,
    pub(crate) key: &'a LinkKey,
    pub(crate) limits: Limits,
}

/// What the other side said of itself.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) id: PeerId,
    /// Which of its attempts to connect this is: the higher, the later.
    pub(crate) epoch: u64,
    pub(crate) limits: Limits,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Refusal {
    Gone(io::Error),
    NotALink,
    Version {
        ours: u32,
        theirs: u32,
    },
    WrongKey,
    OtherPeer(PeerId),
    /// The other side has TLS, and this one has not.
    OnlyTls,
    /// The other side has no TLS, and this one has.
    NoTls,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// Greets whom this process dialed, who must be `expected`.
pub(crate) async fn dial<S>(
    stream: &mut S,
    me: Identity<'_>,
    channel: Channel,
    epoch: u64,
    expected: &PeerId,
) -> Result<Greeting, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ours = greeting(&me, epoch)?;
    say(stream, &ours).await?;
    let theirs = read_version(stream).await?;
    let (theirs, greeting) = read_greeting(stream, theirs).await?;
    if greeting.id != *expected {
        return Err(Refusal::OtherPeer(greeting.id));
    }
    let proof = me.key.prove(Role::Dials, channel, &ours, &theirs);
    say(stream, proof.as_bytes()).await?;
    match stream.read_u8().await? {
        GRANTED => {}
        WRONG_KEY => return Err(Refusal::WrongKey),
        _ => return Err(Refusal::NotALink),
    }
    let due = me.key.prove(Role::Accepts, channel, &ours, &theirs);
    if read_proof(stream).await? != due {
        return Err(Refusal::WrongKey);
    }
    Ok(greeting)
}

/// Greets who dialed this process.
pub(crate) async fn accept<S>(
    stream: &mut S,
    me: Identity<'_>,
    channel: Channel,
) -> Result<Greeting, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ours = greeting(&me, 0)?;
    let theirs = match read_version(stream).await {
        Ok(theirs) => theirs,
        Err(refusal @ Refusal::Version { ours, .. }) => {
            let told = [&MAGIC[..], &ours.to_le_bytes()].concat();
            return Err(tell(stream, &told, refusal).await);
        }
        Err(Refusal::OnlyTls) => return Err(tell(stream, &tls::NO_TLS, Refusal::OnlyTls).await),
        Err(refusal) => return Err(refusal),
    };
    let (theirs, greeting) = read_greeting(stream, theirs).await?;
    say(stream, &ours).await?;
    let due = me.key.prove(Role::Dials, channel, &theirs, &ours);
    if read_proof(stream).await? != due {
        say(stream, &[WRONG_KEY]).await?;
        return Err(Refusal::WrongKey);
    }
    let proof = me.key.prove(Role::Accepts, channel, &theirs, &ours);
    let answer = [&[GRANTED], &proof.as_bytes()[..]].concat();
    say(stream, &answer).await?;
    Ok(greeting)
}

/// Refuses who dialed this process, which has TLS, without it.
pub(crate) async fn refuse_plain<S>(stream: &mut S) -> Refusal
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match read_version(stream).await {
        Ok(_) | Err(Refusal::Version { .. }) => tell(stream, &ONLY_TLS, Refusal::NoTls).await,
        Err(refusal) => refusal,
    }
}

/// Says why somebody is refused, and waits until the other side has read it: closing before
/// the rest of what it sent was read would take the answer back.
async fn tell<S>(stream: &mut S, why: &[u8], refusal: Refusal) -> Refusal
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let told = async {
        say(stream, why).await?;
        tokio::io::copy(&mut stream.take(4096), &mut tokio::io::sink()).await
    };
    match told.await {
        Ok(_) => refusal,
        Err(error) => Refusal::Gone(error),
    }
}

/// Writes to the other side, whatever holds bytes back in between.
async fn say<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn greeting(me: &Identity<'_>, epoch: u64) -> io::Result<Vec<u8>> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
    let id = me.id.as_str().as_bytes();
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + FIXED + id.len());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(nonce);
    bytes.extend(epoch.to_le_bytes());
    for limit in [me.limits.request, me.limits.message, me.limits.stream] {
        bytes.extend(limit.to_le_bytes());
    }
    bytes.push(u8::try_from(id.len()).map_err(io::Error::other)?);
    bytes.extend(id);
    Ok(bytes)
}

/// Reads what is the same in all versions.
async fn read_version<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Refusal> {
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic).await?;
    if magic == ONLY_TLS || tls::begins(&magic) {
        return Err(Refusal::OnlyTls);
    }
    if magic != MAGIC {
        return Err(Refusal::NotALink);
    }
    let theirs = stream.read_u32_le().await?;
    if theirs != VERSION {
        return Err(Refusal::Version {
            ours: VERSION,
            theirs,
        });
    }
    Ok([&magic[..], &theirs.to_le_bytes()].concat())
}

/// Reads the rest of a greeting, and returns all its bytes and what it says.
async fn read_greeting<S: AsyncRead + Unpin>(
    stream: &mut S,
    mut bytes: Vec<u8>,
) -> Result<(Vec<u8>, Greeting), Refusal> {
    let mut fixed = [0; FIXED];
    stream.read_exact(&mut fixed).await?;
    bytes.extend(fixed);
    let mut rest = &fixed[32..];
    let epoch = rest.read_u64_le().await?;
    let limits = Limits {
        request: rest.read_u32_le().await?,
        message: rest.read_u32_le().await?,
        stream: rest.read_u32_le().await?,
    };
    let len = usize::from(rest.read_u8().await?);
    if len > MAX_ID || !limits.are_sound() {
        return Err(Refusal::NotALink);
    }
    let mut id = vec![0; len];
    stream.read_exact(&mut id).await?;
    bytes.extend(&id);
    let id = str::from_utf8(&id).ok().and_then(|id| PeerId::new(id).ok());
    let id = id.ok_or(Refusal::NotALink)?;
    Ok((bytes, Greeting { id, epoch, limits }))
}

async fn read_proof<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Proof> {
    let mut proof = [0; blake3::OUT_LEN];
    stream.read_exact(&mut proof).await?;
    Ok(Proof::from_bytes(proof))
}
