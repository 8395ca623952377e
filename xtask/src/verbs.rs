//! What each verb does, one module a family.

pub mod bench;
pub mod format;
pub mod generate;
pub mod pictures;
pub mod services;
pub mod test;
pub mod up;
