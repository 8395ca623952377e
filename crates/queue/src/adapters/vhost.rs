//! For tests: a virtual host of one test's own, removed at its end however it ends.

use std::sync::Mutex;

use reqwest::Method;
use sendry_domain::id::TenantId;
use sendry_servers::{Server, url};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rabbitmq_management::{RabbitManagement, calls::at};

/// One fresh virtual host on the real broker.
pub struct Vhost {
    pub name: String,
    /// Those whose users go as well.
    tenants: Mutex<Vec<TenantId>>,
}

impl Vhost {
    pub async fn create() -> Self {
        Self::named(format!("sendry/test-{}", Uuid::now_v7().simple())).await
    }

    pub async fn named(name: String) -> Self {
        let tenants = Mutex::default();
        let this = Self { name, tenants };
        this.call(Method::PUT, &["vhosts", &this.name], None).await;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let permissions = ["permissions", &this.name, "guest"];
        this.call(Method::PUT, &permissions, Some(all)).await;
        this
    }

    /// A tenant that nobody else has. Its users are removed at the end.
    pub fn tenant(&self) -> TenantId {
        let tenant = TenantId::new(&format!("t-{}", Uuid::now_v7().simple())).unwrap();
        self.tenants.lock().unwrap().push(tenant.clone());
        tenant
    }

    /// Calls the management API past the adapter; its answer, which has to be a success.
    pub async fn call(&self, method: Method, path: &[&str], form: Option<Value>) -> Value {
        let mut request = reqwest::Client::new().request(method, address(path));
        if let Some(form) = form {
            request = request.json(&form);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path:?}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub fn management(&self) -> RabbitManagement {
        RabbitManagement::new(&url(Server::RabbitManagement), &self.name).unwrap()
    }

    pub fn url(&self) -> String {
        let base = url(Server::Amqp);
        format!(
            "{}/{}",
            base.trim_end_matches('/'),
            self.name.replace('/', "%2F")
        )
    }
}

fn address(path: &[&str]) -> reqwest::Url {
    let base: reqwest::Url = url(Server::RabbitManagement).parse().unwrap();
    at(&base, path.iter().copied())
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let vhost = address(&["vhosts", &self.name]);
        let tenants = self.tenants.get_mut().map(std::mem::take);
        let tenants = tenants.unwrap_or_default();
        // In a thread of its own: this may run inside a runtime, or while a test panics.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(remove(vhost, &tenants))
                .map_err(std::io::Error::other)
        });
        if !matches!(removing.join(), Ok(Ok(()))) {
            eprintln!("virtual host {} stays behind", self.name);
        }
    }
}

async fn remove(vhost: reqwest::Url, tenants: &[TenantId]) -> reqwest::Result<()> {
    let client = reqwest::Client::new();
    client.delete(vhost).send().await?.error_for_status()?;
    if tenants.is_empty() {
        return Ok(());
    }
    let users = client.get(address(&["users"])).send().await?;
    let users: Vec<Value> = users.json().await?;
    for name in users.iter().filter_map(|user| user["name"].as_str()) {
        let of_ours = |tenant: &TenantId| name.split('.').nth(1) == Some(tenant.as_str());
        if tenants.iter().any(of_ours) {
            client.delete(address(&["users", name])).send().await?;
        }
    }
    Ok(())
}
