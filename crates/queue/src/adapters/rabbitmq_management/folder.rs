//! A connection in a folder: a mounted Secret, whose files are exchanged while we run.
//!
//! Kubernetes exchanges all files of a volume at once, but we read one after the other. So they are read until two
//! readings agree, and a half-old, half-new connection is never used.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    connection::{ClientCertificate, ManagementConnection, Pem, Tls},
    error::BadConnection,
};
use crate::topology::SecretText;

/// Readings before a folder that never stands still is given up.
const READINGS: usize = 10;

/// The connection that `folder` describes: `host`, `port`, `vhost` (default `/`), `username`, `password`; TLS where there
/// is `ca.crt`, `tls.crt` with `tls.key`, or `server-name`. One line break at a file's end is not part of its value.
pub(super) fn read(folder: &Path) -> Result<ManagementConnection, BadConnection> {
    let mut last = read_once(folder);
    for _ in 0..READINGS {
        let again = read_once(folder);
        match (&last, &again) {
            (Ok(one), Ok(other)) if one == other => return again,
            (Err(_), Err(_)) => return again,
            _ => last = again,
        }
    }
    Err(BadConnection::Unsteady {
        path: folder.to_owned(),
    })
}

fn read_once(folder: &Path) -> Result<ManagementConnection, BadConnection> {
    let pem = |name: &str| {
        let path = folder.join(name);
        let text = file(&path)?;
        Ok(text.map(|text| Pem::of_file(text, &path)))
    };
    let authority = pem("ca.crt")?;
    let client = match (pem("tls.crt")?, value(&folder.join("tls.key"))?) {
        (Some(certificate), Some(key)) => Some(ClientCertificate {
            certificate,
            key: SecretText::new(key),
        }),
        (None, None) => None,
        (None, Some(_)) => return missing(folder.join("tls.crt")),
        (Some(_), None) => return missing(folder.join("tls.key")),
    };
    let server_name = value(&folder.join("server-name"))?;
    let tls = (authority.is_some() || client.is_some() || server_name.is_some()).then_some(Tls {
        authority,
        client,
        server_name,
    });
    let port = value(&folder.join("port"))?.map(|port| {
        port.trim().parse().map_err(|_| BadConnection::Rule {
            what: "port",
            rule: "must be a number from 1 to 65535",
        })
    });
    let default_port = ManagementConnection::default_port(tls.is_some());
    let connection = ManagementConnection {
        host: required(folder.join("host"))?,
        port: port.transpose()?.unwrap_or(default_port),
        tls,
        vhost: value(&folder.join("vhost"))?.unwrap_or_else(|| "/".to_owned()),
        username: required(folder.join("username"))?,
        password: SecretText::new(required(folder.join("password"))?),
        path: value(&folder.join("path"))?.unwrap_or_default(),
    };
    connection.base().map(|_| connection)
}

fn required(path: PathBuf) -> Result<String, BadConnection> {
    match value(&path)? {
        Some(value) => Ok(value),
        None => missing(path),
    }
}

fn missing<T>(path: PathBuf) -> Result<T, BadConnection> {
    Err(BadConnection::Missing { path })
}

/// A file's text without its last line break. Absent and empty are the same.
fn value(path: &Path) -> Result<Option<String>, BadConnection> {
    let text = file(path)?;
    Ok(text
        .map(|text| {
            let line = text.strip_suffix('\n').unwrap_or(&text);
            line.strip_suffix('\r').unwrap_or(line).to_owned()
        })
        .filter(|line| !line.is_empty()))
}

fn file(path: &Path) -> Result<Option<String>, BadConnection> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BadConnection::Read {
            path: path.to_owned(),
            source,
        }),
    }
}
