//! Topology through RabbitMQ's management API: read in one go, repaired step by step.
//!
//! The only way to write policies and users, and so the way to declare where limits must change without deleting a queue.
//! Not a source of numbers: what it says of lengths and rates is seconds old, so depth is asked over AMQP. But what waits to
//! be dead-lettered it alone tells.
//!
//! **Guarantees.** Every step may be repeated. A queue is declared after its policy, so that no message ever meets it
//! without its limits. A bulk reading is four requests, six with users, whatever the number of tenants. Passwords of users
//! are sent as salted hashes, and our own is in no error, log or `Debug`.
//!
//! Our user needs the tag `policymaker` and permission to configure, write and read `sendry\..*`; where users are wanted,
//! the tag `administrator`, because RabbitMQ shows and lets set them to nobody else.
//!
//! | module | question |
//! |---|---|
//! | `connection`, `folder` | where is it, and whom does it know us as? |
//! | `client` | whom do we trust? |
//! | `source` | what becomes of a change while we run? |
//! | `calls` | one request and its answer |
//! | `error` | what does a failure mean, and what is to be done? |

pub(in crate::adapters) mod calls;
mod client;
mod connection;
mod error;
mod folder;
mod forms;
mod source;

#[cfg(test)]
mod tests;

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use reqwest::Method;
use sendry_domain::routing::QueueName;
use serde_json::json;
use uuid::Uuid;

use self::{
    calls::{
        Answer, Call,
        Part::{self, Is, Vhost},
    },
    forms::{
        BindingForm, CountForm, ExchangeForm, PermissionForm, PolicyForm, QueueForm, UserForm,
    },
    source::Source,
};
pub use self::{
    connection::{ClientCertificate, ManagementConnection, Pem, Tls},
    error::BadConnection,
};
use crate::topology::{
    Binding, Category, HASHING, Logins, Observed, Reading, Removal, Repair, TopologyBroker,
    TopologyError, User,
};

/// The management API, and the virtual host it is asked about. Clones share their connections.
#[derive(Clone)]
pub struct RabbitManagement {
    source: Arc<Source>,
}

impl RabbitManagement {
    /// The API at `url`, which carries user and password, for virtual host `vhost` (`/` is the default one). Its
    /// certificate has to be of somebody whom the machine trusts.
    ///
    /// # Errors
    /// When `url` is no HTTP address, or TLS cannot be set up.
    pub fn new(url: &str, vhost: &str) -> Result<Self, BadConnection> {
        Self::at(ManagementConnection::from_url(url, vhost)?)
    }

    /// The API at the other end of `connection`.
    ///
    /// # Errors
    /// When a part of it breaks its rule, or its certificates do not fit.
    pub fn at(connection: ManagementConnection) -> Result<Self, BadConnection> {
        let source = Arc::new(Source::fixed(connection)?);
        Ok(Self { source })
    }

    /// The API that a folder describes, a mounted Secret for example: files `host`, `port`, `vhost`, `username`,
    /// `password`, and for TLS `ca.crt`, `tls.crt`, `tls.key`, `server-name`. When they change, so does the connection,
    /// within seconds and without a restart.
    ///
    /// # Errors
    /// When a file is missing, breaks its rule, or its certificates do not fit.
    pub fn from_folder(folder: &Path) -> Result<Self, BadConnection> {
        let source = Arc::new(Source::folder(folder)?);
        Ok(Self { source })
    }

    /// The virtual host that it is asked about now.
    #[must_use]
    pub fn vhost(&self) -> String {
        self.source.now().connection.vhost.clone()
    }

    async fn logins(&self) -> Result<Logins, TopologyError> {
        let users = self.list::<UserForm>("the broker's users", &[Is("users")], &[]);
        let users = match users.await {
            Ok(users) => users,
            Err(error) if error.category == Category::Forbidden => {
                return Ok(Logins::Forbidden(error.seen));
            }
            Err(error) => return Err(error),
        };
        let path = [Is("vhosts"), Vhost, Is("permissions")];
        let permissions = self.list::<PermissionForm>("permissions", &path, &[]);
        let permissions = permissions.await?;
        Ok(Logins::Read {
            users: users.into_iter().map(Into::into).collect(),
            permissions: permissions.into_iter().map(Into::into).collect(),
        })
    }

    async fn put_user(&self, doing: String, user: &User) -> Result<(), TopologyError> {
        // A salt only has to be another one each time; of a UUID of version 7, the end is random.
        let [.., a, b, c, d] = *Uuid::now_v7().as_bytes();
        let form = json!({
            "password_hash": user.password.hashed([a, b, c, d]).expose(),
            "hashing_algorithm": HASHING, "tags": user.tags,
        });
        self.put(doing, &[Is("users"), Is(&user.name)], form).await
    }

