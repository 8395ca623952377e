//! A database for each test, copied from one that is migrated once.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use sendry_domain::fingerprint::Fingerprint;
use sendry_servers::Server;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use super::super::{PostgresOptions, PostgresStore, migrate};

/// A database of its own, dropped at the end, however the test ends.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
}

/// The server's own database: where databases are made and dropped.
fn server() -> PgConnectOptions {
    PgConnectOptions::from_str(&sendry_servers::url(Server::Postgres)).unwrap()
}

/// The server's address with another database in it.
fn url(name: &str) -> String {
    let address = sendry_servers::url(Server::Postgres);
    let (address, parameters) = match address.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (&*address, String::new()),
    };
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..]
        .find('/')
        .map_or(address.len(), |at| host + at);
    format!("{}/{name}{parameters}", &address[..end])
}

/// Runs statements that this module puts together.
async fn run(connection: &mut PgConnection, sql: String) {
    let done = connection.execute(AssertSqlSafe(sql.clone())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

impl TestDatabase {
    /// An empty one.
    pub async fn empty() -> Self {
        let mut server = PgConnection::connect_with(&server()).await.unwrap();
        let name = Self::name();
        run(&mut server, format!("CREATE DATABASE {name}")).await;
        Self { name }
    }

    /// A migrated one.
    pub async fn migrated() -> Self {
        let mut server = PgConnection::connect_with(&server()).await.unwrap();
        let template = template(&mut server).await;
        let name = Self::name();
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        run(&mut server, sql).await;
        Self { name }
    }

    fn name() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("sendry_test_{}_{next}", std::process::id())
    }

    /// How to connect to it.
    pub fn options(&self) -> PostgresOptions {
        PostgresOptions::new(url(&self.name))
    }

    /// How to connect as an ordinary login that owns the database.
    pub async fn owned_by(&self, login: &str) -> PostgresOptions {
        let mut server = PgConnection::connect_with(&server()).await.unwrap();
        let made = format!("CREATE ROLE {login} LOGIN PASSWORD '{login}'");
        // Kept by the server, for it belongs to no database.
        let _ = server.execute(AssertSqlSafe(made)).await;
        let sql = format!("ALTER DATABASE {} OWNER TO {login}", self.name);
        run(&mut server, sql).await;
        let address = url(&self.name);
        let host = address.find('@').map_or(0, |at| at + 1);
        PostgresOptions::new(format!("postgres://{login}:{login}@{}", &address[host..]))
    }

    /// A store on it that acts as `sendry_worker`: a superuser would pass every wall.
    pub async fn store(&self) -> PostgresStore {
        PostgresStore::connect(self.options().role("sendry_worker"))
            .await
            .unwrap()
    }

    /// A connection as the superuser, who passes every wall.
    pub async fn connection(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&url(&self.name)).await.unwrap();
        run(&mut connection, "SET search_path = sendry".to_owned()).await;
        connection
    }

    /// Runs statements as the superuser.
    pub async fn execute(&self, sql: &str) {
        run(&mut self.connection().await, sql.to_owned()).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own: this may be a thread of the test's runtime, and the test may be panicking.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let work = async {
                let mut server = PgConnection::connect_with(&server()).await?;
                server.execute(AssertSqlSafe(sql)).await.map(drop)
            };
            runtime.unwrap().block_on(work)
        });
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("database {} stays behind: {error}", self.name);
        }
    }
}

/// A migrated database to copy, made once a schema and kept.
async fn template(server: &mut PgConnection) -> String {
    let print = Fingerprint::of_event(migrate::text().as_bytes()).to_string();
    let name = format!("sendry_template_{}", &print[..16]);
    // One test makes it, the others wait.
    let lock = "SELECT pg_advisory_lock(7021)";
    server.execute(lock).await.unwrap();
    let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let made: bool = sqlx::query_scalar(sql)
        .bind(&name)
        .fetch_one(&mut *server)
        .await
        .unwrap();
    if !made {
        let half = format!("{name}_half");
        run(
            server,
            format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)"),
        )
        .await;
        run(server, format!("CREATE DATABASE {half}")).await;
        let options = PostgresOptions::new(url(&half));
        PostgresStore::migrate(&options).await.unwrap();
        run(server, format!("ALTER DATABASE {half} RENAME TO {name}")).await;
    }
    let unlock = "SELECT pg_advisory_unlock(7021)";
    server.execute(unlock).await.unwrap();
    name
}

impl TestDatabase {
    /// Waits until `number` of this database's connections wait for a lock.
    pub async fn wait_for_locks(&self, number: i64) {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.wait_for(sql, |waiting| waiting >= number).await;
    }

    /// Waits until no connection of this database is inside a transaction.
    pub async fn wait_for_no_open_transaction(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()
                         AND (state LIKE 'idle in transaction%' OR state = 'active')";
        self.wait_for(sql, |open| open == 0).await;
    }

    async fn wait_for(&self, sql: &'static str, enough: impl Fn(i64) -> bool) {
        let mut server = self.connection().await;
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let number: i64 = sqlx::query_scalar(sql)
                .fetch_one(&mut server)
                .await
                .unwrap();
            if enough(number) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "still {number}: {sql}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
