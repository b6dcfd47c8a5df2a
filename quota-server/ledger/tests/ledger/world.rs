//! A book, and a small language to play it with.
//!
//! One input token costs 1 unit and one output token 2, so that the usual request (input at most 40 tokens, estimated 10, output
//! at most 30) holds 100; its provider reports 20 and 5, which is 30.

use crate::told::tell;
use ferry_ledger::invariant::{
    i4_counters_are_the_sum, i4_held_is_the_sum, i5_again_is_the_same, i5_rows_answer_again,
    i10_acknowledged_is_written, i11_records_are_the_lines,
};
use ferry_ledger::*;
use ferry_types::{
    Amount, Attempt, Currency, EndCause, Endpoint, Mode, Price, Rates, RequestFacts, ReservationId,
    Settlement, Tags, TenantId, Usage, UsageSource,
};
use std::sync::Arc;

pub const START: u64 = 1_800_000_000_000;
pub const RULES: Rules = Rules {
    lease_ms: 60_000,
    margin_ms: 1_000,
    recovery_window_ms: 86_400_000,
};

pub struct World {
    pub book: Book,
    pub entries: Vec<Entry>,
    /// What the last command moved.
    pub moved: Vec<Line>,
    /// What all commands moved.
    pub totals: Totals,
    pub now: UnixMs,
    pub offer: Option<Arc<Offer>>,
    /// The reservation that the steps are about.
    pub id: ReservationId,
    pub mode: Mode,
    /// What every byte of the idempotency key's digest is.
    pub under: Option<u8>,
    /// `x-ferry-end-user`.
    pub user: String,
}

pub fn amount(units: i64) -> Amount {
    Amount::from_units(units).expect("not negative")
}

pub fn rates(input: i64, output: i64) -> Rates {
    let price = |units: i64| Price::per_million(amount(units * 1_000_000));
    Rates {
        input: price(input),
        output: price(output),
        cached_input: None,
        cache_write: None,
        audio_input: None,
        reasoning: None,
        audio_output: None,
        per_request: Amount::ZERO,
    }
}

pub fn offer() -> Offer {
    Offer {
        price_version: "prices-1".into(),
        policy_version: "policy-1".into(),
        model: "gpt-4o".into(),
        candidates: vec![Candidate {
            provider: "openai".into(),
            model: "gpt-4o".into(),
            aliases: ["gpt-4o-2024-08-06".to_owned()].into(),
            output_limit_field: "max_completion_tokens".into(),
            cost: rates(0, 1),
        }],
        currency: Currency::Usd,
        exchange: None,
        customer: rates(1, 2),
        limits: ModelLimits {
            context_tokens_max: 1_000,
            output_tokens_max: 200,
            output_tokens_floor: 10,
            choices_max: 4,
        },
        clamp_ceiling: 50,
        output_tokens_median: 0,
        lifeless: Lifeless::Release,
    }
}

pub fn facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o".into(),
        stream: true,
        input_tokens_max: 40,
        input_tokens_estimate: 10,
        input_unbounded: false,
        output_tokens_max: Some(30),
        choices: 1,
        output_audio: false,
        service_tier: String::new(),
        route: "openai".into(),
        mode: Mode::Enforce,
        tags: Tags::default(),
        idempotency_key_digest: None,
        admitted_offline: false,
    }
}

pub fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

pub fn attempt(source: UsageSource, usage: Usage) -> Attempt {
    Attempt {
        provider: "openai".into(),
        model: "gpt-4o-2024-08-06".into(),
        status: 200,
        usage,
        source,
        provider_request_id: "req_1".into(),
        service_tier: "default".into(),
        latency_ms: 900,
        first_byte_ms: Some(200),
    }
}

pub fn settlement(facts: RequestFacts, attempts: Vec<Attempt>) -> Settlement {
    Settlement {
        facts,
        output_tokens_max: 30,
        cause: EndCause::Complete,
        attempts,
        latency_ms: 1_000,
        status: 200,
    }
}

pub fn owner(principal: &str) -> Owner {
    Owner {
        principal: principal.parse().expect("a name"),
        key: "key_00000000".parse().expect("a key id"),
    }
}

pub fn id(drawn: u64) -> ReservationId {
    ReservationId::new(drawn, [7; 10])
}

impl World {
    /// An active tenant with one key and this much money.
    pub fn with(units: i64) -> Self {
        Self::of("acme".parse().expect("a name"), units)
    }

    pub fn of(tenant: TenantId, units: i64) -> Self {
        let now = UnixMs(START);
        let order = OpenTenant {
            name: "Acme".into(),
            currency: Currency::Usd,
        };
        let opening = open(&tenant, None, &order);
        let (book, opened) = Book::open(tenant, &opening.events[0], now).expect("opens");
        let mut world = Self {
            book,
            entries: vec![opened.entry],
            moved: Vec::new(),
            totals: Totals::ZERO,
            now,
            offer: Some(Arc::new(offer())),
            id: id(START),
            mode: Mode::Enforce,
            under: None,
            user: String::new(),
        };
        world.run(&Command::IssueKey(IssueKey {
            key: owner("edge").key,
            label: "test".into(),
            expires_at: None,
            listed: [1; 32],
        }));
        if units > 0 {
            world.top_up(units, "first");
        }
        world
    }

