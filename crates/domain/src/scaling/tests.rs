//! The rules one by one, and what must hold whatever comes. The plant is in [`plant`].

mod plant;
mod properties;
mod rules;
