//! An HTTP client for one connection: whom it trusts, what it shows, where it goes.

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    Certificate, Client, Identity, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::{
    connection::{ManagementConnection, Pem, Tls},
    error::BadConnection,
};

/// How long one request may take. A broker with many queues needs seconds to list them.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that can be used.
pub(super) struct Live {
    pub connection: ManagementConnection,
    pub base: Url,
    pub client: Client,
}

impl Live {
    pub fn new(connection: ManagementConnection) -> Result<Self, BadConnection> {
        let base = connection.base()?;
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // Followed, a write would become a read, and look done.
            .redirect(redirect::Policy::none());
        if let Some(tls) = &connection.tls {
            builder = trusting(builder, tls)?;
            if tls.server_name.is_some() {
                builder = builder.dns_resolver(HostOf(connection.host.clone()));
            }
        }
        let client = builder.build().map_err(|source| BadConnection::Tls {
            what: "set up TLS",
            origin: connection.address(),
            source,
        })?;
        Ok(Self {
            connection,
            base,
            client,
        })
    }
}

fn trusting(
    mut builder: reqwest::ClientBuilder,
    tls: &Tls,
) -> Result<reqwest::ClientBuilder, BadConnection> {
    if let Some(authority) = &tls.authority {
        let certificates = Certificate::from_pem_bundle(authority.text.as_bytes());
        let certificates =
            certificates.map_err(|source| unusable("read the CA", authority, source))?;
        if certificates.is_empty() {
            return Err(BadConnection::NoCertificate {
                origin: authority.origin.clone(),
            });
        }
        // Only these: an authority of one's own is there because nobody else is to be trusted.
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(client) = &tls.client {
        let both = format!("{}\n{}", client.certificate.text, client.key.expose());
        let identity = Identity::from_pem(both.as_bytes()).map_err(|source| {
            unusable(
                "read our certificate and its key",
                &client.certificate,
                source,
            )
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn unusable(what: &'static str, pem: &Pem, source: reqwest::Error) -> BadConnection {
    BadConnection::Tls {
        what,
        origin: pem.origin.clone(),
        source,
    }
}

/// Every name leads to one host: the name in the address is the one that the certificate has to have.
struct HostOf(String);

impl Resolve for HostOf {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            // Port 0: that of the address is taken instead.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
