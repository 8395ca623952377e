//! The adapter against a real server, each test in a database of its own.

mod away;
mod content;
mod contract;
mod database;
mod indexes;
mod proxy;
mod shapes;

use sendry_domain::time::UnixMillis;

use crate::{
    RawEvent,
    contract::build::{NOW, Sealer, tenant},
};
use sendry_domain::dead_letter::DeadLetterId;

/// The event at `position` of message 1 of the tenant `t`.
fn raw(position: u32, body: String) -> RawEvent {
    let tenant = tenant("t");
    let message = Sealer::new(&tenant).id(1);
    RawEvent {
        id: DeadLetterId { message, position },
        tenant,
        timestamp: UnixMillis(NOW.0 + i64::from(position)),
        service: "shop".to_owned(),
        endpoint: "/orders/:id".to_owned(),
        method: "GET".to_owned(),
        status: 200,
        latency_us: 1_500,
        request_id: "req-1".to_owned(),
        body,
    }
}

/// All that is stored, oldest first.
async fn stored(store: &super::MongoStore) -> Vec<RawEvent> {
    let query = crate::RawQuery {
        from: UnixMillis(0),
        to: UnixMillis(NOW.0 * 2),
        limit: u32::MAX >> 1,
    };
    let listed = crate::RawEventStore::list(store, &tenant("t"), &query).await;
    let mut listed = listed.unwrap();
    listed.reverse();
    listed
}
