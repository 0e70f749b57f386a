//! `[target] tls`: files are read here, so that a wrong one is shown under its line.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::ServerName;

use super::super::keys::{At, Field};
use super::super::mistake::Mistakes;
use super::super::model::{Identity, Tls};
use super::super::pem::{self, Part, Unusable};
use super::super::raw;

/// `url` is the target's, if it could be read; `folder` is where paths start.
pub(super) fn tls(
    raw: &raw::Target,
    url: Option<&str>,
    folder: Option<&Path>,
    mistakes: &mut Mistakes,
) -> Tls {
    let Some(At { value: tls, span }) = raw.tls.written() else { return Tls::default() };
    if raw.builtin.written().is_some() && raw.url.written().is_none() {
        mistakes
            .add(span, "`target.tls` is for a server at a `wss://` URL")
            .label("the built-in server is reached without TLS")
            .help(
                "remove it; to test TLS, start `uproar serve --tls-self-signed` and give its URL",
            );
    } else if url.is_some_and(|url| url.starts_with("ws://")) {
        mistakes
            .add(span, "`target.tls` is for `wss://`, and the URL begins with `ws://`")
            .label("there is no TLS")
            .help("write the URL with wss://, or remove this");
    }
    Tls {
        roots: roots(tls, folder, mistakes),
        identity: identity(tls, folder, mistakes),
        server_name: server_name(tls, mistakes),
        insecure: tls.insecure.value(),
    }
}

fn roots(tls: &raw::Tls, folder: Option<&Path>, mistakes: &mut Mistakes) -> Vec<Vec<u8>> {
    let Some(at) = tls.ca.written() else { return Vec::new() };
    file(at, folder).and_then(|path| pem::roots(&path)).unwrap_or_else(|why| {
        complain(at, why, mistakes);
        Vec::new()
    })
}

fn identity(tls: &raw::Tls, folder: Option<&Path>, mistakes: &mut Mistakes) -> Option<Identity> {
    let (cert, key) = match (&tls.cert, &tls.key) {
        (Field::Written(cert), Field::Written(key)) => (cert, key),
        (Field::Written(cert), Field::Absent) => {
            lonely(cert, "cert", "key", mistakes);
            return None;
        }
        (Field::Absent, Field::Written(key)) => {
            lonely(key, "key", "cert", mistakes);
            return None;
        }
        _ => return None,
    };
    let paths = file(cert, folder).and_then(|cert| Ok((cert, file(key, folder)?)));
    let read = paths
        .map_err(|why| vec![(Part::Certificate, why)])
        .and_then(|(cert, key)| pem::identity(&cert, &key));
    match read {
        Ok(identity) => Some(identity),
        Err(faults) => {
            for (part, why) in faults {
                complain(if part == Part::Key { key } else { cert }, why, mistakes);
            }
            None
        }
    }
}

fn lonely(at: &At<String>, there: &str, missing: &str, mistakes: &mut Mistakes) {
    mistakes
        .add(&at.span, format!("`target.tls` has `{there}` and no `{missing}`"))
        .label(format!("where is its {missing}?"))
        .help("a client certificate is two files: cert = \"client.pem\", key = \"client.key\"");
}

fn file(at: &At<String>, folder: Option<&Path>) -> Result<PathBuf, Unusable> {
    let folder = folder.ok_or_else(|| Unusable {
        why: format!("`{}` can't be read from here", at.value),
        help: String::new(),
    })?;
    Ok(folder.join(&at.value))
}

fn complain(at: &At<String>, why: Unusable, mistakes: &mut Mistakes) {
    mistakes.add(&at.span, why.why).label("this file").help(why.help);
}

fn server_name(tls: &raw::Tls, mistakes: &mut Mistakes) -> Option<String> {
    let at = tls.server_name.written()?;
    if ServerName::try_from(at.value.as_str()).is_err() {
        mistakes
            .add(&at.span, format!("`{}` is not the name of a host", at.value.escape_debug()))
            .label("not a host")
            .help("write a name or an address alone, as it stands in the certificate");
    }
    Some(at.value.clone())
}
