//! How to reach a database, and how long to wait for it.

use std::{fmt, str::FromStr, time::Duration};

use sqlx::postgres::PgConnectOptions;

use super::migrate::OpenError;

/// How to connect.
#[derive(Clone)]
pub struct PostgresOptions {
    url: String,
    /// Connections at most; each does one transaction at a time.
    pub connections: u32,
    /// How long to wait for a connection, free or new.
    pub connect_timeout: Duration,
    /// How long a statement that writes may take.
    pub write_timeout: Duration,
    /// How long a statement that reads may take.
    pub read_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// After so long without a statement the server ends a transaction.
    pub idle_in_transaction_timeout: Duration,
    /// After so long without an acknowledgement of what it sent the server gives a connection up.
    pub tcp_user_timeout: Duration,
    /// What the server's views call the connections.
    pub application_name: String,
    /// The group role that connections act as (`sendry_worker`, `sendry_analytics`); the login's own where `None`.
    pub role: Option<String>,
    /// Whether [`connect`](super::PostgresStore::connect) migrates first, as the login's own role.
    pub migrate_on_start: bool,
}

impl PostgresOptions {
    /// Of `postgres://user:password@host:port/database?sslmode=…`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            tcp_user_timeout: Duration::from_secs(15),
            application_name: "sendry".to_owned(),
            role: None,
            migrate_on_start: false,
        }
    }

    /// The same, acting as a group role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// The driver's options.
    pub(super) fn driver(&self) -> Result<PgConnectOptions, OpenError> {
        // The driver takes any scheme, and would look for a server at whatever follows it, for ever.
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| self.url.starts_with(scheme))
        {
            let source = sqlx::Error::Configuration("it does not begin with postgres://".into());
            return Err(OpenError::Url(source));
        }
        let parsed = PgConnectOptions::from_str(&self.url).map_err(OpenError::Url)?;
        Ok(parsed.application_name(&self.application_name))
    }
}

impl fmt::Debug for PostgresOptions {
    /// Says where, never with what password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("server", &place(self))
            .field("connections", &self.connections)
            .field("application_name", &self.application_name)
            .field("role", &self.role)
            .field("migrate_on_start", &self.migrate_on_start)
            .finish_non_exhaustive()
    }
}

/// `user@host:port/database`, for people.
pub(super) fn place(options: &PostgresOptions) -> String {
    let Ok(driver) = options.driver() else {
        return "(no PostgreSQL address)".to_owned();
    };
    format!(
        "{}@{}:{}/{}",
        driver.get_username(),
        driver.get_host(),
        driver.get_port(),
        driver.get_database().unwrap_or(driver.get_username()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let options = PostgresOptions::new("postgres://ann:s3cr3t@db.example:5433/metrics");
        let shown = format!("{options:?}");
        assert!(shown.contains("ann@db.example:5433/metrics"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let shown = format!("{:?}", PostgresOptions::new("mysql://ann:s3cr3t@db"));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
