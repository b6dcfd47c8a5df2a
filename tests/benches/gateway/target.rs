//! What is measured: the names of the targets, and the two kinds of answers asked of each.

use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// One way from the client to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Target {
    /// Nothing in between.
    Direct,
    /// Envoy as in `envoy/plain/envoy.yaml`, without Ferry.
    Envoy,
    /// The same, asking a trivial gRPC service about each request: the floor of one call.
    ExtAuthz,
    /// The same service with one durable write before it answers: the floor of what is durable.
    ExtAuthzDurable,
    /// Envoy with Ferry's filter, and `ferry serve` on its database.
    Ferry,
}

impl Target {
    /// All, in the table's order.
    pub const ALL: [Self; 5] = [
        Self::Direct,
        Self::Envoy,
        Self::ExtAuthz,
        Self::ExtAuthzDurable,
        Self::Ferry,
    ];

    /// The name in the table, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Envoy => "envoy",
            Self::ExtAuthz => "ext_authz",
            Self::ExtAuthzDurable => "ext_authz_durable",
            Self::Ferry => "ferry",
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One JSON object.
    Json,
    /// Server-sent events.
    Stream,
}

impl Kind {
    /// Both, in the table's order.
    pub const ALL: [Self; 2] = [Self::Json, Self::Stream];
}