    pub fn top_up(&mut self, units: i64, reference: &str) -> Answer {
        self.run(&Command::TopUp(TopUp {
            amount: amount(units),
            source: "bank".into(),
            external_reference: reference.into(),
            note: String::new(),
        }))
    }

    /// The other book's payments come into view.
    pub fn see(&mut self, other: &Book) {
        let payments = other.top_ups.keys();
        let payments = payments.map(|payment| (payment.clone(), other.tenant.clone()));
        self.book.credited_elsewhere.extend(payments);
    }

    /// Decides, applies and checks every invariant; then asks the same again.
    pub fn run(&mut self, command: &Command) -> Answer {
        let answer = self.run_once(command);
        let again = i5_again_is_the_same(&self.book, command, &answer, &RULES, self.now);
        assert!(again.is_ok(), "{again:?} after {command:?}: {answer:?}");
        answer
    }

    pub fn run_once(&mut self, command: &Command) -> Answer {
        let decision = decide(&self.book, command, &RULES, self.now);
        assert_eq!(decision, decide(&self.book, command, &RULES, self.now));
        self.carry(&decision.events);
        if let Some((id, refused)) = decision.refused {
            let stored = Refused::decode(&refused.encode());
            assert_eq!(stored.as_ref(), Ok(&refused));
            self.book.remember(id, refused);
        }
        if let Some(row) = command
            .reservation()
            .and_then(|id| self.book.reservations.get(&id))
        {
            assert_eq!(Reservation::decode(&row.encode()).as_ref(), Ok(row));
        }
        self.holds();
        i10_acknowledged_is_written(&self.book, &decision.answer).expect("I10");
        decision.answer
    }

    /// Where an answer stands, on the book as it is.
    pub fn position(&self, about: &About<'_>, answer: &Answer) -> Position {
        self.book.position(about, answer, self.now)
    }

    fn carry(&mut self, events: &[Event]) {
        self.moved.clear();
        for event in events {
            let Recorded { entry, transaction } =
                self.book.apply(event, self.now).expect("applies");
            self.totals.add(&transaction);
            self.moved.extend(transaction.lines);
            assert_eq!(
                Event::decode(entry.kind, &entry.content).as_ref(),
                Ok(event)
            );
            self.entries.push(entry);
        }
    }

    fn holds(&self) {
        i4_held_is_the_sum(&self.book).expect("I4");
        i4_counters_are_the_sum(&self.book).expect("I4");
        if !self.book.frozen {
            i5_rows_answer_again(&self.book).expect("I5");
        }
        i11_records_are_the_lines(&self.totals, &self.book).expect("I11");
    }

    /// Moves money to another book, checks every invariant of both, and then asks the same again.
    pub fn transfer(&mut self, to: &mut Self, order: &Transfer) -> Answer {
        let (answer, moves) = transfer(&self.book, &to.book, order);
        if let Some((given, taken)) = moves {
            self.carry(&[given]);
            to.carry(&[taken]);
        }
        let (again, moves) = transfer(&self.book, &to.book, order);
        assert_eq!(moves, None, "{order:?}");
        let mut expected = answer.clone();
        if let AdminAnswer::Done { changed, .. } = &mut expected {
            *changed = false;
        }
        assert_eq!(again, expected, "{order:?}");
        let answer = Answer::Admin(answer);
        self.holds();
        to.holds();
        i10_acknowledged_is_written(&self.book, &answer).expect("I10");
        answer
    }

