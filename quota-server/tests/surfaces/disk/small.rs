//! A small disk that only who is in its namespace sees: a tmpfs at `disk` in a folder.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Room for more than what a test writes.
const SIZE: &str = "size=16m";
/// What is left of it when it is filled: a log may become longer than what is worth carrying over, and then cannot be.
const LEFT: u64 = 3 * 1024 * 1024;
/// Mounts it, tells, and holds it until its standard input ends.
const HOLD: &str =
    "mkdir \"$0\" && mount -t tmpfs -o \"$1\" ferry \"$0\" && echo mounted && read -r end";

/// Dropped, it is gone with everything on it.
pub(super) struct SmallDisk {
    holder: Child,
    place: PathBuf,
}

impl SmallDisk {
    /// `None` where this machine does not allow it.
    pub(super) fn mount(folder: &Path) -> Option<Self> {
        let place = folder.join("disk");
        let holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", HOLD])
            .arg(&place)
            .arg(SIZE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut disk = Self {
            holder: holder.ok()?,
            place,
        };
        let mut said = String::new();
        let stdout = disk.holder.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        (said.trim() == "mounted").then_some(disk)
    }

    /// What a command begins with that sees the disk, for a program that refuses to be root.
    pub(super) fn within(&self) -> Vec<OsString> {
        let mut within = self.enter();
        within.extend(["unshare", "--map-user=1000", "--map-group=1000"].map(OsString::from));
        within
    }

    fn enter(&self) -> Vec<OsString> {
        let holder = self.holder.id().to_string();
        let enter = ["nsenter", "--target", &holder, "--user"];
        let enter = enter
            .into_iter()
            .chain(["--preserve-credentials", "--mount"]);
        enter.map(OsString::from).collect()
    }

    /// `ferry serve` in this folder, which sees the disk.
    pub(super) fn command(&self, folder: &Path) -> Command {
        let enter = self.enter();
        let (program, arguments) = enter.split_first().expect("a program");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["sh", "-c", "cd \"$0\" && exec \"$1\" serve"])
            .arg(folder)
            .arg(env!("CARGO_BIN_EXE_ferry"));
        command
    }

    /// Leaves little room.
    pub(super) fn fill(&mut self) {
        self.fill_but(LEFT);
    }

    /// Leaves so many bytes.
    pub(super) fn fill_but(&mut self, left: u64) {
        let mut file = File::create(self.filler()).expect("make a file");
        let full = loop {
            if let Err(error) = file.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        let written = file.metadata().expect("its size").len();
        file.set_len(written - left).expect("leave some room");
    }

    pub(super) fn make_room(&mut self) {
        std::fs::remove_file(self.filler()).expect("remove a file");
    }

    /// Makes a folder on it.
    pub(super) fn make_folder(&self, name: &str) {
        std::fs::create_dir(self.outside(name)).expect("make a folder");
    }

    fn filler(&self) -> PathBuf {
        self.outside("filler")
    }

    /// A file on it, as it is seen from outside.
    fn outside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let place = self.place.strip_prefix("/").expect("a path from the root");
        root.join(place).join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already, where nothing could be mounted.
        if self.holder.kill().is_ok() {
            self.holder.wait().expect("wait for the disk's holder");
        }
    }
}
