//! The Secret of a key, as whoever mounts it reads it.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::cluster::Cluster;

/// As it was at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    pub data: BTreeMap<String, String>,
    pub labels: Value,
    pub annotations: Value,
    /// Changes with every write.
    pub version: String,
}

impl Secret {
    /// Reads it, if it is there.
    pub fn read(cluster: &Cluster, namespace: &str, name: &str) -> Option<Self> {
        let mut object = cluster.get(&["secret", name, "--namespace", namespace])?;
        let data = object["data"].as_object().cloned().unwrap_or_default();
        let metadata = &mut object["metadata"];
        Some(Self {
            data: data
                .into_iter()
                .map(|(name, value)| (name, decoded(&value)))
                .collect(),
            labels: metadata["labels"].take(),
            annotations: metadata["annotations"].take(),
            version: metadata["resourceVersion"].as_str().unwrap().to_owned(),
        })
    }

    /// A value that is there.
    pub fn value(&self, name: &str) -> &str {
        self.data
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.data.keys()))
    }

    /// The key to use.
    pub fn key(&self) -> &str {
        self.value("api-key")
    }
}

fn decoded(value: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}
