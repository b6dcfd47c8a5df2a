//! The way from a gateway to the server and back: what gets lost on it, doubled, or late.

use crate::server::Answer;
use crate::world::{Happening, World};

/// A gRPC status for what nobody answered.
const UNAVAILABLE: u32 = 14;
/// How long after a call its double may still come.
const DOUBLE_MS_MAX: u64 = 5_000;

/// Who waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    pub gateway: usize,
    pub life: u64,
    pub of: Of,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    Request(usize, u64),
    Outbox(u32),
}

#[derive(Clone)]
pub struct Call {
    pub caller: Caller,
    pub method: &'static str,
    pub message: Vec<u8>,
}

/// How bad the way between gateways and server is, in a thousand.
pub struct Link {
    pub lost: u64,
    pub doubled: u64,
    pub latency_ms: u64,
}

impl World {
    pub fn send(
        &mut self,
        caller: Caller,
        method: &'static str,
        message: Vec<u8>,
        timeout_ms: u32,
    ) {
        self.waiting.insert(caller.clone());
        let gave_up = Happening::Returns(caller.clone(), Err(UNAVAILABLE));
        self.after(u64::from(timeout_ms), gave_up);
        let call = Call {
            caller,
            method,
            message,
        };
        if self.chance.per_mille(self.link.doubled) {
            let late_ms = self.chance.between(0, DOUBLE_MS_MAX);
            self.after(late_ms, Happening::Reaches(call.clone()));
        }
        if !self.chance.per_mille(self.link.lost) {
            let latency_ms = self.latency_ms();
            self.after(latency_ms, Happening::Reaches(call));
        }
    }

    pub fn reaches(&mut self, call: Call) {
        let answer = self.server.answer(call.method, &call.message);
        self.is_news |= answer.is_some();
        if self.chance.per_mille(self.link.lost) {
            return;
        }
        let latency_ms = self.latency_ms();
        let answer = answer.unwrap_or(Err(UNAVAILABLE));
        self.after(latency_ms, Happening::Returns(call.caller, answer));
    }

    fn latency_ms(&mut self) -> u64 {
        self.chance.between(1, self.link.latency_ms)
    }

    pub fn returns(&mut self, caller: &Caller, answer: &Answer) {
        if !self.waiting.remove(caller) {
            return;
        }
        let answer = answer.as_ref().map(Vec::as_slice).map_err(|status| *status);
        match caller.of {
            Of::Request(request, number) => {
                let deeds = self.gateways[caller.gateway].answered(request, number, answer);
                self.carry_out(request, deeds);
            }
            Of::Outbox(id) => {
                let random = self.chance.next();
                self.gateways[caller.gateway].outbox_answered(id, answer, random);
            }
        }
    }
}
