use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A content digest: `sha256:` followed by 64 lower-case hexadecimal digits, or `sha512:` followed by 128 (image-spec,
/// descriptor.md § Registered algorithms).
///
/// crossdock writes SHA-256, which every registry and engine implements. Images of others may use SHA-512.
///
/// ```
/// use crossdock_oci::Digest;
/// let digest = Digest::of(b"hello");
/// assert_eq!(digest.to_string().parse::<Digest>()?, digest);
/// assert!(digest.hex().starts_with("2cf24dba"));
/// # Ok::<(), crossdock_oci::DigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(Value);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

/// The algorithm of a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Algorithm {
    /// SHA-256, of everything that crossdock writes.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Returns the name in digests, which is that of a directory of blobs too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits.
    pub fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// Returns the digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Reads `reader` to its end and returns the digest and the length in bytes.
    ///
    /// # Errors
    /// If reading fails.
    pub fn digest_reader(self, mut reader: impl Read) -> io::Result<(Digest, u64)> {
        let mut hasher = Hasher::new(self);
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => return Ok((hasher.finish(), size)),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..read]);
            size += read as u64;
        }
    }
}

impl Digest {
    /// Returns the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Algorithm::Sha256.digest(bytes)
    }

    /// Reads `reader` to its end and returns the SHA-256 and the length in bytes.
    ///
    /// # Errors
    /// If reading fails.
    pub fn of_reader(reader: impl Read) -> io::Result<(Self, u64)> {
        Algorithm::Sha256.digest_reader(reader)
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Value::Sha256(_) => Algorithm::Sha256,
            Value::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Returns the digest of other bytes by the same algorithm.
    #[must_use]
    pub fn of_other(&self, bytes: &[u8]) -> Self {
        self.algorithm().digest(bytes)
    }

    /// Returns whether `bytes` have this digest.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.of_other(bytes) == *self
    }

    /// Returns the hexadecimal digits without the algorithm: the blob's file name in an image layout.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
        let bytes = match &self.0 {
            Value::Sha256(bytes) => bytes.as_slice(),
            Value::Sha512(bytes) => bytes.as_slice(),
        };
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let fail = |reason| DigestError { text: text.to_owned(), reason };
        let (name, hex) = text.split_once(':').ok_or_else(|| fail(Reason::NoAlgorithm))?;
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = algorithm.ok_or_else(|| fail(Reason::Algorithm(name.to_owned())))?;
        if hex.len() != algorithm.digits() {
            return Err(fail(Reason::Length { found: hex.len(), expected: algorithm.digits() }));
        }
        let value = match algorithm {
            Algorithm::Sha256 => bytes_of(hex).map(Value::Sha256),
            Algorithm::Sha512 => bytes_of(hex).map(Value::Sha512),
        };
        value.map(Self).ok_or_else(|| fail(Reason::NotHex))
    }
}

/// Returns the bytes of `2 * N` hexadecimal digits.
fn bytes_of<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

/// Returns the value of a lower-case hexadecimal digit. Capitals are rejected, so that one blob has one name
/// (image-spec, descriptor.md § SHA-256).
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// An error of parsing a [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest: {reason}")]
pub struct DigestError {
    text: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it has no algorithm; write `sha256:` and 64 hexadecimal digits")]
    NoAlgorithm,
    #[error("the algorithm `{0}` is not supported, only sha256 and sha512")]
    Algorithm(String),
    #[error("{found} digits follow the algorithm, not {expected}")]
    Length { found: usize, expected: usize },
    #[error("its digits are not all among 0-9 and a-f")]
    NotHex,
}

/// Computes a [`Digest`] incrementally, by default SHA-256; also a [`Write`].
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Returns a hasher without bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::default()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::default()),
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the digest of all bytes added.
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            State::Sha256(state) => Value::Sha256(state.finalize().into()),
            State::Sha512(state) => Value::Sha512(state.finalize().into()),
        })
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new(Algorithm::default())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_known_values() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let empty = Algorithm::Sha512.digest(b"");
        assert!(
            empty
                .to_string()
                .starts_with("sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce")
        );
        assert_eq!((empty.hex().len(), empty.to_string().parse()), (128, Ok(empty)));
        assert!(empty.is_of(b"") && !empty.is_of(b"x") && !Digest::of(b"").eq(&empty));
        let (digest, size) = Digest::of_reader(&b"hello"[..]).unwrap();
        assert_eq!((digest, size), (Digest::of(b"hello"), 5));
    }

    #[test]
    fn malformed_digests_are_rejected() {
        let good = Digest::of(b"").to_string();
        for (text, why) in [
            ("", "no algorithm"),
            ("sha512:ab", "2 digits follow the algorithm, not 128"),
            ("sha384:ab", "`sha384` is not supported, only sha256 and sha512"),
            ("sha256:ab", "2 digits follow"),
            (&good.to_uppercase().replace("SHA", "sha"), "not all among"),
            (&good.replace('0', "/"), "not all among"),
            (&format!("{good}0"), "65 digits"),
        ] {
            let error = text.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn multibyte_text_does_not_panic() {
        let text = format!("sha256:{}", "é".repeat(32));
        assert!(text.parse::<Digest>().is_err());
    }

    #[test]
    fn a_digest_serializes_as_a_string() {
        let digest = Digest::of(b"x");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"sha256:zz\"").is_err());
    }
}
