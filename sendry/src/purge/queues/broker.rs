//! RabbitMQ: a tenant's queues, with their bindings, their policies, and its user, through the management API.
//!
//! What is a tenant's is decided by its whole name ([`is_of`]), never by a prefix: `acme` is no part of `acme-1`.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use reqwest::{Client, Method, StatusCode, Url};
use sendry_domain::id::{PipelineName, TenantId};
use serde::Deserialize;

use super::{Found, TenantQueues};

/// How long one request may take. A broker with many queues needs seconds to list them.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A virtual host of a broker.
pub struct Broker {
    client: Client,
    base: Url,
    vhost: String,
}

#[derive(Deserialize)]
struct QueueForm {
    name: String,
    messages: Option<u64>,
}

#[derive(Deserialize)]
struct PolicyForm {
    name: String,
}

impl Broker {
    /// The management API at `url`, which carries user and password.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn new(url: &str, vhost: &str) -> anyhow::Result<Self> {
        // Whatever is wrong with it, it is not repeated: it carries a password.
        let base = Url::parse(url).ok();
        let base = base.filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host());
        let base = base.context("--management-url must be like http://user:password@host:15672")?;
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self {
            client,
            base,
            vhost: vhost.to_owned(),
        })
    }

    /// Asks for `path`; `None` where there is no such thing.
    async fn ask(&self, method: Method, path: &[&str]) -> anyhow::Result<Option<Vec<u8>>> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().push("api").extend(path),
            Err(()) => bail!("--management-url is no address that a path can be added to"),
        };
        let doing = || {
            format!(
                "failed to {method} {} at RabbitMQ's management API",
                path.join("/")
            )
        };
        let answer = self.client.request(method.clone(), url).send().await;
        let answer = answer.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(doing)?;
        let status = answer.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = answer.bytes().await.map_err(reqwest::Error::without_url);
        let body = body.with_context(doing)?;
        ensure!(
            status.is_success(),
            "{}: it answered {status} (the user needs the tag `administrator`)",
            doing()
        );
        Ok(Some(body.to_vec()))
    }

    async fn list<T: serde::de::DeserializeOwned>(&self, what: &str) -> anyhow::Result<Vec<T>> {
        let body = self.ask(Method::GET, &[what, &self.vhost]).await?;
        let body = body.with_context(|| {
            format!(
                "RabbitMQ has no virtual host `{}`: name it with --vhost",
                self.vhost
            )
        })?;
        serde_json::from_slice(&body).with_context(|| format!("failed to read RabbitMQ's {what}"))
    }

    async fn found(&self, tenant: &TenantId) -> anyhow::Result<Vec<Found>> {
        let queues: Vec<QueueForm> = self.list("queues").await?;
        let queues = queues.into_iter().filter(|q| is_of(&q.name, tenant));
        let mut found: Vec<_> = queues
            .map(|queue| Found {
                kind: "queue",
                name: queue.name,
                messages: queue.messages,
            })
            .collect();
        let of = |kind, name| Found {
            kind,
            name,
            messages: None,
        };
        let policies: Vec<PolicyForm> = self.list("policies").await?;
        let ours = |policy: &PolicyForm| {
            let queue = policy.name.rsplit_once('/');
            queue.is_some_and(|(_, queue)| is_of(queue, tenant))
        };
        let policies = policies.into_iter().filter(ours);
        found.extend(policies.map(|policy| of("policy", policy.name)));
        let user = user(tenant);
        if self.ask(Method::GET, &["users", &user]).await?.is_some() {
            found.push(of("user", user));
        }
        Ok(found)
    }
}

/// Whether a queue is one of the tenant's: `sendry.<tenant>.<pipeline>`, or its parked queue.
fn is_of(queue: &str, tenant: &TenantId) -> bool {
    let of_us = queue.strip_prefix("sendry.");
    of_us
        .and_then(|name| name.split_once('.'))
        .is_some_and(|(owner, pipeline)| {
            owner == tenant.as_str()
                && (pipeline == "parked" || PipelineName::new(pipeline).is_ok())
        })
}

/// The tenant's user.
fn user(tenant: &TenantId) -> String {
    format!("sendry.{tenant}")
}

#[async_trait]
impl TenantQueues for Broker {
    async fn look(&self, tenant: &TenantId) -> anyhow::Result<Result<Vec<Found>, String>> {
        self.found(tenant).await.map(Ok)
    }

    async fn remove(&self, tenant: &TenantId) -> anyhow::Result<()> {
        // Policies after the queues that they limit; found in that order. One that is gone by now is as good.
        for found in self.found(tenant).await? {
            let path: &[&str] = match found.kind {
                "queue" => &["queues", &self.vhost, &found.name],
                "policy" => &["policies", &self.vhost, &found.name],
                _ => &["users", &found.name],
            };
            self.ask(Method::DELETE, path).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_a_tenants() {
        let acme = TenantId::new("acme").unwrap();
        for own in [
            "sendry.acme.default",
            "sendry.acme.pay-1",
            "sendry.acme.parked",
        ] {
            assert!(is_of(own, &acme), "{own}");
        }
        for other in [
            "sendry.acme",
            "sendry.acme.",
            "sendry.acme-1.default",
            "sendry.acme.a.b",
            "sendry.acme.Default",
            "xsendry.acme.default",
            "acme.default",
            "sendry.unrouted",
            "sendry.parked",
            "sendry.other.acme",
        ] {
            assert!(!is_of(other, &acme), "{other}");
        }
        // A tenant may be called like something of ours.
        let parked = TenantId::new("parked").unwrap();
        assert!(!is_of("sendry.parked", &parked) && is_of("sendry.parked.parked", &parked));
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        for bad in ["amqp://user:secret@host", "user:secret@host", "http://"] {
            let error = Broker::new(bad, "/").err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
