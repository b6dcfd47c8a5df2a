//! Telling a person what takes long.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Where slow steps are announced. Cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    /// Announces to nobody.
    pub fn silent() -> Self {
        Self::to(|_| ())
    }

    /// Announces to a function.
    pub fn to(announce: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(announce))
    }

    /// A spinner on standard error with the present step beside it; nothing where that is no terminal. It goes when the
    /// last clone goes.
    pub fn spinner() -> Self {
        let spinner = Spinner(ProgressBar::new_spinner());
        spinner.0.set_style(
            ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        spinner.0.enable_steady_tick(Duration::from_millis(100));
        Self::to(move |step| spinner.step(step))
    }

    /// Announces a step.
    pub fn step(&self, step: &str) {
        (self.0)(step);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Progress")
    }
}

struct Spinner(ProgressBar);

impl Spinner {
    fn step(&self, step: &str) {
        self.0.reset_elapsed();
        self.0.set_message(step.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
