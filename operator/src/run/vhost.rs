//! One virtual host for everything: where queues are made, where ingest writes, where workers read.
//!
//! It is said in several places. Where they differ, queues would be made that nobody reads, and nothing would say so.

/// The virtual host of `--queue-url`, which the others have to name as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vhost(String);

/// Two virtual hosts, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WrongVhost {
    /// `amqp://host/` is not `amqp://host`.
    #[error(
        "--queue-url ends in `/`, which names a virtual host without a name: write %2F after it for the one called `/`, or the \
         name of another"
    )]
    Nameless,
    /// Two.
    #[error(
        "--queue-url names the virtual host `{queue}` and {other} `{named}`: all of Sendry works in one, so name the same in \
         both; an address writes `/` as %2F"
    )]
    Differs {
        /// That of `--queue-url`.
        queue: String,
        /// Who names another.
        other: &'static str,
        /// Which.
        named: String,
    },
}

impl Vhost {
    pub fn of_queue_url(vhost: &str) -> Result<Self, WrongVhost> {
        match vhost {
            "" => Err(WrongVhost::Nameless),
            vhost => Ok(Self(vhost.to_owned())),
        }
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// That `other` names it as well.
    pub fn is_also(&self, other: &'static str, named: &str) -> Result<(), WrongVhost> {
        if named == self.0 {
            return Ok(());
        }
        let (queue, named) = (self.0.clone(), named.to_owned());
        Err(WrongVhost::Differs {
            queue,
            other,
            named,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::super::{OperatorArgs, connect_topology};
    use crate::metrics::OperatorMetrics;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: OperatorArgs,
    }

    /// What is said against these flags; empty where nothing is.
    fn against(flags: &[&str]) -> String {
        let all = [&["operator", "--postgres-url=postgres://p"][..], flags].concat();
        let args = Command::try_parse_from(all).unwrap().args;
        let outcome = args.settings("x").and_then(|settings| {
            let metrics = OperatorMetrics::register(&mut Default::default());
            connect_topology(&args, &settings, metrics).map(drop)
        });
        outcome.map_or_else(|error| format!("{error:#}"), |()| String::new())
    }

    #[test]
    fn one_virtual_host_is_enough_said() {
        let api = "--management-url=http://rabbit:15672";
        for flags in [
            &["--queue-url=amqp://rabbit/apis", api][..],
            &["--queue-url=amqp://u:p@rabbit", api, "--vhost=/"],
            &[
                "--queue-url=amqp://rabbit/%2F",
                api,
                "--vhost=/",
                "--worker-queue-url=amqp://in",
            ],
        ] {
            assert_eq!(against(flags), "", "{flags:?}");
        }
    }

    #[test]
    fn two_are_refused_with_both_names() {
        let api = "--management-url=http://rabbit:15672";
        let queue = "--queue-url=amqp://u:hunter2@rabbit/apis";
        for (flag, named) in [
            ("--vhost=/", "--vhost `/`"),
            (
                "--worker-queue-url=amqp://in/others",
                "--worker-queue-url `others`",
            ),
        ] {
            let said = against(&[queue, api, flag]);
            assert!(
                said.contains("host `apis`") && said.contains(named),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
        let said = against(&["--queue-url=amqp://rabbit/", api]);
        assert!(said.contains("%2F"), "{said}");
    }

    #[test]
    fn so_does_the_secret_of_the_management_api() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("host", "rabbit"), ("username", "u"), ("password", "p")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let flag = format!("--management-secret-dir={}", folder.path().display());
        let said = against(&["--queue-url=amqp://rabbit/apis", &flag]);
        assert!(
            said.contains("the file `vhost` of --management-secret-dir `/`"),
            "{said}"
        );
        fs::write(folder.path().join("vhost"), "apis").unwrap();
        assert_eq!(against(&["--queue-url=amqp://rabbit/apis", &flag]), "");
    }
}
