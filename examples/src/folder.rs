//! Folders that are filled once: whole or absent, whoever else is filling them at the same time.
//!
//! A folder is filled under another name beside its place and then renamed, which the file system does at once. Who comes
//! second throws its own away and uses the first one's.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Makes sure that `place` is there, and lets `fill` make it if it is not.
///
/// # Errors
/// What `fill` says; or the file system does not let us write beside `place`.
pub fn once(place: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if place.is_dir() {
        return Ok(());
    }
    let parent = place.parent().context("a folder without a parent")?;
    fs::create_dir_all(parent)
        .with_context(|| format!("failed to make the folder {}", parent.display()))?;
    let draft = tempfile::Builder::new()
        .prefix(".draft-")
        .tempdir_in(parent)
        .with_context(|| format!("failed to make a folder in {}", parent.display()))?;
    let filled = draft.path().join("filled");
    fs::create_dir(&filled)
        .with_context(|| format!("failed to make the folder {}", filled.display()))?;
    fill(&filled)?;
    match fs::rename(&filled, place) {
        Ok(()) => Ok(()),
        Err(_) if place.is_dir() => Ok(()),
        Err(error) => {
            Err(error).with_context(|| format!("failed to put {} in its place", place.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::once;
    use std::fs;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn two_at_once_leave_one_whole_folder() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("deep/place");
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    once(&place, |folder| {
                        fs::write(folder.join("a"), "a")?;
                        barrier.wait();
                        Ok(fs::write(folder.join("b"), "b")?)
                    })
                    .unwrap();
                    assert!(place.join("a").is_file() && place.join("b").is_file());
                });
            }
        });
        let left: Vec<_> = fs::read_dir(place.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "drafts are left: {left:?}");
    }

    #[test]
    fn what_could_not_be_filled_is_not_there() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("place");
        let failed = once(&place, |folder| {
            fs::write(folder.join("half"), "half")?;
            anyhow::bail!("no network")
        });
        assert_eq!(failed.unwrap_err().to_string(), "no network");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        once(&place, |_| Ok(())).unwrap();
        once(&place, |_| unreachable!("it is there already")).unwrap();
    }
}
