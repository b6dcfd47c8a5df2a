//! What the requests of one worker share: settings, the outbox, the server's clock, known keys, counters, lines for the log.

use crate::clock::{Now, ServerClock};
use crate::config::GatewayConfig;
use crate::known_keys::KnownKeys;
use crate::metrics::Counters;
use crate::outbox::{CallResult, Outbox, OutboxCall};

/// Most lines kept for the log until the shell takes them.
const LOG_LINES_MAX: usize = 64;

/// The state of one gateway instance in one worker.
pub struct Worker {
    /// Settings.
    pub config: GatewayConfig,
    /// The server's time.
    pub clock: ServerClock,
    /// What is owed to the quota server.
    pub outbox: Outbox,
    /// Who may go on without an answer.
    pub known: KnownKeys,
    /// What was counted.
    pub counters: Counters,
    log: Vec<String>,
}

impl Worker {
    /// A worker that knows nothing yet.
    #[must_use]
    pub fn new(config: GatewayConfig) -> Self {
        let outbox = Outbox::new(config.limits, config.timeouts);
        Self {
            config,
            clock: ServerClock::default(),
            outbox,
            known: KnownKeys::default(),
            counters: Counters::default(),
            log: Vec::new(),
        }
    }

    /// The outbox's calls to make now.
    pub fn due(&mut self, now: Now) -> Vec<OutboxCall> {
        self.outbox.due(now.monotonic_ms, &mut self.counters)
    }

    /// Hears how a call of the outbox went.
    pub fn outbox_answered(&mut self, id: u32, result: CallResult<'_>, now: Now, random: u64) {
        let learned =
            self.outbox
                .answered(id, result, now.monotonic_ms, random, &mut self.counters);
        self.clock.learn(learned.server_time_unix_ms, now);
        for problem in learned.problems {
            self.warn(problem);
        }
    }

    /// Adds a line to the log. It must not hold a key, a digest, or anything that a client wrote.
    pub fn warn(&mut self, line: String) {
        if self.log.len() < LOG_LINES_MAX {
            self.log.push(line);
        }
    }

    /// Takes the lines for the log.
    pub fn take_log(&mut self) -> Vec<String> {
        core::mem::take(&mut self.log)
    }
}
