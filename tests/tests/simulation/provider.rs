//! The provider of a run: it writes pieces at its script's pace, and fails as the script says.

use serde_json::{Value, json};

use crate::request::Ending;
use crate::world::{Happening, World};

impl World {
    pub fn provider(&mut self, request: usize, life: u64, step: u64) {
        let gateway = self.scripts[request].gateway;
        if self.gateways[gateway].life != life || !self.gateways[gateway].holds(request) {
            return;
        }
        if step == 0 {
            self.begins(request, life);
        } else {
            self.writes(request, life, step);
        }
    }

    fn begins(&mut self, request: usize, life: u64) {
        let started = self.clock.passed_ms();
        let note = |status: u32| format!("simulator {started} {status} {started}");
        let script = &self.scripts[request];
        match script.ending {
            Ending::Unsent => self.fails(request, "no_healthy_upstream", ""),
            Ending::ProviderLost => {
                let details = "upstream_reset_before_response_started{connection_termination}";
                self.fails(request, details, &note(0));
            }
            Ending::ProviderError => {
                let error = br#"{"error":{"message":"broken","type":"server_error","param":null,"code":null}}"#;
                self.answers(request, "500", "application/json", error, true);
                self.ends(request, "via_upstream", 500, &note(500));
            }
            Ending::Complete | Ending::Impatient if !script.is_stream() => {
                let body = self.whole_answer(request);
                self.answers(request, "200", "application/json", &body, true);
                self.ends(request, "via_upstream", 200, &note(200));
            }
            Ending::Complete
            | Ending::Impatient
            | Ending::ClientGone(_)
            | Ending::ProviderReset(_) => {
                self.answers(request, "200", "text/event-stream", b"", false);
                self.next_piece(request, life, 1);
            }
        }
    }

    /// Envoy answers in the provider's place.
    fn fails(&mut self, request: usize, details: &str, attempts: &str) {
        let gateway = &mut self.gateways[self.scripts[request].gateway];
        gateway.answer_begins(request, "503", "text/plain", details);
        gateway.answer_goes_on(request, b"no answer", true);
        self.ends(request, details, 503, attempts);
    }

    fn answers(
        &mut self,
        request: usize,
        status: &str,
        content_type: &str,
        body: &[u8],
        end: bool,
    ) {
        let gateway = &mut self.gateways[self.scripts[request].gateway];
        gateway.answer_begins(request, status, content_type, "via_upstream");
        if !body.is_empty() {
            gateway.answer_goes_on(request, body, end);
        }
    }

    /// As many pieces as the limit lets it write.
    fn pieces(&self, request: usize) -> u64 {
        let limit = self.truths[request].sent.expect("it was sent");
        self.scripts[request].pieces.min(limit)
    }

    fn usage(&mut self, request: usize) -> Value {
        let (prompt, completion) = (self.scripts[request].prompt_tokens(), self.pieces(request));
        self.truths[request].reported = true;
        json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
    }

    fn whole_answer(&mut self, request: usize) -> Vec<u8> {
        let pieces = self.pieces(request);
        self.truths[request].pieces = pieces;
        let content = "tok ".repeat(usize::try_from(pieces).unwrap());
        let usage = self.usage(request);
        let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}});
        json!({"id": "1", "model": "plain-2024-07-18", "choices": [choice], "usage": usage})
            .to_string()
            .into_bytes()
    }

    fn next_piece(&mut self, request: usize, life: u64, step: u64) {
        let pace_ms = self.scripts[request].pace_ms;
        let step = Happening::Provider {
            request,
            life,
            step,
        };
        self.after(pace_ms, step);
    }

    fn writes(&mut self, request: usize, life: u64, piece: u64) {
        let gateway = self.scripts[request].gateway;
        let note = format!("simulator 1 200 {}", self.clock.passed_ms());
        if piece > self.pieces(request) {
            let usage = self.usage(request);
            let last =
                json!({"id": "1", "model": "plain-2024-07-18", "choices": [], "usage": usage});
            let chunk = format!(
                "{}data: {last}\n\ndata: [DONE]\n\n",
                event(json!({}), "stop")
            );
            self.gateways[gateway].answer_goes_on(request, chunk.as_bytes(), true);
            return self.ends(request, "via_upstream", 200, &note);
        }
        let chunk = event(json!({"content": "tok "}), "");
        self.gateways[gateway].answer_goes_on(request, chunk.as_bytes(), false);
        self.truths[request].pieces = piece;
        match self.scripts[request].ending {
            Ending::ClientGone(after) if after == piece => {
                self.ends(request, "downstream_remote_disconnect", 200, &note);
            }
            Ending::ProviderReset(after) if after == piece => {
                let details = "upstream_reset_after_response_started{remote_reset}";
                self.ends(request, details, 200, &note);
            }
            Ending::ClientGone(_)
            | Ending::ProviderReset(_)
            | Ending::Complete
            | Ending::Impatient
            | Ending::ProviderLost
            | Ending::ProviderError
            | Ending::Unsent => self.next_piece(request, life, piece + 1),
        }
    }
}

fn event(delta: Value, finish_reason: &str) -> String {
    let finish_reason = match finish_reason {
        "" => Value::Null,
        reason => reason.into(),
    };
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
    let event = json!({"id": "1", "model": "plain-2024-07-18", "choices": [choice], "usage": null});
    format!("data: {event}\n\n")
}
