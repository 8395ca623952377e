//! What the server must be set to, or it confirms what it has not kept.

use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{migrate::OpenError, options::PostgresOptions};

/// Settings under which a confirmed transaction can vanish or a page can be torn, and what to do.
const REFUSED: [(&str, &str, &str); 3] = [
    (
        "synchronous_commit",
        "off",
        "it confirms transactions before they are written, so counts vanish in a crash; set it to `on` for the server, the \
         database and the role (ALTER SYSTEM, ALTER DATABASE, ALTER ROLE … RESET synchronous_commit)",
    ),
    (
        "fsync",
        "off",
        "a crash of the machine can damage the whole database; set it to `on` in postgresql.conf and restart the server",
    ),
    (
        "full_page_writes",
        "off",
        "a crash of the machine can tear pages; set it to `on` in postgresql.conf and reload",
    ),
];

/// Prepares a connection that is new in the pool.
///
/// Every statement of ours finds its rows by an index, through nested loops. That is told to the planner, because it plans
/// each once a connection and may do so while a table is empty: a plan that scans it would stay when it has grown.
/// `synchronous_commit` is held at what [`check`] has looked at, whatever the server is told later.
pub async fn prepare(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<(), sqlx::Error> {
    let milliseconds = |time: std::time::Duration| time.as_millis().to_string();
    let sql = "SELECT set_config('search_path', 'sendry', false),
                      set_config('statement_timeout', $1, false),
                      set_config('lock_timeout', $2, false),
                      set_config('idle_in_transaction_session_timeout', $3, false),
                      set_config('tcp_user_timeout', $4, false),
                      set_config('role', $5, false),
                      set_config('synchronous_commit', current_setting('synchronous_commit'), false),
                      set_config('plan_cache_mode', 'force_generic_plan', false),
                      set_config('enable_seqscan', 'off', false),
                      set_config('enable_hashjoin', 'off', false),
                      set_config('enable_mergejoin', 'off', false),
                      set_config('jit', 'off', false)";
    sqlx::query(sql)
        .bind(milliseconds(options.write_timeout))
        .bind(milliseconds(options.lock_timeout))
        .bind(milliseconds(options.idle_in_transaction_timeout))
        .bind(milliseconds(options.tcp_user_timeout))
        .bind(options.role.as_deref().unwrap_or("none"))
        .execute(connection)
        .await
        .map(drop)
}

/// Refuses a server that may lose what it confirmed, as this connection sees it.
pub async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let row = sqlx::query(SETTINGS).fetch_one(connection).await;
    match row.and_then(|row| refused(&row)) {
        Ok(None) => Ok(()),
        Ok(Some((name, value, why))) => Err(OpenError::Setting { name, value, why }),
        Err(error) => Err(OpenError::Look(error)),
    }
}

/// The same for a connection that the pool opens later: a server may have been told otherwise since.
pub async fn check_again(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::query(SETTINGS).fetch_one(connection).await?;
    match refused(&row)? {
        None => Ok(()),
        Some((name, value, why)) => {
            let refusal = OpenError::Setting { name, value, why };
            Err(sqlx::Error::Configuration(Box::new(refusal)))
        }
    }
}

/// The settings in the order of [`REFUSED`].
const SETTINGS: &str = "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
                               current_setting('full_page_writes')";

type Refused = (&'static str, String, &'static str);

fn refused(row: &PgRow) -> Result<Option<Refused>, sqlx::Error> {
    for (at, (name, refused, why)) in REFUSED.into_iter().enumerate() {
        let value: String = row.try_get(at)?;
        if value == refused {
            return Ok(Some((name, value, why)));
        }
    }
    Ok(None)
}
