//! Where a surface listens: a Unix socket or a TCP address, written as people write it.

mod bound;

pub use bound::BindError;
pub(crate) use bound::Bound;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most bytes in the path of a Unix socket: the kernel's `sun_path` has 108, one of them the end.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Where a surface listens, or where a client finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP address; port 0 takes any free one.
    Tcp(SocketAddr),
}

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is neither unix:/path/of/a.sock nor an IP address with a port such as 127.0.0.1:9902"
)]
pub struct InvalidAddress(String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        match text.strip_prefix("unix:") {
            Some("") => Err(invalid()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| invalid()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

impl Address {
    /// The same address, its path seen from `folder`.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::Unix(path) => Self::Unix(folder.join(path)),
            Self::Tcp(address) => Self::Tcp(address),
        }
    }

    /// Whether other machines can connect.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Tcp(address) => !address.ip().is_loopback(),
        }
    }
}
