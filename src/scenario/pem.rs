//! Certificates and keys from PEM files: what is in one, or why it can't be used.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, RootCertStore};

use super::model::{Identity, SecretKey};

/// A bundle of all authorities that a system trusts has a quarter of it.
const LARGEST: u64 = 1 << 20;

/// Why a file can't be used, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong, with the file's name.
    pub why: String,
    /// What to do.
    pub help: String,
}

fn unusable(why: String, help: &str) -> Unusable {
    Unusable { why, help: help.to_owned() }
}

/// The certificates of authorities in a file, as DER.
///
/// # Errors
///
/// When the file can't be read, has no certificate, or one that is damaged.
pub(super) fn roots(path: &Path) -> Result<Vec<Vec<u8>>, Unusable> {
    let certificates = certificates(path)?;
    let mut store = RootCertStore::empty();
    for (number, certificate) in (1_usize..).zip(&certificates) {
        store.add(certificate.clone()).map_err(|error| {
            let shown = path.display();
            let what = match error {
                Error::InvalidCertificate(error) => error.to_string(),
                error => error.to_string(),
            };
            let why = format!("certificate {number} in `{shown}` can't be read: {what}");
            unusable(why, "give the certificate that signed the server's, in PEM")
        })?;
    }
    Ok(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// A certificate with those that lead to its authority, and its key, from their files.
///
/// # Errors
///
/// Of each file that is at fault, the certificate's first. A key that does not fit is its own fault.
pub fn identity(certificate: &Path, key: &Path) -> Result<Identity, Vec<(Part, Unusable)>> {
    let at_fault = |why: String, help: &str| vec![(Part::Key, unusable(why, help))];
    let shown = key.display();
    let (chain, der) = match (certificates(certificate), private_key(key)) {
        (Ok(chain), Ok(der)) => (chain, der),
        (chain, der) => {
            let chain = chain.err().map(|why| (Part::Certificate, why));
            let key = der.err().map(|why| (Part::Key, why));
            return Err(chain.into_iter().chain(key).collect());
        }
    };
    let secret = SecretKey(der.secret_der().to_vec());
    CertifiedKey::from_der(chain.clone(), der, &default_provider()).map_err(
        |error| match error {
            Error::InconsistentKeys(_) => {
                let why = format!("the key in `{shown}` does not fit `{}`", certificate.display());
                at_fault(why, "give the key that this certificate was issued for")
            }
            Error::InvalidCertificate(error) => {
                let why = format!(
                    "the certificate in `{}` can't be read: {error}",
                    certificate.display()
                );
                vec![(Part::Certificate, unusable(why, "the file may be damaged: export it again"))]
            }
            error => at_fault(
                format!("the key in `{shown}` can't be used: {error}"),
                "keys may be RSA (from 2,048 bits), ECDSA (P-256 or P-384) or Ed25519, as PKCS #8, \
             PKCS #1 or SEC1, without a passphrase",
            ),
        },
    )?;
    let chain = chain.into_iter().map(|certificate| certificate.to_vec()).collect();
    Ok(Identity { chain, key: secret })
}

/// Which of an identity's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Certificate,
    Key,
}

const PEM: &str = "a PEM file is text between BEGIN and END lines; `openssl x509 -inform der` \
                   converts a DER certificate";

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Unusable> {
    let text = read(path, "the key")?;
    let shown = path.display();
    match PrivateKeyDer::pem_slice_iter(&text).next() {
        None => Err(unusable(
            format!("`{shown}` has no private key"),
            "it should have a part that begins with BEGIN PRIVATE KEY",
        )),
        Some(Err(error)) => Err(not_pem(path, &error)),
        Some(Ok(key)) => Ok(key),
    }
}

fn not_pem(path: &Path, error: &pem::Error) -> Unusable {
    let shown = path.display();
    let why = match error {
        pem::Error::MissingSectionEnd { .. } => {
            format!("`{shown}` was cut: a part of it has no END line")
        }
        error => format!("`{shown}` is not PEM: {error}"),
    };
    unusable(why, PEM)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let text = read(path, "the certificate")?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let shown = path.display();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(
            format!("`{shown}` has no certificate"),
            "it should have a part that begins with BEGIN CERTIFICATE; DER must be converted to \
             PEM first",
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(not_pem(path, &error)),
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Unusable> {
    let all = || {
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        // The limit holds while reading too: a pipe or a device has no length to ask for.
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        Ok(bytes)
    };
    all().map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound => {
                "check the path: those in a scenario are relative to the scenario file"
            }
            _ => "check that it is the right file, and that you may read it",
        };
        unusable(format!("can't read {what} in `{}`: {error}", path.display()), help)
    })
}
