//! Errors of TLS in words: rustls shows its own mostly in the form for debugging.

use std::io;

use rustls::{AlertDescription, Error};

use crate::roots::{CertificateFault, NoRoots};

/// An error of TLS that is none of the server's certificate.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TlsFault(&'static str);

/// Replaces an error of rustls by one in words.
pub(super) fn in_words(error: io::Error) -> io::Error {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else { return error };
    match (CertificateFault::of(inner), NoRoots::of(inner)) {
        (Some(fault), _) => io::Error::new(io::ErrorKind::InvalidData, fault),
        (None, Some(unread)) => io::Error::new(io::ErrorKind::InvalidData, unread),
        (None, None) => io::Error::new(error.kind(), TlsFault(words(inner))),
    }
}

const NOTHING_SHARED: &str =
    "the server supports neither TLS 1.2 nor 1.3 with a cipher that crossdock has; update the server";

fn words(error: &Error) -> &'static str {
    use AlertDescription as Alert;
    match error {
        Error::PeerIncompatible(_)
        | Error::AlertReceived(
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity,
        ) => NOTHING_SHARED,
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::NoCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => {
            "the server demands a client certificate that it accepts; put it as client.cert with its client.key into \
             /etc/docker/certs.d/HOST:PORT or ~/.config/containers/certs.d/HOST:PORT"
        }
        Error::AlertReceived(Alert::UnrecognisedName) => {
            "the server does not know this name; use a name that its certificate is for"
        }
        Error::AlertReceived(_) => "the server ends the TLS connection with an alert; its log says why",
        Error::NoCertificatesPresented => "the server sends no certificate; configure one there",
        _ => "the server breaks a rule of TLS; if a proxy is on the way, go around it",
    }
}

#[cfg(test)]
mod tests {
    use rustls::PeerIncompatible;

    use super::*;

    #[test]
    fn no_message_is_one_for_debugging() {
        for (error, part) in [
            (Error::AlertReceived(AlertDescription::HandshakeFailure), "neither TLS 1.2 nor 1.3"),
            (Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), "neither TLS 1.2 nor 1.3"),
            (Error::AlertReceived(AlertDescription::CertificateRequired), "demands a client certificate"),
            (Error::AlertReceived(AlertDescription::UnrecognisedName), "does not know this name"),
            (Error::AlertReceived(AlertDescription::InternalError), "with an alert"),
            (Error::DecryptError, "breaks a rule of TLS"),
        ] {
            let shown = in_words(io::Error::new(io::ErrorKind::InvalidData, error));
            assert_eq!(shown.kind(), io::ErrorKind::InvalidData);
            assert!(shown.to_string().contains(part), "{shown}");
        }
        let own = in_words(io::Error::other("as it was"));
        assert_eq!(own.to_string(), "as it was");
    }
}
