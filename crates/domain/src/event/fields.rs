//! Where each known field of an event stands in its JSON, found in one pass.

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

macro_rules! fields {
    ($($variant:ident $name:literal $(| $alias:literal)*;)*) => {
        /// The fields an event may have, in the order of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field { $(#[doc = $name] $variant,)* }

        impl Field {
            /// How many there are.
            pub const COUNT: usize = [$($name,)*].len();

            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn named(name: &str) -> Option<Self> {
                match name { $($name $(| $alias)* => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    EventId "eventId";
    Timestamp "timestamp";
    ServiceName "serviceName";
    Endpoint "endpoint";
    Method "method";
    StatusCode "statusCode";
    LatencyMs "latencyMs";
    RequestSize "requestSize";
    ResponseSize "responseSize";
    ClientIp "clientIp" | "ip";
    UserAgent "userAgent";
    Path "path";
    Environment "environment";
    Version "version";
    Host "host";
    Consumer "consumer";
    RequestId "requestId";
    TraceId "traceId";
    SpanId "spanId";
    ErrorType "errorType";
    ErrorMessage "errorMessage";
    Aborted "aborted";
    RequestHeaders "requestHeaders";
    ResponseHeaders "responseHeaders";
    RequestBody "requestBody";
    ResponseBody "responseBody";
    Attributes "attributes";
}

/// The JSON text of each field that is present and not null, and how many names were unknown.
#[derive(Debug)]
pub struct Fields<'a> {
    slots: [Option<&'a RawValue>; Field::COUNT],
    /// Whether `timestamp` stands in the JSON at all, even as null: then it cannot simply be added.
    pub names_timestamp: bool,
    /// Fields that the contract does not name; ignored and counted.
    pub unknown: u32,
}

/// What can go wrong before any field is looked at.
#[derive(Debug)]
pub enum ScanError {
    /// A field stands twice.
    Duplicate(Field),
    /// Not one JSON object.
    Json(serde_json::Error),
}

impl<'a> Fields<'a> {
    /// Scans one JSON object.
    pub fn scan(json: &'a str) -> Result<Self, ScanError> {
        let mut duplicate = None;
        let mut de = serde_json::Deserializer::from_str(json);
        de.deserialize_map(FieldsVisitor {
            duplicate: &mut duplicate,
        })
        .and_then(|fields| de.end().map(|()| fields))
        .map_err(|error| match duplicate {
            Some(field) => ScanError::Duplicate(field),
            None => ScanError::Json(error),
        })
    }

    /// The JSON text of a field; `None` when it is absent or null.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&'a str> {
        self.slots[field as usize].map(RawValue::get)
    }
}

struct FieldsVisitor<'d> {
    duplicate: &'d mut Option<Field>,
}

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields {
            slots: [None; Field::COUNT],
            names_timestamp: false,
            unknown: 0,
        };
        let mut seen = [false; Field::COUNT];
        while let Some(Name(known)) = map.next_key()? {
            let Some(field) = known else {
                fields.unknown = fields.unknown.saturating_add(1);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut seen[field as usize], true) {
                *self.duplicate = Some(field);
                return Err(A::Error::custom("duplicate field"));
            }
            let value: &'de RawValue = map.next_value()?;
            fields.names_timestamp |= field == Field::Timestamp;
            if value.get() != "null" {
                fields.slots[field as usize] = Some(value);
            }
        }
        Ok(fields)
    }
}

/// A key of the object: a known field or not. Read without allocating where the key has no escapes.
struct Name(Option<Field>);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(Field::named(name)))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}
