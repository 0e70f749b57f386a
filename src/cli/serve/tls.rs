//! The server's certificate: from files, or made for this run.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::cli::Failure;
use crate::report::Exit;
use crate::scenario::{Identity, Mistake, identity};
use crate::server::ServerTls;

/// How the server is to do TLS.
#[derive(Debug, clap::Args)]
pub(super) struct TlsArgs {
    /// Serve wss:// and https:// with the certificate in this PEM file, and those that lead to its
    /// authority after it. Needs --key.
    #[arg(long, value_name = "PEM", requires = "key")]
    cert: Option<PathBuf>,

    /// The certificate's private key, in PEM without a passphrase.
    #[arg(long, value_name = "PEM", requires = "cert")]
    key: Option<PathBuf>,

    /// Serve wss:// and https:// with a certificate made now, for localhost and the address
    /// listened on. It is printed after the first line, or written to --tls-ca-out.
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    tls_self_signed: bool,

    /// Write the certificate of --tls-self-signed to this file, for `uproar run --ca FILE`. It is
    /// there before the first line is printed.
    #[arg(long, value_name = "FILE", requires = "tls_self_signed")]
    tls_ca_out: Option<PathBuf>,
}

/// What the server shows, and what is to be printed once it listens.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) server: ServerTls,
    /// A certificate as PEM, for clients to trust.
    pub(super) printed: Option<String>,
}

/// Reads or makes the certificate; `None` without TLS.
pub(super) fn tls(args: &TlsArgs, listen: SocketAddr) -> Result<Option<Tls>, Failure> {
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        let identity = identity(cert, key).map_err(|faults| Failure {
            exit: Exit::Usage,
            diagnostics: faults
                .into_iter()
                .map(|(_, why)| Mistake::new(why.why, why.help))
                .collect(),
        })?;
        return Ok(Some(Tls { server: server(identity)?, printed: None }));
    }
    if !args.tls_self_signed {
        return Ok(None);
    }
    let (identity, pem) = self_signed(listen.ip())
        .map_err(|error| internal(format!("can't make a certificate: {error}"), ""))?;
    let printed = match &args.tls_ca_out {
        Some(path) => write(path, &pem).map(|()| None)?,
        None => Some(pem),
    };
    Ok(Some(Tls { server: server(identity)?, printed }))
}

fn server(identity: Identity) -> Result<ServerTls, Failure> {
    ServerTls::new(identity.chain, identity.key.0)
        .map_err(|error| internal(format!("TLS can't be set up: {error}"), ""))
}

fn write(path: &Path, pem: &str) -> Result<(), Failure> {
    std::fs::write(path, pem).map_err(|error| {
        let message = format!("can't write the certificate to {}: {error}", path.display());
        internal(message, "--tls-ca-out names a file that may be written")
    })
}

fn internal(message: String, help: &str) -> Failure {
    Failure::message(Exit::Internal, message, help)
}

/// A certificate that is its own authority, and its key; the certificate as PEM too.
fn self_signed(listen: IpAddr) -> Result<(Identity, String), rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let own = listen.to_string();
    if !listen.is_unspecified() && !names.contains(&own) {
        names.push(own);
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "uproar serve");
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let pem = pem(certificate.der());
    let identity = Identity {
        chain: vec![certificate.der().to_vec()],
        key: crate::scenario::SecretKey(key.serialize_der()),
    };
    Ok((identity, pem))
}

/// As RFC 7468 writes a certificate.
fn pem(der: &[u8]) -> String {
    let encoded = BASE64.encode(der);
    let (mut lines, mut rest) = (String::new(), encoded.as_str());
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}
