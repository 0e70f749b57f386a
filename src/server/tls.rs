//! TLS of the server's connections. What is inside them is the same as without.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// HTTP/1.1 alone: what the server says to a client that only knows others is an alert.
const ALPN: &[u8] = b"http/1.1";

/// A server's certificate and key, ready to be shown.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

impl ServerTls {
    /// `chain` are certificates as DER, the server's own first; `key` is its key as DER (PKCS #8,
    /// PKCS #1 or SEC1).
    ///
    /// # Errors
    /// When one of them can't be read, or the key is not the certificate's.
    pub fn new(chain: Vec<Vec<u8>>, key: Vec<u8>) -> io::Result<Self> {
        let unfit = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::try_from(key).map_err(|why| unfit(why.to_owned()))?;
        let mut config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| unfit(error.to_string()))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

/// Without the key.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
