//! What must not be found in `domain`.

use super::{
    Finding, paths,
    source::{code_only, line_of, words},
};
use crate::tree::Tree;

const FOLDER: &str = "crates/domain/src/";
/// Where the outside begins. Of `std::net` only what opens something: an address is a value like any other.
const OUTSIDE: &[&str] = &[
    "tokio",
    "async_trait",
    "futures_util",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::time::SystemTime",
    "std::time::Instant",
];
/// Clocks and dice by their last two segments, however they were imported.
const CLOCKS: [&str; 6] = [
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::now_v7",
    "Uuid::new_v4",
];
const CURE: &str =
    "the domain is pure: take the value as a parameter, or do this in the crate that calls it";

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree
        .ending(&[".rs"])
        .filter(|file| file.path.starts_with(FOLDER))
    {
        let mut found = |line, what: &str| {
            findings.push(Finding {
                file: file.path.clone(),
                line,
                what: format!("`{what}` in the domain"),
                cure: CURE,
            });
        };
        for named in paths::named(&file.text) {
            let outside = OUTSIDE.iter().any(|path| named.within(path));
            let whole = ["std::net", "std::time"].contains(&named.path.as_str()) && named.imported;
            let clock = CLOCKS.iter().any(|clock| named.path.ends_with(clock));
            if outside || clock || whole {
                found(line_of(&file.text, named.at), &named.path);
            }
        }
        let code = code_only(&file.text);
        for at in words(&code, "async") {
            found(line_of(&code, at), "async");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{PURITY, places};

    fn lines(text: &str) -> usize {
        places(PURITY, &[("crates/domain/src/event.rs", text)]).len()
    }

    #[test]
    fn effects_in_the_domain_are_found() {
        for text in [
            "async fn f() {}",
            "let x = async move {};",
            "use tokio::time;",
            "use std::{fmt, fs};",
            "std::fs::read(path)",
            "use std::net::{IpAddr, TcpStream};",
            "use std::net;",
            "use std::net::*;",
            "use std::time::Instant;",
            "let t = time::Instant::now();",
            "let t = jiff::Timestamp::now();",
            "std::env::temp_dir()",
            "let id = Uuid::now_v7();",
        ] {
            assert_eq!(lines(text), 1, "{text}");
        }
    }

    #[test]
    fn values_and_comments_are_not() {
        for text in [
            "use std::{net::IpAddr, time::Duration};",
            "//! Nothing here is `async` or reads std::time::SystemTime::now().",
            "let s = \"tokio::spawn\";",
            "let now = request.now;",
        ] {
            assert_eq!(lines(text), 0, "{text}");
        }
        assert!(places(PURITY, &[("worker/src/lib.rs", "async fn f() {}")]).is_empty());
    }
}
