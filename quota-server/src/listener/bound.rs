//! Opening an address.
//!
//! A Unix socket appears with its final permissions, in one step: it is made in a folder that only its owner may enter, and
//! then moved to its name. A socket that a dead process left is replaced; one that somebody answers on is not.

use super::Address;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there.
    #[error("failed to listen at {0}: another server answers there")]
    InUse(Address),
    /// There is a file of that name which is no socket.
    #[error("failed to listen at {0}: there is a file that is no socket")]
    NoSocket(Address),
    /// The system said no.
    #[error("failed to listen at {address}")]
    System {
        /// Where.
        address: Address,
        /// Why.
        source: io::Error,
    },
}

/// An open listener.
pub(crate) enum Bound {
    /// On a Unix socket, whose file goes away with it.
    Unix(UnixListener, SocketFile),
    /// On TCP.
    Tcp(TcpListener),
}

impl Bound {
    /// Opens an address; `mode` are the permissions of a Unix socket.
    pub(crate) async fn open(address: &Address, mode: u32) -> Result<Self, BindError> {
        let system = |source| BindError::System {
            address: address.clone(),
            source,
        };
        match address {
            Address::Tcp(tcp) => TcpListener::bind(tcp).await.map(Self::Tcp).map_err(system),
            Address::Unix(path) => {
                check_free(address, path)?;
                let (listener, file) = open_socket(path, mode).map_err(system)?;
                Ok(Self::Unix(listener, file))
            }
        }
    }

    /// Where it listens, a port that the system chose included.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Unix(_, file) => Address::Unix(file.path.clone()),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => Address::Tcp(address),
                Err(_) => Address::Tcp(([0, 0, 0, 0], 0).into()),
            },
        }
    }
}

/// The file of an open socket. Removed when dropped, unless somebody has put another one in its place.
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "failed to remove a socket");
        }
    }
}

fn check_free(address: &Address, path: &Path) -> Result<(), BindError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(BindError::NoSocket(address.clone()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse(address.clone())),
        Err(_) => Ok(()),
    }
}

fn open_socket(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let private = folder.join(format!(".{}", std::process::id()));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&private)?;
    let opened = open_in(&private.join("s"), path, mode);
    fs::remove_dir(&private)?;
    opened
}

fn open_in(hidden: &Path, path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let listener = UnixListener::bind(hidden)?;
    fs::set_permissions(hidden, Permissions::from_mode(mode))?;
    let inode = fs::symlink_metadata(hidden)?.ino();
    fs::rename(hidden, path)?;
    let file = SocketFile {
        path: path.to_owned(),
        inode,
    };
    Ok((listener, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path)
            .expect("a file")
            .permissions()
            .mode()
            & 0o777
    }

    #[tokio::test]
    async fn a_socket_has_its_permissions_and_goes_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/a.sock");
        let address = Address::Unix(path.clone());
        let bound = Bound::open(&address, 0o600).await.expect("open");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(bound.address(), address);
        let twice = Bound::open(&address, 0o600).await.err().expect("in use");
        assert!(
            twice.to_string().ends_with("another server answers there"),
            "{twice}"
        );
        drop(bound);
        assert!(!path.exists());
        let left = fs::read_dir(folder.path().join("new"))
            .expect("a folder")
            .count();
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_replaced_and_a_file_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        // Dropped without removing its file, as by SIGKILL.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bind"));
        assert!(path.exists());
        let address = Address::Unix(path.clone());
        let first = Bound::open(&address, 0o660).await.expect("replace");
        assert_eq!(mode(&path), 0o660);
        drop(first);
        fs::write(&path, "precious").expect("write");
        let error = Bound::open(&address, 0o660).await.err().expect("a file");
        assert!(
            error.to_string().ends_with("a file that is no socket"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).expect("read"), "precious");
    }
}
