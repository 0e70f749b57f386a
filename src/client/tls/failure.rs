//! What goes wrong in TLS, placed in the taxonomy, with what to do about it.

use std::io;

use tokio_rustls::rustls::{AlertDescription as Alert, CertificateError, Error, InvalidMessage};

use crate::client::error::DialError;
use crate::metric::{Detail, ErrorKind, Step, TlsFault};

/// Names of a certificate that are told.
const NAMES_TOLD_MAX: usize = 3;

/// The failure that an error of a stream stands for, if it is TLS's own. A server that takes a
/// client's certificate ill says so only after a handshake of TLS 1.3 is over for the client, so
/// `step` may be a later one.
pub(in crate::client) fn error_in(error: &io::Error, step: Step) -> Option<DialError> {
    let error: &Error = error.get_ref()?.downcast_ref()?;
    let (fault, text) = told(error);
    let error = DialError::new(ErrorKind::Tls, step, text);
    Some(DialError { detail: Detail::Tls(fault), ..error })
}

/// What is wrong, and what to do.
fn told(error: &Error) -> (TlsFault, String) {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => {
            (TlsFault::Alert, format!("the server ended TLS with {}", meaning(*alert)))
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            let text = "the answer is not TLS: does the server speak ws:// on this port?";
            (TlsFault::NotTls, text.to_owned())
        }
        Error::PeerIncompatible(why) => {
            let text = format!(
                "the server has no version, cipher or key of TLS 1.2 or 1.3 that is ours ({})",
                spelled(&format!("{why:?}"), ' ')
            );
            (TlsFault::Protocol, text)
        }
        Error::NoCertificatesPresented => {
            let text = "the server has no certificate: give it one";
            (TlsFault::BadCertificate, text.to_owned())
        }
        other => (TlsFault::Protocol, format!("TLS failed: {other}")),
    }
}

fn certificate(error: &CertificateError) -> (TlsFault, String) {
    use CertificateError as Wrong;
    match error {
        Wrong::UnknownIssuer => {
            let text = "its certificate is from an authority that is not trusted here (unknown \
                        issuer): name the authority's certificate with tls.ca or --ca";
            (TlsFault::UnknownIssuer, text.to_owned())
        }
        Wrong::NotValidForName => {
            let text = "its certificate is not for this name: use the name it is for, or say it \
                        with tls.server_name";
            (TlsFault::WrongName, text.to_owned())
        }
        Wrong::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> =
                presented.iter().take(NAMES_TOLD_MAX).map(String::as_str).collect();
            let more = if presented.len() > NAMES_TOLD_MAX { ", ..." } else { "" };
            let text = format!(
                "its certificate is not for {} but for [{}{more}]: use one of these names, or say \
                 it with tls.server_name",
                expected.to_str(),
                names.join(", ")
            );
            (TlsFault::WrongName, text)
        }
        Wrong::Expired | Wrong::ExpiredContext { .. } => {
            let text = format!(
                "its certificate has expired ({error}): renew it, or see this \
                                machine's clock"
            );
            (TlsFault::Expired, text)
        }
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            let text = format!(
                "its certificate is not valid yet ({error}): is this machine's \
                                clock right?"
            );
            (TlsFault::NotYetValid, text)
        }
        // What the library's library says has no type here.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            let text = "its certificate is an authority's own (CA:TRUE), which no server may show: issue \
                        it with CA:FALSE, name this very one with --ca, or use --insecure";
            (TlsFault::BadCertificate, text.to_owned())
        }
        other => {
            let text = format!(
                "its certificate does not hold ({}): issue it anew, name this very one with --ca, or \
                 use --insecure",
                spelled(&other.to_string(), ' ')
            );
            (TlsFault::BadCertificate, text)
        }
    }
}

/// Names of code as words: `HandshakeFailure` is `handshake_failure`, as the RFC has it.
fn spelled(name: &str, between: char) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for letter in name.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            words.push(between);
        }
        words.extend(letter.to_lowercase());
        before = letter;
    }
    words
}

/// An alert's name and number (RFC 8446, 6), and what to look at.
fn meaning(alert: Alert) -> String {
    let remedy = match alert {
        Alert::CertificateRequired | Alert::NoCertificate => {
            ": it wants a client certificate, tls.cert and tls.key"
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::DecryptError
        | Alert::AccessDenied => ": it does not accept the client certificate, tls.cert",
        Alert::UnrecognisedName => ": it serves no such name, see tls.server_name",
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            ": it has no version or cipher of TLS 1.2 or 1.3 in common with us, or wants a client \
             certificate"
        }
        Alert::NoApplicationProtocol => ": it does not offer HTTP/1.1, which WebSocket needs",
        _ => "",
    };
    let name = spelled(&format!("{alert:?}"), '_');
    format!("the alert {name} ({}){remedy}", u8::from(alert))
}
