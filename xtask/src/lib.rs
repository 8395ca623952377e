//! `cargo xtask`: one verb for each habit of the project, and the rules of its architecture.
//!
//! A verb works on a fresh clone without any set-up, says which command it runs, and fails with a sentence that says
//! what to do. CI runs the same verbs as people do.
//!
//! | module | question |
//! |---|---|
//! | [`cli`] | which verbs are there? |
//! | [`verbs`] | what does each do? |
//! | [`architecture`] | does the tree keep the rules of `docs/ARCHITECTURE.md`? |
//! | [`dashboard`], [`node`] | is the dashboard built from what stands there, and by a Node that can? |
//! | [`images`] | what is in each image of a container? |
//! | [`steps`] | which steps passed, and how long did each take? |
//! | [`process`], [`tree`] | how is a command run, and which files are ours? |

pub mod architecture;
pub mod cli;
pub mod dashboard;
pub mod images;
pub mod node;
pub mod process;
pub mod steps;
pub mod tree;
pub mod verbs;

pub use cli::main;
