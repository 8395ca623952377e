//! Is this delivery a message of ours?

use sendry_domain::{
    counting::{Arrival, undecodable},
    dead_letter::DeadLetter,
    message::{DecodeError, Message},
    time::UnixMillis,
    window::{MAX_PAST, Window},
};
use sendry_queue::Delivery;

/// What a delivery turned out to be.
#[derive(Debug)]
pub enum Decoded {
    /// A message; its events are validated again.
    Message(Arrival),
    /// Of another form version: a build that can read it may be running beside this one.
    Foreign(u32),
    /// Nothing that any build could read: a dead letter for all of its events.
    Junk(DeadLetter),
}

/// Reads a delivery.
///
/// The queue decides whose it is: a message that names another tenant than its queue's is junk, or one tenant could
/// write into another's counts.
#[must_use]
pub fn decode(delivery: &Delivery, at: UnixMillis) -> Decoded {
    let sealed = &delivery.message;
    let tenant = sealed.queue.tenant();
    let junk = |why: &str| {
        Decoded::Junk(undecodable(
            tenant.clone(),
            sealed.id,
            sealed.events,
            &sealed.body,
            why,
            at,
        ))
    };
    match Message::decode(&sealed.body) {
        Ok(message) if message.tenant != *tenant => {
            junk("the message names another tenant than its queue")
        }
        Ok(message) if message.id != sealed.id => {
            junk("the message names another messageId than its properties")
        }
        // Ingest judged the tenant's own window; by now it may have been changed. What must not be counted twice is
        // held back by the ledger's floor, so here only the widest window is asked for.
        Ok(message) => Decoded::Message(Arrival::read(message, Window::live(MAX_PAST))),
        Err(DecodeError::Version(version)) => Decoded::Foreign(version),
        Err(error @ DecodeError::Malformed(_)) => junk(&error.to_string()),
    }
}
