//! Where the management API is, whom it is asked as, and whom it is trusted as.
//!
//! Said in parts, so that no character of a password or a virtual host can be taken for syntax; an address with everything
//! in it is taken apart here, once.

use std::{net::Ipv6Addr, path::Path};

use reqwest::Url;

use super::error::BadConnection;
use crate::topology::SecretText;

const PORT: u16 = 15672;
const PORT_TLS: u16 = 15671;

/// The management API of a broker, and the virtual host it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementConnection {
    /// A name or an address; an IPv6 address without brackets.
    pub host: String,
    /// 15672, or 15671 with TLS, where nothing else is said.
    pub port: u16,
    /// Without it everything, the password too, can be read on the way.
    pub tls: Option<Tls>,
    /// Any text but the empty one, `.` and `..`, which an address cannot say. `/` is the default one.
    pub vhost: String,
    /// Any text without a colon, which ends it in HTTP's basic authentication.
    pub username: String,
    /// Any text but the empty one, with which RabbitMQ lets nobody in.
    pub password: SecretText,
    /// Where the API is below the host, behind a proxy; mostly empty.
    pub path: String,
}

/// How the broker proves who it is, and how we do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who signs its certificate; `None`: who the machine trusts.
    pub authority: Option<Pem>,
    /// What we show, where the broker asks for it.
    pub client: Option<ClientCertificate>,
    /// Whose certificate it has to show; `None`: its host's. Not an address.
    pub server_name: Option<String>,
}

/// Certificates in PEM, and where they came from, for whoever has to be told about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    /// One or more.
    pub text: String,
    /// A file's path, or what a person calls it.
    pub origin: String,
}

/// A certificate with its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// With those between it and its authority.
    pub certificate: Pem,
    /// In PEM.
    pub key: SecretText,
}

impl ManagementConnection {
    /// The API at `url`, which carries user and password (`guest` where it does not), for virtual host `vhost`.
    ///
    /// # Errors
    /// When `url` is no HTTP address, or its parts break a rule of [`ManagementConnection`]'s fields.
    pub fn from_url(url: &str, vhost: &str) -> Result<Self, BadConnection> {
        let url: Url = url.parse().map_err(|_| BadConnection::Url)?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some(Tls::default()),
            _ => return Err(BadConnection::Url),
        };
        let host = url.host_str().ok_or(BadConnection::Url)?;
        let or_guest = |text: &str| match text {
            "" => "guest".to_owned(),
            text => decoded(text),
        };
        let this = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().ok_or(BadConnection::Url)?,
            tls,
            vhost: vhost.to_owned(),
            username: or_guest(url.username()),
            password: SecretText::new(or_guest(url.password().unwrap_or_default())),
            path: url.path().trim_matches('/').to_owned(),
        };
        this.base().map(|_| this)
    }

    /// The port where none is said.
    pub(super) fn default_port(tls: bool) -> u16 {
        if tls { PORT_TLS } else { PORT }
    }

    /// The address below which the API is, without user and password.
    pub(super) fn base(&self) -> Result<Url, BadConnection> {
        if matches!(self.vhost.as_str(), "" | "." | "..") {
            return Err(BadConnection::Rule {
                what: "vhost",
                rule: "must not be empty, `.` or `..`, which the management API's addresses cannot say",
            });
        }
        if self.username.is_empty() || self.username.contains(':') {
            return Err(BadConnection::Rule {
                what: "username",
                rule: "must not be empty or have a colon, which ends it in HTTP's basic authentication",
            });
        }
        let bad_host = BadConnection::Rule {
            what: "host",
            rule: "must be a name or an address",
        };
        let bad_name = BadConnection::Rule {
            what: "server-name",
            rule: "must be the name of a host, and not an address",
        };
        let name = self.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut base: Url = format!("{scheme}://host/{}", self.path)
            .parse()
            .map_err(|_| BadConnection::Url)?;
        if let Some(name) = name {
            let set = is_plain(name) && base.set_host(Some(name)).is_ok();
            if !set || base.domain().is_none() {
                return Err(bad_name);
            }
        } else if let Ok(address) = self.host.parse::<Ipv6Addr>() {
            base.set_ip_host(address.into()).map_err(|()| bad_host)?;
        } else if !is_plain(&self.host) || base.set_host(Some(&self.host)).is_err() {
            return Err(bad_host);
        }
        base.set_port(Some(self.port))
            .map_err(|()| BadConnection::Url)?;
        Ok(base)
    }

    /// Where it is, as a person would say it: the host, whatever name its certificate has to have.
    pub(super) fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("{scheme}://[{address}]:{}", self.port),
            Err(_) => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl Pem {
    /// Certificates that are at hand, called `origin` where they do not fit.
    #[must_use]
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            origin: origin.into(),
        }
    }

    pub(super) fn of_file(text: String, path: &Path) -> Self {
        Self::new(text, path.display().to_string())
    }
}

/// Whether a host has nothing in it that begins another part of an address.
fn is_plain(host: &str) -> bool {
    !host.is_empty() && !host.contains(['/', '\\', ':', '@', '?', '#', '[', ']', '%'])
}

/// Without its percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
