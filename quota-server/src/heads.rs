//! Signed heads: proof, outside the database, of what its journals held.
//!
//! A head is the end of one book's journal. The server signs heads and exports them to a file, which belongs on another disk or
//! machine; at the next start each exported head must be an entry of the journal again. So a database that was cut, forked or
//! replaced by an older copy is found out before it serves. A restore, or an accepted loss, begins a new epoch: heads of the
//! epochs before it, beyond what stood then, are known losses.
//!
//! Nothing here is in the way of a call: heads are exported after the commit, beside the writer.

pub mod accept;
mod changed;
mod check;
mod epoch;
mod export;
mod exporter;
mod guard;
mod signed;
mod signing_key;

pub(crate) use changed::ChangedHeads;
pub use check::{Difference, HeadsVerdict, verify_heads};
pub use epoch::{Epoch, Epochs};
pub use export::{ExportError, read_heads};
pub(crate) use exporter::Exporter;
pub use guard::GuardError;
pub(crate) use guard::{Guarded, guard};
pub use signed::{HeadLine, SignedHead, Signer};
pub use signing_key::{PublicKey, SigningKey, SigningKeyError};
