//! The wire contract between gateways and the quota server: `ferry/quota/v1/quota.proto`, its messages, and their checked
//! conversions.
//!
//! Wire types stop here: past this crate there are domain types of `ferry-types`, made by conversions that name the field
//! that cannot be read. The generated code is committed; a test generates it again and compares.

/// The messages of package `ferry.quota.v1`, generated from the proto file.
pub mod v1 {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        clippy::allow_attributes,
        missing_docs,
        reason = "generated code"
    )]
    include!("generated/ferry.quota.v1.rs");
}

/// What the reflection service shows: the encoded descriptors of the contract.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");

/// Names of the service's methods, as a caller without stubs needs them.
pub mod method {
    /// Full name of the service.
    pub const SERVICE: &str = "ferry.quota.v1.QuotaService";
    /// Decide one request.
    pub const RESERVE: &str = "Reserve";
    /// Extend leases.
    pub const RENEW: &str = "Renew";
    /// End what reached a provider.
    pub const SETTLE: &str = "Settle";
    /// End what did not.
    pub const RELEASE: &str = "Release";
    /// List a key's models.
    pub const LIST_MODELS: &str = "ListModels";
    /// Make the calls above on one stream.
    pub const CONVERSE: &str = "Converse";
}

pub mod bound;
mod call;
pub mod converse;
mod facts;
mod invalid;
mod settlement;

pub use call::{Caller, Release, Renew, Reserve, Settle};
pub use invalid::InvalidField;
pub use prost::Message;
