//! Calls on one stream, as the contract writes them; for the shell, which carries them.

pub use ferry_api::converse::{request, response};
pub use ferry_api::method::CONVERSE as METHOD;
