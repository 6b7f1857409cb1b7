//! Why a server's certificate is not trusted, in words.

use std::fmt;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, OtherError};

use super::name::Names;

/// Why a server's certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFault {
    message: String,
}

impl std::error::Error for CertificateFault {}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its certificate is not accepted: {}", self.message)
    }
}

impl CertificateFault {
    /// Returns the fault that an error of rustls holds, which rustls shows only in the form for debugging.
    pub(crate) fn of(error: &rustls::Error) -> Option<Self> {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(fault))) => {
                fault.downcast_ref::<Self>().cloned()
            }
            _ => None,
        }
    }

    /// Explains an error of the certificates that a server has sent for `host`.
    pub(super) fn new(
        error: &CertificateError,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &str,
    ) -> Self {
        let message = match error {
            CertificateError::UnknownIssuer => unknown_issuer(own, intermediates),
            error if is_authority(error) => authority(own),
            CertificateError::ExpiredContext { time, not_after } => {
                format!("it expired {}{CLOCK}", ago(*time, *not_after))
            }
            CertificateError::Expired => format!("it has expired{CLOCK}"),
            CertificateError::NotValidYetContext { time, not_before } => {
                format!("it is valid only {} from now{CLOCK}", days(*not_before, *time))
            }
            CertificateError::NotValidYet => format!("it is not valid yet{CLOCK}"),
            CertificateError::NotValidForNameContext { presented, .. } => {
                format!("it is {} and not for `{host}`{NAME}", names(presented))
            }
            CertificateError::NotValidForName => format!("it is not for `{host}`{NAME}"),
            // Those of Go made before 1.15, and of old appliances.
            CertificateError::BadEncoding => {
                "it is malformed, or lacks the extensions that TLS needs".to_owned()
            }
            other => format!("{}{}; {REPLACE}", broken_rule(other), of(own)),
        };
        Self { message }
    }
}

/// Returns whether a certificate is refused because it is that of an authority (RFC 5280 § 4.2.1.9).
pub(super) fn is_authority(error: &CertificateError) -> bool {
    matches!(rule(error), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Returns webpki's own error, for which rustls has no name.
fn rule(error: &CertificateError) -> Option<&webpki::Error> {
    match error {
        CertificateError::Other(OtherError(inner)) => inner.downcast_ref(),
        _ => None,
    }
}

/// Returns the rule that a certificate breaks. Both libraries show the others only in the form for debugging.
fn broken_rule(error: &CertificateError) -> &'static str {
    match (error, rule(error)) {
        (CertificateError::BadSignature, _) => "a signature in its chain is wrong",
        (CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }, _)
        | (_, Some(webpki::Error::EmptyEkuExtension)) => "it is not one for servers",
        (
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            _,
        ) => "it is signed with an algorithm that is not supported, such as SHA-1",
        (CertificateError::UnhandledCriticalExtension, _)
        | (_, Some(webpki::Error::UnsupportedCriticalExtension)) => {
            "it has a critical extension that is not supported"
        }
        (_, Some(webpki::Error::EndEntityUsedAsCa)) => {
            "a certificate that issued it is not that of an authority"
        }
        (_, Some(webpki::Error::NameConstraintViolation)) => {
            "an authority that issued it may not do so for its names"
        }
        (_, Some(webpki::Error::PathLenConstraintViolated)) => {
            "an authority that issued it may not do so through others"
        }
        (_, Some(webpki::Error::UnsupportedCertVersion)) => "it is of a version before 3",
        _ => "it breaks a rule of RFC 5280",
    }
}

/// Returns the names of a certificate, in brackets; empty if it is malformed.
fn of(own: &CertificateDer<'_>) -> String {
    let names = Names::read(own);
    names
        .map_or_else(String::new, |Names { subject, issuer }| format!(" (`{subject}`, issued by `{issuer}`)"))
}

fn authority(own: &CertificateDer<'_>) -> String {
    match Names::read(own) {
        Some(names) if names.issuer != names.subject => {
            format!("it is that of an authority{} and not of a server; {TRUST}", of(own))
        }
        _ => unknown_issuer(own, &[]),
    }
}

