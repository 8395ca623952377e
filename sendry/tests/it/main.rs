//! The `sendry` command as a person or a script uses it: the real binary, real folders, loopback.

mod data_folder;
mod demo;
mod exactly_once;
mod first_start;
mod full_disk;
mod import;
mod keys;
mod support;
