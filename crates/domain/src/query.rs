//! Reading buckets: which rows answer a question, and how they add up.
//!
//! A range is covered by the widest buckets that fit ([`cover`]), so the number of rows depends on the length of the
//! range and the number of series, never on the number of events. Stores stream rows into a [`Folder`].

mod cover;
mod fold;

pub use cover::{Slice, cover};
pub use fold::{Detail, Filter, FoldSpec, Folder, Group, GroupBy, PointValues, Row};