    /// Plays steps, separated by commas, and tells what the last one was answered.
    pub fn play(&mut self, steps: &str) -> String {
        let mut told = String::new();
        for step in steps.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            told = self.step(step);
        }
        told
    }

    fn facts(&self) -> RequestFacts {
        RequestFacts {
            mode: self.mode,
            idempotency_key_digest: self.under.map(|byte| [byte; 32]),
            tags: Tags {
                end_user: self.user.clone(),
                ..Tags::default()
            },
            ..facts()
        }
    }

    /// Sets the scene; `false` if the step is a call.
    fn set(&mut self, words: &[&str]) -> bool {
        match words {
            ["wait", ms] => self.now = self.now.plus_ms(ms.parse().expect("a number")),
            ["clock", ms] => self.now = UnixMs(START + ms.parse::<u64>().expect("a number")),
            ["shadow"] => self.mode = Mode::Shadow,
            ["enforce"] => self.mode = Mode::Enforce,
            ["under", byte] => self.under = Some(byte.parse().expect("a number")),
            ["request", n] => self.id = id(START + n.parse::<u64>().expect("a number")),
            ["unpriced"] => self.offer = None,
            ["user"] => self.user.clear(),
            ["user", name] => self.user = (*name).into(),
            ["charging", median] => {
                self.offer = Some(Arc::new(Offer {
                    lifeless: Lifeless::Charge,
                    output_tokens_median: median.parse().expect("a number"),
                    ..offer()
                }));
            }
            ["freeze"] => self.book.frozen = true,
            _ => return false,
        }
        true
    }

    fn step(&mut self, step: &str) -> String {
        let words: Vec<&str> = step.split(' ').collect();
        if self.set(&words) {
            return String::new();
        }
        let command = match words.as_slice() {
            ["top-up", units, reference] => {
                return tell(&self.top_up(units.parse().expect("a number"), reference));
            }
            ["tenant", state] => Command::SetTenantState(match *state {
                "paused" => TenantState::Paused,
                _ => TenantState::Active,
            }),
            ["close"] => crate::closing::command(),
            ["key", state] => Command::SetKeyState(SetKeyState {
                key: owner("edge").key,
                to: match *state {
                    "paused" => KeyState::Paused,
                    "revoked" => KeyState::Revoked,
                    _ => KeyState::Active,
                },
            }),
            ["reserve", rest @ ..] => self.reserve(rest),
            ["renew", used] => Command::Renew(Renew {
                id: self.id,
                owner: owner("edge"),
                usage: usage(0, used.parse().expect("a number")),
                output_tokens_target: 0,
            }),
            ["renew", used, "for", target] => Command::Renew(Renew {
                id: self.id,
                owner: owner("edge"),
                usage: usage(0, used.parse().expect("a number")),
                output_tokens_target: target.parse().expect("a number"),
            }),
            ["renew", used, "by", principal] => Command::Renew(Renew {
                id: self.id,
                owner: owner(principal),
                usage: usage(0, used.parse().expect("a number")),
                output_tokens_target: 0,
            }),
            ["settle", rest @ ..] => self.settle(rest),
            ["release"] => self.release("edge", None),
            ["release", "by", principal] => self.release(principal, None),
            ["release", "recovered"] => self.release("edge", Some("operator")),
            ["expire"] => Command::Expire(Expire { id: self.id }),
            ["grant", rest @ ..] => crate::grants::command(rest),
            ["end", grant] => Command::ExpireGrant(grant.parse().expect("an id")),
            ["limit", rest @ ..] => crate::limits::set(rest),
            ["unset", id] => Command::RemoveLimit(id.parse().expect("an id")),
            ["zone", name] => Command::SetZone(name.parse().expect("a zone")),
            ["reseller", rest @ ..] => crate::resellers::command(rest),
            ["correct", rest @ ..] => crate::corrections::command(self, rest),
            ["overage", name] => overage(name, 0),
            ["overage", name, credit] => overage(name, credit.parse().expect("a number")),
            _ => panic!("no such step: {step}"),
        };
        tell(&self.run(&command))
    }

    fn reserve(&self, words: &[&str]) -> Command {
        let mut facts = self.facts();
        let mut by = "edge";
        match words {
            [] => {}
            ["by", principal] => by = principal,
            ["other"] => facts.route = "elsewhere".into(),
            ["unlimited"] => facts.output_tokens_max = None,
            ["limit", tokens] => facts.output_tokens_max = tokens.parse().ok(),
            _ => panic!("no such reserve: {words:?}"),
        }
        Command::Reserve(Box::new(Reserve {
            id: self.id,
            owner: owner(by),
            facts,
            offer: self.offer.clone(),
        }))
    }

    fn release(&self, owner_name: &str, by: Option<&str>) -> Command {
        Command::Release(Release {
            id: self.id,
            owner: owner(owner_name),
            by: by.map(|by| owner(by).principal),
        })
    }

    fn settle(&self, words: &[&str]) -> Command {
        let mut by = "edge";
        let (mut beyond_cap, mut recovered) = (false, None);
        let mut facts = self.facts();
        let reported = || vec![attempt(UsageSource::Reported, usage(20, 5))];
        let attempts = match words {
            [] => reported(),
            ["by", principal] => {
                by = principal;
                reported()
            }
            ["other"] => {
                facts.route = "elsewhere".into();
                reported()
            }
            ["beyond", "cap"] => {
                beyond_cap = true;
                reported()
            }
            ["recovered"] => {
                recovered = Some(owner("operator").principal);
                reported()
            }
            ["none"] => vec![attempt(UsageSource::None, usage(0, 0))],
            ["estimated"] => vec![attempt(UsageSource::Estimated, usage(0, 0))],
            ["counted", output] => {
                let output = output.parse().expect("a number");
                vec![attempt(UsageSource::Counted, usage(0, output))]
            }
            ["reported", input, output] => {
                let used = usage(
                    input.parse().expect("a number"),
                    output.parse().expect("a number"),
                );
                vec![attempt(UsageSource::Reported, used)]
            }
            _ => panic!("no such settle: {words:?}"),
        };
        Command::Settle(Box::new(Settle {
            id: self.id,
            owner: owner(by),
            settlement: settlement(facts, attempts),
            offer: self.offer.clone(),
            by: recovered,
            beyond_cap,
        }))
    }
}

fn overage(name: &str, credit: i64) -> Command {
    Command::SetOverage(Overage::from_parts(name, amount(credit)).expect("a policy"))
}
