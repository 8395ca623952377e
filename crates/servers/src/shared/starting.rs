//! Starts the shared servers side by side.

use std::{fs, path::Path, time::Instant};

use anyhow::Context;

use super::Running;
use crate::{
    Tell,
    install::Part,
    kube::{self, Kube},
    mongo::Mongo,
    postgres::{self, Postgres},
    rabbitmq::{self, RabbitMq},
};

/// All of `parts` or none: when one does not come up, those that did are stopped.
pub(super) fn start(parts: &[Part], data: &Path, tell: Tell<'_>) -> anyhow::Result<Vec<Running>> {
    fs::create_dir_all(data).with_context(|| format!("failed to make {}", data.display()))?;
    let results: Vec<anyhow::Result<Running>> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .iter()
            .map(|part| {
                scope.spawn(move || {
                    let began = Instant::now();
                    let running = one(*part, data).with_context(|| {
                        format!("{} does not start ({})", part.name(), part.otherwise())
                    })?;
                    let took = began.elapsed().as_secs_f64();
                    let url = running.urls.first().map_or("", String::as_str);
                    tell(&format!(
                        "servers: {} runs after {took:.1} s: {url}",
                        part.name()
                    ));
                    Ok(running)
                })
            })
            .collect();
        let results = threads.into_iter().map(|thread| {
            let joined = thread.join();
            joined.unwrap_or_else(|_| anyhow::bail!("a start broke off"))
        });
        results.collect()
    });
    if results.iter().any(Result::is_err) {
        for running in results.iter().flatten() {
            let _ = running.stop(super::STOP);
        }
    }
    results.into_iter().collect()
}

fn one(part: Part, data: &Path) -> anyhow::Result<Running> {
    // What one left that was killed.
    let _ = fs::remove_dir_all(data.join(super::folder_of(part)));
    let running = match part {
        Part::RabbitMq => {
            let server = RabbitMq::start(data, &rabbitmq::Options::default())?;
            Running {
                part,
                urls: vec![server.url(), server.management_url()],
                processes: server.outlive(),
                inside: None,
            }
        }
        Part::Postgres => {
            let server = Postgres::start(data, &postgres::Options::default())?;
            Running {
                part,
                urls: vec![server.url()],
                processes: server.outlive(),
                inside: None,
            }
        }
        Part::Mongodb => {
            let server = Mongo::start(data)?;
            let urls = vec![server.url()];
            let (processes, inside) = server.outlive();
            Running {
                part,
                urls,
                processes,
                inside,
            }
        }
        Part::Node => anyhow::bail!("a node is always somebody's own: `cargo xtask cluster up`"),
        Part::Kubernetes => {
            let server = Kube::start(data, &kube::Options::default())?;
            Running {
                part,
                urls: vec![server.kubeconfig().to_string_lossy().into_owned()],
                processes: server.outlive(),
                inside: None,
            }
        }
    };
    Ok(running)
}
