//! Workers' objects on a real API server, whose controllers make ReplicaSets and pods of them.

mod applying;
mod crashes;
mod passwords;
mod place;
mod rights;
mod watching;
