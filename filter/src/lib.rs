//! The wasm shell of the filter: Envoy calls it, the core decides.
//!
//! One module, two roles, told apart by the plugin configuration: the gateway instance ([`http`]) in the listener's chain, the
//! upstream instance ([`upstream`]) in each provider cluster's. Nothing is decided here, and nothing here panics.

#![deny(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod asker;
mod clock;
mod gateway;
mod host;
mod http;
mod quota;
mod random;
mod root;
mod upstream;

use proxy_wasm::traits::RootContext;

proxy_wasm::main! {{
    // Nothing else can have set one: this runs once, before anything.
    if log::set_logger(&host::HostLog).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    proxy_wasm::set_root_context(|context_id| -> Box<dyn RootContext> { Box::new(root::Root::new(context_id)) });
}}
