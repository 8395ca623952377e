//! The configuration file: YAML to a flat list of keys and texts.
//!
//! Scalars are taken as they are written (`1.10` stays `1.10`, `0123` stays `0123`), for it is
//! clap's parsers that know each setting's type, and a version is not a number.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::error::{ConfigError, Place};

/// One value of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys that lead to it, outermost first.
    pub(super) path: Vec<String>,
    /// One text, or those of a list.
    pub(super) values: Vec<String>,
    /// Where it stands.
    pub(super) place: Place,
}

/// Reads `path`; `named_by` says who named it, for the error.
pub(super) fn read(path: &Path, named_by: &str) -> Result<Vec<Entry>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::ReadFile {
        path: path.to_owned(),
        named_by: named_by.to_owned(),
        source,
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    // Without snippets: an error must not quote the line with the password.
    let options = serde_saphyr::options! { with_snippet: false };
    let root: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options).map_err(|source| {
            ConfigError::ParseFile {
                path: path.to_owned(),
                source: Box::new(source),
            }
        })?;
    let mut flat = Flat {
        path: path.to_owned(),
        text,
        entries: Vec::new(),
    };
    match root.value {
        Node::Null => {}
        Node::Map(pairs) => flat.pairs(&[], pairs)?,
        Node::Typed(_) | Node::Text(_) | Node::List(_) => {
            let place = flat.place(root.defined.line());
            return Err(ConfigError::NotAMap { place });
        }
    }
    Ok(flat.entries)
}

struct Flat<'t> {
    path: PathBuf,
    text: &'t str,
    entries: Vec<Entry>,
}

impl Flat<'_> {
    fn pairs(
        &mut self,
        outer: &[String],
        pairs: Vec<(String, Spanned<Node>)>,
    ) -> Result<(), ConfigError> {
        for (key, node) in pairs {
            let path: Vec<String> = outer.iter().cloned().chain([key]).collect();
            let place = self.place(node.defined.line());
            let values = match node.value {
                Node::Null => continue,
                Node::Map(pairs) => {
                    self.pairs(&path, pairs)?;
                    continue;
                }
                Node::List(items) => {
                    let texts = items.into_iter().map(|item| self.scalar(item));
                    texts
                        .collect::<Option<Vec<_>>>()
                        .ok_or_else(|| ConfigError::NotAValue {
                            key: path.join("-"),
                            place: place.clone(),
                            found: "a list of lists or maps",
                        })?
                }
                Node::Typed(_) | Node::Text(_) => self.scalar(node).into_iter().collect(),
            };
            self.entries.push(Entry {
                path,
                values,
                place,
            });
        }
        Ok(())
    }

    /// A scalar's text as it is written; `None` if it is none.
    fn scalar(&self, node: Spanned<Node>) -> Option<String> {
        match node.value {
            Node::Text(text) => Some(text),
            Node::Typed(shown) => {
                let span = node.defined.span();
                let start = usize::try_from(span.byte_offset()?).ok();
                let len = usize::try_from(span.byte_len()?).ok();
                let written = start
                    .zip(len)
                    .and_then(|(at, len)| self.text.get(at..at + len));
                // With a tag or in quotes, what is written is not the value.
                let written = written
                    .map(str::trim)
                    .filter(|text| !text.starts_with(['!', '"', '\'']));
                Some(written.map_or(shown, str::to_owned))
            }
            Node::Null | Node::List(_) | Node::Map(_) => None,
        }
    }

    fn place(&self, line: u64) -> Place {
        Place {
            path: self.path.clone(),
            line,
        }
    }
}

/// YAML without its types.
#[derive(Debug)]
enum Node {
    Null,
    /// A number or boolean, as Rust shows it.
    Typed(String),
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Typed(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            map.push(pair);
        }
        Ok(Node::Map(map))
    }
}
