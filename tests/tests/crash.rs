//! Any part may die at any moment: what was promised is held, what was used is charged, once, and the rest is free.

#[path = "crash/envoy.rs"]
mod envoy;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/plugin.rs"]
mod plugin;
#[path = "crash/server.rs"]
mod server;
