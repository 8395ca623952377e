//! What each verb does, one module a family.

pub mod bench;
pub mod cluster;
pub mod e2e;
pub mod format;
pub mod generate;
pub mod images;
pub mod pictures;
pub mod services;
pub mod test;
pub mod up;
