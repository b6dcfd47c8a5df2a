//! Where results and remarks go: standard output carries results and nothing else.

use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};

/// How results are written.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// A result: for programs as it is, for people as `text` puts it.
    pub(super) fn result<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        let shown = if self.json {
            serde_json::to_string(value)?
        } else {
            text(value)
        };
        let mut out = io::stdout().lock();
        match writeln!(out, "{shown}").and_then(|()| out.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// A remark for people, beside a result.
    pub(super) fn remark(&self, text: &str) {
        if !self.json {
            tell(text);
        }
    }
}

/// Writes to standard error. There is nobody to tell if that fails.
pub(super) fn tell(text: &str) {
    writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
}

/// Entries between two looks at the line of progress.
pub(super) const PROGRESS_EVERY: u64 = 4_096;

/// A line on standard error that says how far something is, where somebody looks at it.
pub(super) struct Progress {
    terminal: bool,
    shown: bool,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            shown: false,
        }
    }

    pub(super) fn show(&mut self, entries: u64) {
        if entries.is_multiple_of(PROGRESS_EVERY) {
            self.tell(entries);
        }
    }

    /// The same, whatever the number.
    pub(super) fn tell(&mut self, entries: u64) {
        self.say(&format!("{entries} journal entries"));
    }

    /// Says this in the place of what was said before.
    pub(super) fn say(&mut self, text: &str) {
        if self.terminal {
            write!(io::stderr().lock(), "\r\x1b[K{text}").unwrap_or_default();
            self.shown = true;
        }
    }

    pub(super) fn end(self) {
        if self.shown {
            tell("");
        }
    }
}

/// Asks before something that cannot be undone. Without somebody at a terminal the answer is no.
pub(super) fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        anyhow::bail!("{question} cannot be undone: repeat it with --yes");
    }
    write!(
        io::stderr().lock(),
        "{question} cannot be undone. Type yes to go on: "
    )?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
