//! The contract of [`MetricStore`].

pub mod buckets;
pub mod concurrency;
pub mod dead_letters;
pub mod endpoints;
pub mod erasing;
pub mod horizon;
pub mod identity;
pub mod questions;
pub mod settling;

use std::{collections::BTreeMap, sync::Arc};

use sendry_domain::{
    dead_letter::{DeadLetter, DeadLetterId, State},
    event::{self, Event},
    id::TenantId,
    ledger::{OldestHead, Tally},
    message::Message,
    query::{Detail, Filter, FoldSpec, Group, GroupBy, Slice},
    rollup::{Cell, HOUR_RETENTION, Level},
    series::{Series, SeriesKind},
    time::{DAY, UnixMillis},
    window::Window,
};

use super::build::{NOW, Request, Sealer, arrive, tenant};
use crate::{Counted, DeadLetterQuery, MetricStore};

/// A store seen by one tenant.
#[derive(Clone)]
pub struct View {
    /// The store.
    pub store: Arc<dyn MetricStore>,
    /// The tenant.
    pub id: TenantId,
    /// Makes its messages.
    pub seal: Sealer,
}

impl View {
    /// Of the tenant called `name`.
    pub fn of(store: &Arc<dyn MetricStore>, name: &str) -> Self {
        let id = tenant(name);
        Self {
            store: store.clone(),
            seal: Sealer::new(&id),
            id,
        }
    }

    /// Counts messages at [`NOW`], in one call.
    pub async fn count(&self, messages: &[Message]) -> Vec<Counted> {
        self.count_at(messages, NOW).await
    }

    /// Counts messages, in one call.
    pub async fn count_at(&self, messages: &[Message], at: UnixMillis) -> Vec<Counted> {
        let arrivals = arrive(messages);
        let counted = self.store.count(&arrivals, at).await.unwrap();
        assert_eq!(counted.len(), arrivals.len(), "one answer an arrival");
        for (arrival, counted) in arrivals.iter().zip(&counted) {
            assert_eq!(counted.won.message, arrival.id, "in the order of arrivals");
        }
        counted
    }

    /// Counts one request as message `number`.
    pub async fn send(&self, number: u32, request: &Request) -> Counted {
        let message = self.seal.message(number, request);
        self.count(&[message]).await.remove(0)
    }

    /// The account, which must close, and agree with hours and letters.
    pub async fn tally(&self) -> Tally {
        let tally = self.store.ledger(&self.id).await.unwrap().tally;
        assert_eq!(tally.residual(), 0, "the account must close: {tally:?}");
        let hours = self.total(SeriesKind::Tenant, Level::Hour).await.count;
        assert_eq!(
            tally.counted, hours as i64,
            "what is counted is in hours: {tally:?}"
        );
        let letters = self.letters(Some(State::Open)).await;
        let open: u32 = letters.iter().map(|letter| letter.events).sum();
        assert_eq!(tally.dead_open, i64::from(open), "{tally:?}");
        tally
    }

    /// (received, counted, duplicates, conflicts, dead letters open).
    pub async fn account(&self) -> (i64, i64, i64, i64, i64) {
        let t = self.tally().await;
        (
            t.received,
            t.counted,
            t.duplicates,
            t.conflicts,
            t.dead_open,
        )
    }

    /// Everything of a kind, by group, read from one level.
    pub async fn groups(&self, kind: SeriesKind, level: Level, group: GroupBy) -> Vec<Group> {
        self.ask(FoldSpec {
            kind,
            filter: Filter::default(),
            slices: vec![everything(level)],
            group,
            points: [].into(),
            detail: Detail::None,
        })
        .await
    }

    /// The answer to a question.
    pub async fn ask(&self, spec: FoldSpec) -> Vec<Group> {
        self.store.fold(&self.id, spec).await.unwrap()
    }

    /// Everything of a kind added up, read from one level.
    pub async fn total(&self, kind: SeriesKind, level: Level) -> Cell {
        let mut groups = self.groups(kind, level, GroupBy::Total).await;
        assert!(groups.len() <= 1);
        groups.pop().map(|group| group.total).unwrap_or_default()
    }

    /// Everything of a kind by series, read from one level.
    pub async fn by_series(&self, kind: SeriesKind, level: Level) -> BTreeMap<Series, Cell> {
        let groups = self.groups(kind, level, GroupBy::Series).await;
        let number = groups.len();
        let named: BTreeMap<_, _> = groups.into_iter().map(|g| (g.series, g.total)).collect();
        assert_eq!(named.len(), number, "one group a series");
        named
    }

    /// All letters of a state.
    pub async fn letters(&self, state: Option<State>) -> Vec<DeadLetter> {
        let query = DeadLetterQuery {
            state,
            after: None,
            limit: 500,
        };
        let page = self.store.dead_letters(&self.id, &query).await.unwrap();
        assert_eq!(page.next, None);
        page.letters
    }

    /// The only letter of a state.
    pub async fn letter(&self, state: State) -> DeadLetter {
        let mut letters = self.letters(Some(state)).await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters.remove(0)
    }

    /// Purges with every queue empty.
    pub async fn purge(&self, at: UnixMillis) -> u64 {
        let (window, head) = (Window::default(), OldestHead::Empty);
        self.store.purge(&self.id, at, window, head).await.unwrap()
    }

    /// The place of an event of message `number`.
    pub fn place(&self, number: u32, position: u32) -> DeadLetterId {
        let message = self.seal.id(number);
        DeadLetterId { message, position }
    }
}

/// Every bucket of a level that a case may have written.
pub fn everything(level: Level) -> Slice {
    Slice {
        level,
        from: level.floor(NOW.plus(-HOUR_RETENTION - 40 * DAY)),
        to: level.next(NOW.plus(40 * DAY)),
    }
}

/// The positions that must have their raw event.
pub fn won(counted: &Counted) -> Vec<u32> {
    counted.won.positions.iter().collect()
}

/// An event as a person's correction is parsed.
pub fn parse(json: &str) -> Event {
    parse_at(json, NOW)
}

/// The same, at another time.
pub fn parse_at(json: &str, at: UnixMillis) -> Event {
    event::parse(json, Window::backfill(), at).unwrap().event
}
