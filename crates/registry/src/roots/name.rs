//! Reads the names of a certificate's owner and issuer (RFC 5280 § 4.1). Certificates come from anybody: every length is
//! checked, and nothing is nested without a limit.

/// The names in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The one that signed it, as `CN=Corp Root, O=Corp`.
    pub(super) issuer: String,
    /// The one that it is for.
    pub(super) subject: String,
}

/// An element: its tag and content.
type Element<'a> = (u8, &'a [u8]);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[0]`: the version, which is absent in version 1.
const VERSION: u8 = 0xa0;
const BMP_STRING: u8 = 0x1e;

/// The attributes that are shown, with their object identifiers in DER (RFC 4519 § 2), in this order.
const ATTRIBUTES: [(&[u8], &str); 4] =
    [(&[0x55, 4, 3], "CN"), (&[0x55, 4, 11], "OU"), (&[0x55, 4, 10], "O"), (&[0x55, 4, 6], "C")];

/// The length of the longest value that is shown, in characters.
const LONGEST: usize = 100;
/// The largest number of attributes that are read.
const MOST: usize = 50;

impl Names {
    /// Reads the names of a certificate in DER; `None` if it is malformed.
    pub(super) fn read(certificate: &[u8]) -> Option<Self> {
        let rest = from_issuer(certificate)?;
        let (issuer, rest) = expect(rest, SEQUENCE)?;
        let (_, rest) = expect(rest, SEQUENCE)?;
        let (subject, _) = expect(rest, SEQUENCE)?;
        Some(Self { issuer: name(issuer)?, subject: name(subject)? })
    }
}

/// Returns the name of a certificate's issuer in DER, as servers name the authorities that they accept; `None` if the certificate is
/// malformed.
pub(crate) fn issuer(certificate: &[u8]) -> Option<&[u8]> {
    let rest = from_issuer(certificate)?;
    let (_, after) = expect(rest, SEQUENCE)?;
    rest.get(..rest.len() - after.len())
}

/// Returns the fields of a certificate from its issuer on: the issuer, the validity, the subject, and others.
fn from_issuer(certificate: &[u8]) -> Option<&[u8]> {
    let (content, _) = expect(certificate, SEQUENCE)?;
    let (mut fields, _) = expect(content, SEQUENCE)?;
    if let ((VERSION, _), rest) = element(fields)? {
        fields = rest;
    }
    // Serial number and algorithm.
    let (_, rest) = element(fields)?;
    let (_, rest) = expect(rest, SEQUENCE)?;
    Some(rest)
}

/// Reads a name: a sequence of sets of attributes.
fn name(mut sets: &[u8]) -> Option<String> {
    let mut found = Vec::new();
    while !sets.is_empty() && found.len() < MOST {
        let (mut attributes, rest) = expect(sets, SET)?;
        sets = rest;
        while !attributes.is_empty() && found.len() < MOST {
            let (attribute, rest) = expect(attributes, SEQUENCE)?;
            attributes = rest;
            let (identifier, value) = expect(attribute, OBJECT_IDENTIFIER)?;
            let ((tag, value), _) = element(value)?;
            found.push((identifier, text(tag, value)));
        }
    }
    let shown = ATTRIBUTES.iter().flat_map(|(wanted, label)| {
        let values = found.iter().filter(move |(identifier, _)| identifier == wanted);
        values.map(move |(_, value)| format!("{label}={value}"))
    });
    let shown: Vec<String> = shown.take(8).collect();
    Some(if shown.is_empty() { "a nameless authority".to_owned() } else { shown.join(", ") })
}

/// Returns the text of a string, without control characters.
fn text(tag: u8, value: &[u8]) -> String {
    let text = match tag {
        BMP_STRING => {
            let units: Vec<u16> =
                value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(value).into_owned(),
    };
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Reads an element that has a tag, and returns its content and the bytes after it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ((found, content), rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Reads an element (X.690 § 8.1) and returns the bytes after it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Four bytes are enough for every certificate.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((tag, content), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_every_bundled_authority_are_read() {
        for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let names = Names::read(certificate).unwrap();
            assert_eq!(names.issuer, names.subject, "an authority signs its own certificate");
            assert!(names.issuer.contains("O=") || names.issuer.contains("CN="), "{names:?}");
        }
        let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|one| Names::read(one));
        let all: Vec<String> = all.map(|names| names.issuer).collect();
        assert!(
            all.contains(&"CN=ISRG Root X1, O=Internet Security Research Group, C=US".to_owned()),
            "{all:?}"
        );
    }

    #[test]
    fn damaged_certificates_have_no_names_or_others() {
        let whole = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
        for length in 0..whole.len() {
            assert_eq!(Names::read(&whole[..length]), None, "{length}");
        }
        let mut damaged = whole.to_vec();
        for at in 0..200 {
            damaged[at] = damaged[at].wrapping_add(0x41);
            // Whatever it is, it is read without a panic.
            if let Some(names) = Names::read(&damaged) {
                assert!(!names.issuer.chars().any(char::is_control));
            }
            damaged[at] = whole[at];
        }
        assert_eq!(Names::read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn strings_are_shown_without_control_characters() {
        assert_eq!(text(0x0c, b"Corp\x1b[2J\n Root"), "Corp[2J Root");
        assert_eq!(text(BMP_STRING, &[0, b'C', 0, b'A', 0]), "CA");
        assert_eq!(text(0x0c, &[b'x'; 500]).len(), LONGEST);
    }
}
