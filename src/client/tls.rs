//! TLS of the client's connections: one configuration a run, shared by all of them.
//!
//! Sessions are never resumed. A thousand people who connect come from a thousand devices, each of
//! which shakes hands in full; a generator that resumed would measure a server at its cheapest.

mod failure;
mod trust;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{Resumption, VerifierBuilderError, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::error::DialError;
use super::lookup::host_of;
use super::socket::{Socket, Wire};
use super::system::system_error;
use crate::metric::{ErrorKind, Step};
use crate::scenario;

pub(super) use failure::error_in;
use trust::Trust;

/// HTTP/1.1 alone: a WebSocket over HTTP/2 is something else.
const ALPN: &[u8] = b"http/1.1";

/// How TLS is done with a host, for all clients of a run. Cheap to clone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Material", into = "Material")]
pub struct Tls {
    material: Arc<Material>,
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// What a configuration is made of, which crosses a link as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Material {
    /// As DER. Empty with `insecure` alone.
    roots: Vec<Vec<u8>>,
    /// Whether the scenario names them, and not the system.
    named: bool,
    identity: Option<scenario::Identity>,
    /// Asked for (SNI) and looked for in the certificate.
    name: String,
    insecure: bool,
}

/// Why TLS can't be set up: a message and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Whether a URL is one that TLS is for.
    #[must_use]
    pub fn is_asked_for_by(url: &str) -> bool {
        ["wss", "https"].iter().any(|scheme| {
            let start = url.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && url[scheme.len()..].starts_with("://")
        })
    }

    /// For the host of `url`, as the scenario says. Without roots of its own this reads the
    /// system's, which takes milliseconds: once a run.
    ///
    /// # Errors
    ///
    /// When the system has no roots, or what the scenario gives can't be used.
    pub fn new(url: &str, settings: &scenario::Tls) -> Result<Self, TlsError> {
        let roots = match &settings.roots[..] {
            [] if settings.insecure => Vec::new(),
            [] => system_roots()?,
            roots => roots.to_vec(),
        };
        let host = host_of(url);
        let name = settings.server_name.as_deref().unwrap_or(&host);
        Material {
            roots,
            named: !settings.roots.is_empty(),
            identity: settings.identity.clone(),
            name: name.trim_matches(['[', ']']).to_owned(),
            insecure: settings.insecure,
        }
        .try_into()
    }

    /// The configuration, which a URL that asks for TLS needs.
    pub(super) fn of(tls: Option<&Self>) -> Result<&Self, DialError> {
        let none = "TLS is asked for, and was not set up";
        tls.ok_or_else(|| DialError::new(ErrorKind::Tls, Step::Tls, none))
    }

    /// Shakes hands with the host this was made for.
    pub(super) async fn connect(&self, wire: Wire) -> Result<Socket, DialError> {
        self.connect_as(self.name.clone(), wire).await
    }

    /// Shakes hands with another host, by its own name.
    pub(super) async fn connect_to(&self, host: &str, wire: Wire) -> Result<Socket, DialError> {
        let name =
            ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| {
                let text = format!("{host} is no name that a certificate can be for");
                DialError::new(ErrorKind::Tls, Step::Tls, text)
            })?;
        self.connect_as(name, wire).await
    }

    async fn connect_as(&self, name: ServerName<'static>, wire: Wire) -> Result<Socket, DialError> {
        match self.connector.connect(name, wire).await {
            Ok(stream) => Ok(stream.into()),
            Err(error) => {
                Err(error_in(&error, Step::Tls).unwrap_or_else(|| system_error(&error, Step::Tls)))
            }
        }
    }
}

impl TryFrom<Material> for Tls {
    type Error = TlsError;

    fn try_from(material: Material) -> Result<Self, TlsError> {
        let name = ServerName::try_from(material.name.clone()).map_err(|_| TlsError {
            message: format!("`{}` is no name that a certificate can be for", material.name),
            help: "name the one in the server's certificate with target.tls.server_name".to_owned(),
        })?;
        let config = config(&material).map_err(|error| TlsError {
            message: format!("TLS can't be set up: {error}"),
            help: "check the files in target.tls".to_owned(),
        })?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { material: Arc::new(material), connector, name })
    }
}

impl From<Tls> for Material {
    fn from(tls: Tls) -> Self {
        (*tls.material).clone()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.material == other.material
    }
}

impl Eq for Tls {}

/// Without certificates and keys.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .field("insecure", &self.material.insecure)
            .finish_non_exhaustive()
    }
}

fn config(material: &Material) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let certificates = || material.roots.iter().cloned().map(CertificateDer::from);
    let algorithms = provider.signature_verification_algorithms;
    let authorities = if material.insecure {
        None
    } else {
        let mut roots = RootCertStore::empty();
        // A system's store may hold some that can't be read; what a scenario gives was checked.
        roots.add_parsable_certificates(certificates());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let wrong = |why: VerifierBuilderError| rustls::Error::General(why.to_string());
        Some(verifier.build().map_err(wrong)?)
    };
    let named = if material.named { certificates().collect() } else { Vec::new() };
    let trust = Arc::new(Trust { algorithms, named, authorities });
    let builder = builder.dangerous().with_custom_certificate_verifier(trust);
    let mut config = match &material.identity {
        Some(identity) => {
            let chain = identity.chain.iter().cloned().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::try_from(identity.key.0.clone())
                .map_err(|why| rustls::Error::General(why.to_owned()))?;
            builder.with_client_auth_cert(chain, key)?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn system_roots() -> Result<Vec<Vec<u8>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(TlsError {
            message: format!("this machine trusts no certificate authority{why}"),
            help: "install the system's certificates (on Debian the package ca-certificates), or \
                   name your server's authority with --ca"
                .to_owned(),
        });
    }
    Ok(found.certs.into_iter().map(|certificate| certificate.to_vec()).collect())
}

#[cfg(test)]
mod tests;
