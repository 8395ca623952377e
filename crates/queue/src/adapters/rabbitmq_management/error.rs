//! What can go wrong between us and the management API, and what to do about it.

use std::{error::Error, path::PathBuf};

use reqwest::StatusCode;
use rustls::{
    AlertDescription, CertificateError,
    pki_types::{CertificateDer, pem::PemObject},
};
use sha2::{Digest, Sha256};

use super::connection::{ManagementConnection, Pem};
use crate::topology::{Category, TopologyError};

/// A connection that cannot be one. Says nothing of passwords, nor of an address that may have one in it.
#[derive(Debug, thiserror::Error)]
pub enum BadConnection {
    /// An address that is none.
    #[error("not the address of a RabbitMQ management API: write http://USER:PASSWORD@HOST:15672")]
    Url,
    /// A part breaks its rule.
    #[error("the {what} of the management API {rule}")]
    Rule {
        /// The part.
        what: &'static str,
        /// The rule, as the rest of a sentence.
        rule: &'static str,
    },
    /// A file is not there, or empty.
    #[error("the connection to the management API needs the file {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read, or is not UTF-8.
    #[error("failed to read {} of the connection to the management API", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The files changed whenever they were read.
    #[error("the files in {} change while they are read: write them all at once", path.display())]
    Unsteady {
        /// The folder.
        path: PathBuf,
    },
    /// A file for certificates without one.
    #[error("no certificate in {origin}: it has to be PEM, `-----BEGIN CERTIFICATE-----`")]
    NoCertificate {
        /// The file.
        origin: String,
    },
    /// Certificates or a key that do not fit.
    #[error("failed to {what} of {origin}")]
    Tls {
        /// The step.
        what: &'static str,
        /// The file, or the broker.
        origin: String,
        /// Why.
        source: reqwest::Error,
    },
}

/// The API was not reached, or did not answer in time.
pub(super) fn unreachable(
    doing: String,
    connection: &ManagementConnection,
    source: reqwest::Error,
) -> TopologyError {
    let address = connection.address();
    let (seen, advice) = match tls_error(&source) {
        Some(error) => (
            format!("the TLS connection to {address} did not come about"),
            tls_advice(error, connection),
        ),
        None if source.is_timeout() => (
            format!("no answer from the management API at {address} in time"),
            "look at the broker's load, and at the network between".to_owned(),
        ),
        // With TLS 1.3 a client learns after the handshake that its certificate is not accepted, if the connection has
        // not ended before it reads so.
        None if connection.tls.is_some() && !source.is_connect() => (
            format!("the management API at {address} ended the TLS connection without an answer"),
            "does it restart, or not accept our certificate? Then give one that it trusts as tls.crt and tls.key".to_owned(),
        ),
        None => (
            format!("no answer from the management API at {address}"),
            "is the management plugin enabled and the address right?".to_owned(),
        ),
    };
    TopologyError {
        category: Category::Unreachable,
        doing,
        seen,
        advice,
        source: Some(Box::new(source.without_url())),
    }
}

/// The API answered something else than success.
pub(super) fn refused(
    doing: String,
    connection: &ManagementConnection,
    status: StatusCode,
    reason: &str,
) -> TopologyError {
    let (category, advice) = meaning(status, reason);
    let address = connection.address();
    TopologyError {
        category,
        doing,
        seen: format!(
            "the management API at {address} answered {} ({reason})",
            status.as_u16()
        ),
        advice: advice.to_owned(),
        source: None,
    }
}

/// The API answered something that cannot be read. Where, and not what: there are hashes of passwords in it.
pub(super) fn unreadable(
    doing: String,
    connection: &ManagementConnection,
    error: &serde_json::Error,
) -> TopologyError {
    let address = connection.address();
    TopologyError {
        category: Category::Broken,
        doing,
        seen: format!(
            "the answer of the management API at {address} cannot be read, at line {} column {}",
            error.line(),
            error.column()
        ),
        advice: "is it RabbitMQ 3.10 to 4.x that answers there?".to_owned(),
        source: None,
    }
}

/// What an answer means. The API says 401 for everything that it does not let a user do, and only its words tell apart
/// whether it knows the user.
fn meaning(status: StatusCode, reason: &str) -> (Category, &'static str) {
    match status.as_u16() {
        401 if reason == "Login failed" => (
            Category::Unauthorized,
            "check the user and the password of our connection",
        ),
        401 | 403 => (
            Category::Forbidden,
            "give our user the tag `policymaker`, or `administrator` where it sets users, and permission to configure, write and read `sendry\\..*` in this virtual host",
        ),
        404 => (
            Category::NotFound,
            "create the virtual host, and check its name",
        ),
        500..=599 => (
            Category::Broken,
            "the broker is in trouble; look at its log",
        ),
        400 => (
            Category::Invalid,
            "the broker does not accept it; RabbitMQ 3.10 to 4.x is supported",
        ),
        300..=399 => (
            Category::Invalid,
            "the address leads to somewhere else; write the one that it leads to",
        ),
        _ => (Category::Invalid, "look at the broker's log"),
    }
}

fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An IO error is not the source of itself, but it may carry what TLS said.
        let inside = error.downcast_ref().and_then(std::io::Error::get_ref);
        if let Some(found) = inside.and_then(|inside| tls_error(inside)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn tls_advice(error: &rustls::Error, connection: &ManagementConnection) -> String {
    use CertificateError::{BadSignature, Expired, ExpiredContext, UnknownIssuer};
    let authority = connection
        .tls
        .as_ref()
        .and_then(|tls| tls.authority.as_ref());
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => match authority {
            Some(authority) => format!(
                "its certificate is not signed by the CA in {}: put the CA there that signs it",
                called(authority)
            ),
            None => "its certificate is signed by nobody whom this machine trusts: give the CA that signs it as ca.crt".to_owned(),
        },
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is another host's: give the name that it has as server-name".to_owned(),
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "its certificate has expired: renew it".to_owned()
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA,
        ) => "it does not accept our certificate: give one that it trusts as tls.crt and tls.key".to_owned(),
        _ => "compare its certificate with ca.crt and server-name".to_owned(),
    }
}

/// A CA by its file and its fingerprint, as `openssl x509 -fingerprint -sha256` shows it.
fn called(authority: &Pem) -> String {
    let first = CertificateDer::pem_slice_iter(authority.text.as_bytes()).next();
    let Some(Ok(certificate)) = first else {
        return authority.origin.clone();
    };
    let digest = Sha256::digest(&certificate);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{} (SHA-256 {})", authority.origin, pairs.join(":"))
}
