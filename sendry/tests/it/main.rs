//! The `sendry` command as a person or a script uses it: the real binary, real folders, loopback.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test is to be seen at once"
)]

mod data_folder;
mod demo;
mod exactly_once;
mod first_start;
mod full_disk;
mod import;
mod keys;
mod purge;
mod support;
