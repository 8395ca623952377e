//! What can go wrong between us and the management API, and what to do about it.

use reqwest::StatusCode;

/// An address that is none. Says nothing of what it was given: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a RabbitMQ management API: write http://USER:PASSWORD@HOST:15672")]
pub struct BadManagementUrl;

/// Why the management API did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// Not reached, no answer in time, or an answer that is none.
    #[error(
        "failed to {doing} through the management API at {address}: is the management plugin enabled and the address right?"
    )]
    Unreachable {
        /// The step.
        doing: String,
        /// Where, without credentials.
        address: String,
        /// What was seen.
        #[source]
        source: reqwest::Error,
    },
    /// It said no.
    #[error(
        "failed to {doing}: the management API at {address} answered {status} ({reason}): {hint}"
    )]
    Refused {
        /// The step.
        doing: String,
        /// Where, without credentials.
        address: String,
        /// Its answer.
        status: u16,
        /// In its words.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
}

/// What to do about an answer.
pub(super) fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => {
            "check the user and the password, and give the user the tag `policymaker` or `administrator`"
        }
        403 => {
            "give the user permission to configure, write and read `sendry\\..*` in this virtual host"
        }
        404 => "create the virtual host, and check its name",
        400 => "the broker does not accept it; RabbitMQ 3.10 to 4.x is supported",
        500..=599 => "the broker is in trouble; look at its log",
        _ => "look at the broker's log",
    }
}
