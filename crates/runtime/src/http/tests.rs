//! The layers are tested on routers, the accept loop on sockets.

mod layers;
mod problem;
mod serving;
