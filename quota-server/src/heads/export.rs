//! The file of exported heads: one JSON line a head, only appended, made anew when most of its lines are old.

use super::signed::{HeadLine, SignedHead, Signer};
use crate::durable_file::{self, FileError, beside};
use ferry_ledger::Head;
use ferry_types::TenantId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Old lines that are worth making the file anew for, above one for each head.
const OLD_LINES_MAX: usize = 10_000;

/// Heads cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is no signed head.
    #[error("{path}:{line}: not a signed head, nor an answer with a receipt")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// A line of what somebody kept: a head, or an answer that carries one as its receipt.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Head(HeadLine),
    Answer { receipt: HeadLine },
}

/// The signed heads of a file, in order. Their signatures are not looked at. A last line that was cut short, as a crash leaves
/// it, was never acknowledged and is passed over.
///
/// # Errors
/// [`ExportError`] if the file, or a line, cannot be read.
pub fn read_heads(path: &Path) -> Result<Vec<SignedHead>, ExportError> {
    let text = fs::read_to_string(path).map_err(FileError::io("read", path))?;
    let mut heads = Vec::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let whole = line.ends_with('\n');
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let read = serde_json::from_str(line).ok().and_then(|kept| match kept {
            Kept::Head(head) | Kept::Answer { receipt: head } => head.read(),
        });
        match read {
            Some(head) => heads.push(head),
            None if !whole => break,
            None => {
                return Err(ExportError::Malformed {
                    path: path.into(),
                    line: at.saturating_add(1),
                });
            }
        }
    }
    Ok(heads)
}

/// The server's export, open for appending.
#[derive(Debug)]
pub(crate) struct Export {
    path: PathBuf,
    file: File,
    lines: usize,
    /// Writing failed: it may have left the half of a line.
    torn: bool,
    newest: BTreeMap<TenantId, Head>,
    signer: Arc<Signer>,
}

impl Export {
    /// What an earlier run exported; nothing if there is no file.
    pub(super) fn read(path: &Path) -> Result<Vec<SignedHead>, ExportError> {
        match read_heads(path) {
            Err(ExportError::File(FileError::Io { source, .. }))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// Keeps a file of earlier epochs under another name, which is never written over.
    pub(super) fn put_aside(path: &Path, epoch: u64) -> Result<PathBuf, FileError> {
        let named = |n: u64| beside(path, &format!(".before-epoch-{epoch}.{n}"));
        let aside = (1..).map(named).find(|aside| !aside.exists());
        let aside = aside.unwrap_or_else(|| named(0));
        durable_file::put(path, &aside)?;
        Ok(aside)
    }

    /// Makes the file anew with these heads, all of them durable in the database.
    pub(super) fn begin(
        path: PathBuf,
        newest: BTreeMap<TenantId, Head>,
        signer: Arc<Signer>,
    ) -> Result<Self, FileError> {
        let text = text(&newest, &signer).map_err(FileError::io("write", &path))?;
        durable_file::write(&path, &text)?;
        let file = durable_file::private(OpenOptions::new().append(true), &path)?;
        Ok(Self {
            path,
            file,
            lines: newest.len(),
            torn: false,
            newest,
            signer,
        })
    }

    /// Appends a line for each head, and has them on the disk when it returns.
    pub(super) fn append(&mut self, heads: &BTreeMap<TenantId, Head>) -> Result<(), FileError> {
        self.newest
            .extend(heads.iter().map(|(tenant, head)| (tenant.clone(), *head)));
        let lines = self.lines.saturating_add(heads.len());
        let lines_max = self.newest.len().saturating_mul(2);
        if self.torn || lines > lines_max.saturating_add(OLD_LINES_MAX) {
            return self.make_anew();
        }
        let appended = text(heads, &self.signer)
            .and_then(|text| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_data());
        self.torn = appended.is_err();
        appended.map_err(FileError::io("write", &self.path))?;
        self.lines = lines;
        Ok(())
    }

    /// Should this fail half-way, the open file may be no longer the one of this name.
    fn make_anew(&mut self) -> Result<(), FileError> {
        self.torn = true;
        let text = text(&self.newest, &self.signer);
        let text = text.map_err(FileError::io("write", &self.path))?;
        durable_file::write(&self.path, &text)?;
        self.file = durable_file::private(OpenOptions::new().append(true), &self.path)?;
        self.lines = self.newest.len();
        self.torn = false;
        Ok(())
    }
}

fn text(heads: &BTreeMap<TenantId, Head>, signer: &Signer) -> io::Result<String> {
    let mut text = String::new();
    for (tenant, head) in heads {
        text += &serde_json::to_string(&signer.sign(tenant, *head).line())?;
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::SigningKey;
    use ferry_ledger::UnixMs;

    fn head(seq: u64) -> Head {
        Head {
            seq,
            time: UnixMs(seq),
            hash: [7; 32],
        }
    }

    /// As a full disk leaves it: half a line is written, and the rest is not.
    #[test]
    fn what_a_failed_append_left_is_not_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads");
        let key = SigningKey::open(&folder.path().join("ferry.db"), None).unwrap();
        let signer = Arc::new(Signer::new(key, 0));
        let tenant: TenantId = "acme".parse().unwrap();
        let heads = |seq| BTreeMap::from([(tenant.clone(), head(seq))]);
        let mut export = Export::begin(path.clone(), heads(1), signer).unwrap();
        export.file.write_all(b"{\"tenant\":\"ac").unwrap();
        export.file = File::open(&path).unwrap();
        assert!(export.append(&heads(2)).is_err());
        let again = OpenOptions::new().append(true).open(&path);
        export.file = again.unwrap();
        export.append(&heads(3)).unwrap();
        export.append(&heads(4)).unwrap();
        let seqs = read_heads(&path).unwrap();
        let seqs: Vec<u64> = seqs.iter().map(|signed| signed.head.seq).collect();
        assert_eq!(seqs, [3, 4]);
    }
}
