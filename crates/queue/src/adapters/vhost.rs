//! For tests: a virtual host of one test's own, removed at its end however it ends.

use reqwest::Method;
use sendry_servers::{Server, url};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rabbitmq_management::RabbitManagement;

/// One fresh virtual host on the real broker.
pub struct Vhost {
    pub name: String,
}

impl Vhost {
    pub async fn create() -> Self {
        let name = format!("sendry/test-{}", Uuid::now_v7().simple());
        let this = Self { name };
        this.call(Method::PUT, &["vhosts", &this.name], None).await;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let permissions = ["permissions", &this.name, "guest"];
        this.call(Method::PUT, &permissions, Some(all)).await;
        this
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
    let mut address: reqwest::Url = url(Server::RabbitManagement).parse().unwrap();
    address
        .path_segments_mut()
        .unwrap()
        .pop_if_empty()
        .push("api")
        .extend(path);
    address
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let address = address(&["vhosts", &self.name]);
        // In a thread of its own: this may run inside a runtime, or while a test panics.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let removed = runtime.block_on(reqwest::Client::new().delete(address).send());
            removed
                .and_then(reqwest::Response::error_for_status)
                .map_err(std::io::Error::other)
        });
        if !matches!(removing.join(), Ok(Ok(_))) {
            eprintln!("virtual host {} stays behind", self.name);
        }
    }
}
