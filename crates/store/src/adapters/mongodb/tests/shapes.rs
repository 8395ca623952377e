//! Whatever JSON a client sends comes back byte for byte.

use serde_json::value::RawValue;

use super::{database::TestDatabase, raw, stored};
use crate::RawEventStore;

/// Shapes that BSON servers are known to refuse as documents.
const KNOWN: [&str; 12] = [
    "{\"a\":\"\\u0000\",\"\\u0000\":1}",
    "{\"$where\":\"1\",\"$set\":{\"$gt\":\"\"}}",
    "{\"a.b\":1,\"a\":{\"b.c\":2},\".\":3,\"\":4}",
    "[[[[1],[2,[3]]],[]],[[]]]",
    "{\"a\":1,\"a\":2}",
    "{\"_id\":{\"$oid\":\"x\"},\"_id\":[1]}",
    "1e400",
    "-0.0",
    "123456789012345678901234567890",
    "  {  }\t",
    "\"\\ud83e\\udd80 🦀 \u{feff} \u{2028}\"",
    "null",
];

/// A generator of numbers (Knuth's), the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn space(&mut self) -> &'static str {
        self.pick(&["", "", "", " ", "\n", "\t ", "\r\n"])
    }

    fn text(&mut self) -> String {
        let parts = [
            "$",
            ".",
            "\\u0000",
            "a",
            "_id",
            "é",
            "🦀",
            "\\ud83e\\udd80",
            "\\\"",
            "\\\\",
            "\\/",
            "\\n",
            "\u{7f}",
            "\u{feff}",
            "$gt",
            "a.b",
            "",
        ];
        let parts = (0..self.below(4)).map(|_| self.pick(&parts));
        format!("\"{}\"", parts.collect::<String>())
    }

    fn value(&mut self, depth: usize) -> String {
        let kind = self.below(if depth == 0 { 3 } else { 6 });
        let text = match kind {
            0 => self.text(),
            1 => self
                .pick(&[
                    "0",
                    "-0",
                    "1.50",
                    "1e309",
                    "-1E-400",
                    "9223372036854775808",
                    "0.1e+1",
                ])
                .to_owned(),
            2 => self.pick(&["true", "false", "null"]).to_owned(),
            3 | 4 => {
                let members = (0..self.below(4)).map(|_| {
                    let (key, space) = (self.text(), self.space());
                    format!("{key}:{space}{}", self.value(depth - 1))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            _ => {
                let items = (0..self.below(4)).map(|_| self.value(depth - 1));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
        };
        format!("{}{text}{}", self.space(), self.space())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_shapes_of_json_come_back_byte_for_byte() {
    let database = TestDatabase::new();
    let store = database.store().await;
    let mut numbers = Numbers(1);
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let generated = std::iter::repeat_with(|| numbers.value(6)).take(1_000);
    let bodies: Vec<_> = KNOWN
        .map(str::to_owned)
        .into_iter()
        .chain([deep])
        .chain(generated)
        .collect();
    for body in &bodies {
        let json: Result<Box<RawValue>, _> = serde_json::from_str(body);
        assert!(json.is_ok(), "not JSON: {body}");
    }
    let events: Vec<_> = (0..).zip(bodies).map(|(p, body)| raw(p, body)).collect();
    assert_eq!(store.insert(&events).await.unwrap(), [0usize; 0]);
    let stored = stored(&store).await;
    assert_eq!(stored.len(), events.len());
    for (stored, event) in stored.iter().zip(&events) {
        assert_eq!(stored, event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_fields_take_any_text_too() {
    let database = TestDatabase::new();
    let store = database.store().await;
    let texts = ["$gt", "a.b", "\0", "", "🦀", "{\"$gt\":\"\"}"];
    let events = (0..).zip(texts).map(|(p, text)| crate::RawEvent {
        endpoint: format!("/{text}"),
        request_id: text.to_owned(),
        ..raw(p, "{}".to_owned())
    });
    let events: Vec<_> = events.collect();
    assert_eq!(store.insert(&events).await.unwrap(), [0usize; 0]);
    assert_eq!(stored(&store).await, events);
}
