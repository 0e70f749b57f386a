//! Certificates and keys from PEM files: what is in one, or why it can't be used.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
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
/// When the file can't be read, has no certificate, or one that can't be an authority's.
pub(super) fn roots(path: &Path) -> Result<Vec<Vec<u8>>, Unusable> {
    let certificates = certificates(path)?;
    let mut store = RootCertStore::empty();
    for (number, certificate) in (1_usize..).zip(&certificates) {
        store.add(certificate.clone()).map_err(|error| {
            let why = format!(
                "certificate {number} in `{}` can't be an authority's: {error}",
                path.display()
            );
            unusable(why, "give the certificate that signed the server's, in PEM")
        })?;
    }
    Ok(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// A certificate with those that lead to its authority, and its key, from their files.
///
/// # Errors
///
/// Of the file that is at fault, the certificate's first. A key that does not fit is its own fault.
pub fn identity(certificate: &Path, key: &Path) -> Result<Identity, (Part, Unusable)> {
    let chain = certificates(certificate).map_err(|why| (Part::Certificate, why))?;
    let at_fault = |why: String, help: &str| (Part::Key, unusable(why, help));
    let shown = key.display();
    let text = read(key, "the key").map_err(|why| (Part::Key, why))?;
    let der = PrivateKeyDer::pem_slice_iter(&text).next();
    let der = match der {
        None => {
            let why = format!("`{shown}` has no private key");
            return Err(at_fault(why, "it should have a part that begins with BEGIN PRIVATE KEY"));
        }
        Some(Err(error)) => {
            let why = format!("`{shown}` is not PEM: {error}");
            return Err(at_fault(why, PEM));
        }
        Some(Ok(der)) => der,
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
                (Part::Certificate, unusable(why, "the file may be damaged: export it again"))
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
        Err(error) => Err(unusable(format!("`{shown}` is not PEM: {error}"), PEM)),
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
        unusable(
            format!("can't read {what} in `{}`: {error}", path.display()),
            "a path in a scenario is relative to the scenario file",
        )
    })
}