    async fn unbind(&self, doing: String, binding: &Binding) -> Result<(), TopologyError> {
        let between = between(binding);
        let call = Call::new(doing.as_str(), Method::GET, &between);
        let Some(answer) = unless_gone(self.send(call).await)? else {
            return Ok(());
        };
        let found: Vec<BindingForm> = answer.read(doing.clone())?;
        for form in found {
            if form.to_queue().as_ref() == Some(binding) {
                let mut path = between.to_vec();
                path.push(Is(&form.properties_key));
                self.remove(doing.clone(), &path).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, doing: String, path: &[Part<'_>]) -> Result<(), TopologyError> {
        let call = Call::new(doing, Method::DELETE, path);
        unless_gone(self.send(call).await).map(drop)
    }
}

#[async_trait]
impl TopologyBroker for RabbitManagement {
    async fn observe(&self, reading: Reading) -> Result<Observed, TopologyError> {
        let logins = async {
            match reading {
                Reading::Queues => Ok(Logins::Unread),
                Reading::QueuesAndLogins => self.logins().await,
            }
        };
        // Without statistics it says at once which policy is in effect, not seconds later.
        let at_once = [("disable_stats", "true")];
        let (exchanges, queues, bindings, policies, logins) = tokio::try_join!(
            self.list::<ExchangeForm>("exchanges", &[Is("exchanges"), Vhost], &[]),
            self.list::<QueueForm>("queues", &[Is("queues"), Vhost], &at_once),
            self.list::<BindingForm>("bindings", &[Is("bindings"), Vhost], &[]),
            self.list::<PolicyForm>("policies", &[Is("policies"), Vhost], &[]),
            logins,
        )?;
        Ok(Observed {
            exchanges: exchanges.into_iter().map(Into::into).collect(),
            queues: queues.into_iter().map(Into::into).collect(),
            bindings: bindings.iter().filter_map(BindingForm::to_queue).collect(),
            policies: policies.into_iter().map(Into::into).collect(),
            logins,
        })
    }

    async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError> {
        let (doing, name) = (format!("count what queue {queue} holds"), queue.to_string());
        let path = [Is("queues"), Vhost, Is(&name)];
        let call = Call::new(doing.as_str(), Method::GET, &path);
        let Some(answer) = unless_gone(self.send(call).await)? else {
            return Ok(None);
        };
        Ok(answer.read::<CountForm>(doing)?.held())
    }

    async fn apply(&self, repair: &Repair) -> Result<(), TopologyError> {
        let doing = repair.to_string();
        match repair {
            Repair::DeclareExchange(exchange) => {
                let form = json!({
                    "type": exchange.kind, "durable": exchange.durable, "auto_delete": false,
                    "internal": false, "arguments": exchange.arguments,
                });
                let path = [Is("exchanges"), Vhost, Is(&exchange.name)];
                self.put(doing, &path, form).await
            }
            Repair::PutPolicy(policy) => {
                let form = json!({
                    "pattern": policy.pattern, "apply-to": policy.apply_to,
                    "priority": policy.priority, "definition": policy.definition,
                });
                let path = [Is("policies"), Vhost, Is(&policy.name)];
                self.put(doing, &path, form).await
            }
            Repair::RemovePolicy(name) => {
                self.remove(doing, &[Is("policies"), Vhost, Is(name)]).await
            }
            Repair::DeclareQueue(queue) => {
                let name = queue.name.to_string();
                let form = json!({
                    "durable": true, "auto_delete": false, "arguments": queue.arguments,
                });
                self.put(doing, &[Is("queues"), Vhost, Is(&name)], form)
                    .await
            }
            Repair::Bind(binding) => {
                let form = Some(json!({
                    "routing_key": binding.routing_key, "arguments": binding.arguments,
                }));
                let path = between(binding);
                let call = Call::new(doing, Method::POST, &path);
                self.send(Call { form, ..call }).await.map(drop)
            }
            Repair::Unbind(binding) => self.unbind(doing, binding).await,
            Repair::PutUser(user) => self.put_user(doing, user).await,
            Repair::PutPermission(user, may) => {
                let form =
                    json!({"configure": may.configure, "write": may.write, "read": may.read});
                let path = [Is("permissions"), Vhost, Is(user)];
                self.put(doing, &path, form).await
            }
        }
    }

    async fn apply_removal(&self, removal: &Removal) -> Result<(), TopologyError> {
        let doing = removal.to_string();
        match removal {
            Removal::User(name) => self.remove(doing, &[Is("users"), Is(name)]).await,
            Removal::Queue(name) => self.remove(doing, &[Is("queues"), Vhost, Is(name)]).await,
            Removal::Policy(name) => self.remove(doing, &[Is("policies"), Vhost, Is(name)]).await,
        }
    }
}

/// The path of the bindings between the two ends of `binding`.
fn between(binding: &Binding) -> [Part<'_>; 6] {
    let (source, queue) = (Is(&binding.source), Is(&binding.queue));
    [Is("bindings"), Vhost, Is("e"), source, Is("q"), queue]
}

/// An answer; none where what was asked about is gone.
fn unless_gone(answer: Result<Answer, TopologyError>) -> Result<Option<Answer>, TopologyError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.category == Category::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for RabbitManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.source.now();
        f.debug_struct("RabbitManagement")
            .field("address", &live.connection.address())
            .field("username", &live.connection.username)
            .field("vhost", &live.connection.vhost)
            .finish_non_exhaustive()
    }
}
