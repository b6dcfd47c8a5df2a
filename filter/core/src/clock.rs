//! Time as the host tells it, and the quota server's time as its answers tell it.
//!
//! Durations are counted on the monotonic clock; ids are drawn on the server's clock, so that they rise in its store whatever
//! this machine's clock says.

use ferry_types::ReservationId;

/// The host's two clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds that only rise; for durations.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970, which may jump.
    pub unix_ms: u64,
}

/// Ten random bytes: what an id has besides its time.
pub type Random = [u8; 10];

/// How far the server's clock is from this machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    offset_ms: i64,
}

impl ServerClock {
    /// Learns from the time that an answer carries. Zero is a server that does not tell.
    pub fn learn(&mut self, server_unix_ms: u64, now: Now) {
        if server_unix_ms == 0 {
            return;
        }
        if let (Ok(server), Ok(local)) = (i64::try_from(server_unix_ms), i64::try_from(now.unix_ms))
        {
            self.offset_ms = server.saturating_sub(local);
        }
    }

    /// A new id on the server's time.
    #[must_use]
    pub fn draw(&self, now: Now, random: Random) -> ReservationId {
        ReservationId::new(now.unix_ms.saturating_add_signed(self.offset_ms), random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_servers_clock() {
        let now = Now {
            monotonic_ms: 5,
            unix_ms: 1_000_000,
        };
        let mut clock = ServerClock::default();
        assert_eq!(clock.draw(now, [0; 10]).unix_ms(), 1_000_000);
        clock.learn(400_000, now);
        assert_eq!(
            clock
                .draw(
                    Now {
                        monotonic_ms: 6,
                        unix_ms: 1_000_001
                    },
                    [0; 10]
                )
                .unix_ms(),
            400_001
        );
        clock.learn(0, now);
        assert_eq!(clock.draw(now, [0; 10]).unix_ms(), 400_000);
        clock.learn(2_000_000, now);
        assert_eq!(clock.draw(now, [0; 10]).unix_ms(), 2_000_000);
    }
}
