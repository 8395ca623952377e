//! Topology through RabbitMQ's management API: read in one go, compared by [`diff`], repaired.
//!
//! The only way to write policies, and so the way to declare where limits must change without deleting a queue. Not a
//! source of numbers: what it says of lengths and rates is seconds old, so depth is asked over AMQP.
//!
//! Every step may be repeated, so a pass that failed half way is finished by the next. A queue is declared after its
//! policy, so that no message ever meets it without its limits.

mod error;
mod forms;

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use reqwest::{Client, Method, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use self::error::{BadManagementUrl, ManagementError};
use self::forms::{BindingForm, ExchangeForm, PolicyForm, QueueForm, Refusal};
use crate::topology::{Binding, Observed, Plan, Repair, Topology, diff};

/// How long one request may take. A broker with many queues needs seconds to list them.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The management API, and the virtual host it is asked about.
#[derive(Clone)]
pub struct RabbitManagement {
    client: Client,
    base: Url,
    user: String,
    password: String,
    vhost: String,
}

impl RabbitManagement {
    /// The API at `url`, which carries user and password, for virtual host `vhost` (`/` is the default one).
    ///
    /// # Errors
    /// When `url` is no HTTP address, or TLS cannot be set up.
    pub fn new(url: &str, vhost: &str) -> Result<Self, BadManagementUrl> {
        let mut base: Url = url.parse().map_err(|_| BadManagementUrl)?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(BadManagementUrl);
        }
        let or_guest = |text: &str| {
            if text.is_empty() {
                "guest".to_owned()
            } else {
                decoded(text)
            }
        };
        let user = or_guest(base.username());
        let password = or_guest(base.password().unwrap_or_default());
        base.set_username("").map_err(|()| BadManagementUrl)?;
        base.set_password(None).map_err(|()| BadManagementUrl)?;
        let client = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|_| BadManagementUrl)?;
        Ok(Self {
            client,
            base,
            user,
            password,
            vhost: vhost.to_owned(),
        })
    }

    /// What stands in the virtual host.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn observe(&self) -> Result<Observed, ManagementError> {
        let (exchanges, queues, bindings, policies) = tokio::try_join!(
            self.list::<ExchangeForm>("exchanges", &[]),
            // Without statistics it says at once which policy is in effect, not seconds later.
            self.list::<QueueForm>("queues", &[("disable_stats", "true")]),
            self.list::<BindingForm>("bindings", &[]),
            self.list::<PolicyForm>("policies", &[]),
        )?;
        Ok(Observed {
            exchanges: exchanges.into_iter().map(Into::into).collect(),
            queues: queues.into_iter().map(Into::into).collect(),
            bindings: bindings.iter().filter_map(BindingForm::to_queue).collect(),
            policies: policies.into_iter().map(Into::into).collect(),
        })
    }

    /// Does one repair.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn apply(&self, repair: &Repair) -> Result<(), ManagementError> {
        match repair {
            Repair::DeclareExchange(exchange) => {
                let form = json!({
                    "type": exchange.kind, "durable": exchange.durable, "auto_delete": false,
                    "internal": false, "arguments": exchange.arguments,
                });
                let doing = format!("declare exchange {}", exchange.name);
                self.put(doing, &["exchanges", &self.vhost, &exchange.name], form)
                    .await
            }
            Repair::PutPolicy(policy) => {
                let form = json!({
                    "pattern": policy.pattern, "apply-to": policy.apply_to,
                    "priority": policy.priority, "definition": policy.definition,
                });
                let doing = format!("set policy {}", policy.name);
                self.put(doing, &["policies", &self.vhost, &policy.name], form)
                    .await
            }
            Repair::DeclareQueue(queue) => {
                let name = queue.name.to_string();
                let form = json!({
                    "durable": true, "auto_delete": false, "arguments": queue.arguments,
                });
                let doing = format!("declare queue {name}");
                self.put(doing, &["queues", &self.vhost, &name], form).await
            }
            Repair::Bind(binding) => {
                let form = json!({
                    "routing_key": binding.routing_key, "arguments": binding.arguments,
                });
                let doing = format!("bind queue {}", binding.queue);
                let path = self.between(binding);
                self.send(doing, Method::POST, &path, &[], Some(form))
                    .await?;
                Ok(())
            }
            Repair::Unbind(binding) => self.unbind(binding).await,
        }
    }

    /// Observes, compares, and repairs what can be. The plan says what was done and what only a person can settle.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses; the next pass finishes the rest.
    pub async fn reconcile(&self, topology: &Topology) -> Result<Plan, ManagementError> {
        let plan = diff(topology, &self.observe().await?);
        for repair in &plan.repairs {
            self.apply(repair).await?;
        }
        Ok(plan)
    }

    async fn unbind(&self, binding: &Binding) -> Result<(), ManagementError> {
        let doing = || format!("unbind queue {}", binding.queue);
        let path = self.between(binding);
        let answer = self.send(doing(), Method::GET, &path, &[], None).await?;
        let found: Vec<BindingForm> = self.read(doing(), answer).await?;
        for form in found {
            if form.to_queue().as_ref() == Some(binding) {
                let mut path = path.to_vec();
                path.push(&form.properties_key);
                self.send(doing(), Method::DELETE, &path, &[], None).await?;
            }
        }
        Ok(())
    }

    /// The path of the bindings between the two ends of `binding`.
    fn between<'a>(&'a self, binding: &'a Binding) -> [&'a str; 6] {
        let (source, queue) = (&binding.source, &binding.queue);
        ["bindings", &self.vhost, "e", source, "q", queue]
    }

    async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ManagementError> {
        let doing = || format!("list {what} of virtual host {:?}", self.vhost);
        let path = [what, &self.vhost];
        let answer = self.send(doing(), Method::GET, &path, query, None).await?;
        self.read(doing(), answer).await
    }

    async fn put(&self, doing: String, path: &[&str], form: Value) -> Result<(), ManagementError> {
        self.send(doing, Method::PUT, path, &[], Some(form)).await?;
        Ok(())
    }

    async fn send(
        &self,
        doing: String,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        form: Option<Value>,
    ) -> Result<reqwest::Response, ManagementError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each is encoded whole: a virtual host may be called `/`.
            segments.pop_if_empty().push("api").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .client
            .request(method, url)
            .basic_auth(&self.user, Some(&self.password));
        if let Some(form) = &form {
            request = request.json(form);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(source) => return Err(self.unreachable(doing, source)),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let refusal = answer.json::<Refusal>().await.map(|refusal| refusal.reason);
        Err(ManagementError::Refused {
            doing,
            address: self.base.to_string(),
            status: status.as_u16(),
            reason: match refusal {
                Ok(Value::String(reason)) => reason,
                Ok(reason) => reason.to_string(),
                Err(_) => "no reason given".to_owned(),
            },
            hint: error::hint(status),
        })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        doing: String,
        answer: reqwest::Response,
    ) -> Result<T, ManagementError> {
        let read = answer.json().await;
        read.map_err(|source| self.unreachable(doing, source))
    }

    fn unreachable(&self, doing: String, source: reqwest::Error) -> ManagementError {
        ManagementError::Unreachable {
            doing,
            address: self.base.to_string(),
            source: source.without_url(),
        }
    }
}

impl fmt::Debug for RabbitManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitManagement")
            .field("base", &self.base.as_str())
            .field("user", &self.user)
            .field("vhost", &self.vhost)
            .finish_non_exhaustive()
    }
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