const REPLACE: &str = "have the server's administrator replace it";
const TRUST: &str = "to trust it, pass its certificate with `--ca-file FILE`";
const CLOCK: &str = "; if it is valid elsewhere, correct the clock of this machine";
const NAME: &str = "; use the name that the certificate is for";

fn unknown_issuer(own: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> String {
    let Some(names) = Names::read(own) else {
        return format!("its issuer is not trusted; {TRUST}");
    };
    if names.issuer == names.subject {
        return format!(
            "it is signed by itself (`{}`), and not by a trusted authority; {TRUST}",
            names.issuer
        );
    }
    // The authority that is missing here is the one above the last certificate that was sent.
    let top = intermediates.last().and_then(|last| Names::read(last)).map(|names| names.issuer);
    match top.filter(|top| *top != names.issuer) {
        Some(top) => {
            format!("it is issued by `{}` below `{top}`, which is not trusted; {TRUST}", names.issuer)
        }
        None => format!("it is issued by `{}`, which is not trusted; {TRUST}", names.issuer),
    }
}

/// Returns the names that a certificate is for, at most five.
fn names(presented: &[String]) -> String {
    // rustls writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`.
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')'));
        let inner: String = inner.chars().filter(|c| !c.is_control() && *c != '"').take(100).collect();
        format!("`{inner}`")
    };
    match presented {
        [] => "for no name".to_owned(),
        some => format!("for {}", some.iter().take(5).map(bare).collect::<Vec<_>>().join(", ")),
    }
}

fn ago(now: UnixTime, then: UnixTime) -> String {
    match days(now, then).as_str() {
        "less than a day" => "less than a day ago".to_owned(),
        days => format!("{days} ago"),
    }
}

fn days(later: UnixTime, earlier: UnixTime) -> String {
    match later.as_secs().saturating_sub(earlier.as_secs()) / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn faults_are_named_as_what_they_are() {
        let own = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
        let explain = |error| CertificateFault::new(&error, own, &[], "registry.example").message;
        let at = |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400));
        assert_eq!(
            explain(CertificateError::ExpiredContext { time: at(103), not_after: at(100) }),
            "it expired 3 days ago; if it is valid elsewhere, correct the clock of this machine"
        );
        assert!(explain(CertificateError::Expired).starts_with("it has expired; "));
        assert_eq!(
            explain(CertificateError::NotValidYetContext { time: at(99), not_before: at(100) }),
            "it is valid only 1 day from now; if it is valid elsewhere, correct the clock of this machine"
        );
        let expected = ServerName::try_from("registry.example").unwrap();
        let presented = vec!["DnsName(\"a.example\")".to_owned(), "IpAddress(127.0.0.1)".to_owned()];
        assert_eq!(
            explain(CertificateError::NotValidForNameContext { expected, presented }),
            "it is for `a.example`, `127.0.0.1` and not for `registry.example`; use the name that the certificate is for"
        );
        let unknown = explain(CertificateError::UnknownIssuer);
        assert!(unknown.starts_with("it is signed by itself (`CN="), "{unknown}");
    }

    #[test]
    fn no_message_is_one_for_debugging() {
        let own = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
        let other = |error: webpki::Error| CertificateError::Other(OtherError(std::sync::Arc::new(error)));
        for (error, part) in [
            (CertificateError::BadSignature, "a signature in its chain is wrong (`CN="),
            (CertificateError::InvalidPurpose, "it is not one for servers (`CN="),
            (other(webpki::Error::NameConstraintViolation), "may not do so for its names (`CN="),
            (other(webpki::Error::EndEntityUsedAsCa), "is not that of an authority (`CN="),
            (other(webpki::Error::MaximumPathDepthExceeded), "it breaks a rule of RFC 5280 (`CN="),
        ] {
            let message = CertificateFault::new(&error, own, &[], "registry.example").message;
            assert!(message.contains(part) && message.ends_with(REPLACE), "{message}");
        }
    }

    #[test]
    fn a_malformed_certificate_is_explained_without_its_names() {
        let own = CertificateDer::from(&b"nonsense"[..]);
        let fault = CertificateFault::new(&CertificateError::UnknownIssuer, &own, &[], "a.example").message;
        assert_eq!(
            fault,
            "its issuer is not trusted; to trust it, pass its certificate with `--ca-file FILE`"
        );
    }
}
