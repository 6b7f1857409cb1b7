use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A content digest, `sha256:` followed by 64 lower-case hexadecimal digits.
///
/// SHA-256 is the only algorithm supported: every registry and engine must implement it (image-spec, descriptor.md
/// § Registered algorithms), and crossdock writes no other.
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
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Reads `reader` to its end and returns the digest and the length in bytes.
    ///
    /// # Errors
    /// If reading fails.
    pub fn of_reader(mut reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
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

    /// Returns the 64 hexadecimal digits without the algorithm: the blob's file name in an image layout.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
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
        let (algorithm, hex) = text.split_once(':').ok_or_else(|| fail(Reason::NoAlgorithm))?;
        if algorithm != "sha256" {
            return Err(fail(Reason::Algorithm(algorithm.to_owned())));
        }
        if hex.len() != 64 {
            return Err(fail(Reason::Length(hex.len())));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            match (nibble(pair[0]), nibble(pair[1])) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err(fail(Reason::NotHex)),
            }
        }
        Ok(Self(bytes))
    }
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
    #[error("the algorithm `{0}` is not supported, only sha256")]
    Algorithm(String),
    #[error("{0} digits follow the algorithm, not 64")]
    Length(usize),
    #[error("its digits are not all among 0-9 and a-f")]
    NotHex,
}

/// Computes a [`Digest`] incrementally; also a [`Write`].
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
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
        let (digest, size) = Digest::of_reader(&b"hello"[..]).unwrap();
        assert_eq!((digest, size), (Digest::of(b"hello"), 5));
    }

    #[test]
    fn malformed_digests_are_rejected() {
        let good = Digest::of(b"").to_string();
        for (text, why) in [
            ("", "no algorithm"),
            ("sha512:ab", "`sha512` is not supported"),
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
