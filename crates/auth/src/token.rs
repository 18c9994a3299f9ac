//! Tokens as clients have them.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Error, Rejected};

/// By which scanners of secrets, and people, recognise one.
const PREFIX: &str = "faasm_";

/// 32 characters that are not mistaken for each other's case, so that one is five random bits.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const ID_LEN: usize = 12;

/// 160 random bits.
const SECRET_LEN: usize = 32;

/// A secret, `faasm_<id>_<secret>`, whose bearer may do what its record says.
///
/// Neither `Debug` nor `Display` show it; [`expose`](Self::expose) does.
#[derive(Clone)]
pub struct Token {
    id: TokenId,
    secret: [u8; SECRET_LEN],
}

/// The public part of a token: names it in lists and logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId([u8; ID_LEN]);

/// The text is not the id of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a token is 12 of a-z and 2-7: what is between the two _ of the token")]
pub struct InvalidTokenId;

/// A hash by which a token is recognised. The secret is as long as the hash is strong, so that
/// neither salt nor many rounds would add anything.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash([u8; 32]);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Self, Error> {
        Ok(Self {
            id: TokenId(random()?),
            secret: random()?,
        })
    }

    /// Takes a text apart.
    ///
    /// # Errors
    /// [`Rejected::Unknown`] for what no token looks like.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        let rest = text.strip_prefix(PREFIX).ok_or(Rejected::Unknown)?;
        let (id, secret) = rest.split_once('_').ok_or(Rejected::Unknown)?;
        let id = id.parse().map_err(|_| Rejected::Unknown)?;
        let secret = characters(secret).ok_or(Rejected::Unknown)?;
        Ok(Self { id, secret })
    }

    /// The public part.
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// The whole token with its secret, for the one who is to bear it.
    pub fn expose(&self) -> String {
        let mut text = format!("{PREFIX}{}_", self.id);
        text.extend(self.secret.map(char::from));
        text
    }

    /// By which it is recognised.
    pub fn hash(&self) -> SecretHash {
        let mut hasher = Sha256::new();
        hasher.update(self.id.0);
        hasher.update(self.secret);
        SecretHash(hasher.finalize().into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_…", self.id)
    }
}

impl SecretHash {
    /// Whether it is the hash of `token`; takes as long wherever the two differ.
    pub fn is_of(&self, token: &Token) -> bool {
        self.0.ct_eq(&token.hash().0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl TryFrom<String> for SecretHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let bytes = STANDARD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a hash is 32 bytes in base64")
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        STANDARD.encode(hash.0)
    }
}

impl FromStr for TokenId {
    type Err = InvalidTokenId;

    fn from_str(text: &str) -> Result<Self, InvalidTokenId> {
        characters(text).map(Self).ok_or(InvalidTokenId)
    }
}

impl TryFrom<String> for TokenId {
    type Error = InvalidTokenId;

    fn try_from(text: String) -> Result<Self, InvalidTokenId> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::NoRandomness(error.to_string()))?;
    Ok(bytes.map(|byte| ALPHABET[usize::from(byte % 32)]))
}

/// Exactly so many characters of the alphabet.
fn characters<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = text.as_bytes().try_into().ok()?;
    bytes
        .iter()
        .all(|byte| ALPHABET.contains(byte))
        .then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_its_text_says_and_no_two_are_alike() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        let again = Token::parse(&one.expose()).unwrap();
        assert_eq!((again.id(), again.expose()), (one.id(), one.expose()));
        assert!(one.hash().is_of(&again) && !one.hash().is_of(&other));
    }

    #[test]
    fn the_secret_is_only_shown_to_who_asks_for_it() {
        let token = Token::generate().unwrap();
        let text = token.expose();
        let secret = text.rsplit('_').next().unwrap();
        let shown = format!("{token} {token:?} {:?} {:?}", token.hash(), token.id());
        assert!(!shown.contains(secret) && shown.contains(&token.id().to_string()));
        assert!(!String::from(token.hash()).contains(secret));
    }

    #[test]
    fn what_no_token_looks_like_is_no_token() {
        let good = Token::generate().unwrap().expose();
        for bad in [
            "",
            "faasm_",
            "faasm__",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}a"),
            &good.to_uppercase(),
            &good.replace('_', "-"),
            &format!("{}ä", &good[..good.len() - 2]),
        ] {
            assert!(Token::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        let hash = Token::generate().unwrap().hash();
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<SecretHash>(&json).unwrap(), hash);
        assert!(serde_json::from_str::<SecretHash>("\"AAAA\"").is_err());
    }
}
