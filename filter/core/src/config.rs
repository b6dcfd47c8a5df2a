//! The plugin configuration: what an operator writes into Envoy's `WasmPluginConfig`, read and checked.
//!
//! One module, two roles. The `gateway` instance stands in the listener's filter chain, the `upstream` instance (named
//! `ferry.upstream` in Envoy) in each provider cluster's chain. Unknown fields are refused, every fault is reported at once
//! with its path, and a checked value never needs to be checked again. Nothing here is secret: `/config_dump` prints it.
//!
//! ```json
//! {"role": "gateway", "quota_cluster": "ferry-quota",
//!  "routes": {"openai": {"mode": "enforce", "on_quota_unreachable": "deny", "on_lease_lost": "finish"},
//!             "trial": {"mode": "shadow", "on_quota_unreachable": {"admit_known":
//!               {"known_for_s": 600, "tokens_per_key": 20000, "tokens_per_worker": 200000}}}},
//!  "timeouts": {"reserve_ms": 2000, "outbox_ms": 5000},
//!  "limits": {"body_bytes_max": 26214400, "outbox_slots": 16384, "batch_items": 128, "batch_delay_ms": 10, "calls_in_flight": 2}}
//!
//! {"role": "upstream", "provider": "openai", "authority": "api.openai.com", "path_prefix": "/v1"}
//! ```

mod section;
#[cfg(test)]
mod tests;

pub use section::{ConfigFaults, Fault};

use hashbrown::HashMap;
use section::{Bounds, Section};

/// How long a Reserve may take. It stands between the client and the first byte: long enough for a slow disk, short
/// enough that a client with a timeout of a few seconds still sees our answer.
const RESERVE_MS: Bounds = Bounds {
    least: 10,
    most: 60_000,
    default: 2_000,
};
/// How long a batch of settlements, renewals or releases may take before it is sent again.
const OUTBOX_MS: Bounds = Bounds {
    least: 10,
    most: 120_000,
    default: 5_000,
};
/// 25 MiB: what OpenAI's own API takes for a request with images inside. Envoy's buffer limit may be lower.
const BODY_BYTES_MAX: Bounds = Bounds {
    least: 1_024,
    most: 134_217_728,
    default: 26_214_400,
};
/// Requests in flight and settlements not yet acknowledged, per worker. About 1 KB each.
const OUTBOX_SLOTS: Bounds = Bounds {
    least: 1,
    most: 1_000_000,
    default: 16_384,
};
/// Items in one call: a settlement is about 500 bytes, so that a call stays far below gRPC's 4 MiB.
const BATCH_ITEMS: Bounds = Bounds {
    least: 1,
    most: 1_024,
    default: 128,
};
/// How long the first item of a batch waits for company.
const BATCH_DELAY_MS: Bounds = Bounds {
    least: 1,
    most: 1_000,
    default: 10,
};
/// Calls of one kind that may be under way at once: two, so that one batch fills while another is being made durable.
const CALLS_IN_FLIGHT: Bounds = Bounds {
    least: 1,
    most: 64,
    default: 2,
};
/// How recent a grant must be to vouch for its key: at most a day.
const KNOWN_FOR_S: Bounds = Bounds {
    least: 1,
    most: 86_400,
    default: 600,
};
/// Caps of offline admission. The default is never used: both must be stated.
const TOKENS: Bounds = Bounds {
    least: 1,
    most: 1_000_000_000_000,
    default: 1,
};

/// What one plugin instance is told to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginConfig {
    /// In the listener's chain: decides, meters, settles.
    Gateway(GatewayConfig),
    /// In a provider cluster's chain: lets pass only what the gateway instance admitted.
    Upstream(UpstreamConfig),
}

/// The gateway instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Envoy's cluster of the quota server.
    pub quota_cluster: String,
    /// Settings by the name of Envoy's route; a route that is not listed gets 503 `route_not_configured`.
    pub routes: HashMap<String, RouteConfig>,
    /// How long calls to the quota server may take.
    pub timeouts: Timeouts,
    /// What bounds memory and batches.
    pub limits: Limits,
}

/// Settings of one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteConfig {
    /// Whether decisions are carried out, or only recorded.
    pub mode: RouteMode,
    /// What happens to a request while the quota server does not answer. Has no default.
    pub on_quota_unreachable: OnQuotaUnreachable,
    /// What happens to an answer whose lease could not be renewed in time.
    pub on_lease_lost: OnLeaseLost,
}

/// What happens to an answer whose lease could not be renewed in time: nothing is held for it any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnLeaseLost {
    /// It goes on, and is charged for all of it in the end: a customer's answer is worth more than the risk.
    #[default]
    Finish,
    /// It is cut, and charged for what was seen until then: no more is sold than is held.
    End,
}

/// Whether decisions are carried out on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMode {
    /// Decide, hold, refuse.
    Enforce,
    /// Decide and record; never refuse, never touch a body. Whatever guards the route today must go on guarding it: a request
    /// without a key goes on too.
    Shadow,
}

/// What happens to a request while the quota server does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnQuotaUnreachable {
    /// 503 to all.
    Deny,
    /// Keys that this worker saw granted lately go on, up to caps; others get 503.
    AdmitKnown(AdmitKnown),
}

/// The caps of offline admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmitKnown {
    /// How recent the key's last grant must be.
    pub known_for_s: u64,
    /// Most tokens (input bound plus output limit) for one key in one outage.
    pub tokens_per_key: u64,
    /// Most tokens for all keys of one worker in one outage.
    pub tokens_per_worker: u64,
}

/// How long calls to the quota server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Reserve and ListModels: the client waits.
    pub reserve_ms: u32,
    /// Settle, Renew, Release: nobody waits, and they are sent again.
    pub outbox_ms: u32,
}

/// What bounds memory and batches, per worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body that is read; above it 413.
    pub body_bytes_max: u64,
    /// Requests in flight and settlements not yet acknowledged; above it 503.
    pub outbox_slots: usize,
    /// Most items in one call.
    pub batch_items: usize,
    /// How long the first item of a batch waits for company.
    pub batch_delay_ms: u64,
    /// Calls of one kind (Settle, Renew, Release) under way at once.
    pub calls_in_flight: usize,
}

/// The upstream instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Name of this provider, as price tables and `x-ferry-provider-N` use it.
    pub provider: String,
    /// Host that the provider expects in `:authority`; the request's own is kept if absent.
    pub authority: Option<String>,
    /// What stands before the endpoint's path at this provider, such as `/v1`: `/v1` + `/chat/completions`.
    pub path_prefix: String,
}

impl PluginConfig {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// Every fault found, each with its path.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigFaults> {
        let mut top = Section::parse(text)?;
        let role = top.text("role");
        let config = match role.as_deref() {
            Some("gateway") => gateway(&mut top).map(Self::Gateway),
            Some("upstream") => upstream(&mut top).map(Self::Upstream),
            Some(_) => {
                top.fault("role", "must be \"gateway\" or \"upstream\"");
                None
            }
            None => None,
        };
        top.finish_with(config)
    }
}

fn gateway(top: &mut Section) -> Option<GatewayConfig> {
    let quota_cluster = top.name("quota_cluster");
    let routes = routes(top);
    let timeouts = timeouts(top);
    let limits = limits(top);
    Some(GatewayConfig {
        quota_cluster: quota_cluster?,
        routes: routes?,
        timeouts,
        limits,
    })
}

fn routes(top: &mut Section) -> Option<HashMap<String, RouteConfig>> {
    let mut section = top.section("routes")?;
    let mut routes = HashMap::new();
    for name in section.names() {
        if let Some(mut fields) = section.section(&name) {
            if let Some(route) = route(&mut fields) {
                routes.insert(name, route);
            }
            section.absorb(fields);
        }
    }
    if routes.is_empty() && section.is_clean() {
        section.fault_here("must list at least one route");
    }
    top.absorb(section);
    Some(routes)
}

fn route(fields: &mut Section) -> Option<RouteConfig> {
    let mode = match fields.text("mode").as_deref() {
        Some("enforce") => Some(RouteMode::Enforce),
        Some("shadow") => Some(RouteMode::Shadow),
        Some(_) => {
            fields.fault("mode", "must be \"enforce\" or \"shadow\"");
            None
        }
        None => None,
    };
    let on_quota_unreachable = on_quota_unreachable(fields);
    let on_lease_lost = on_lease_lost(fields);
    Some(RouteConfig {
        on_lease_lost,
        mode: mode?,
        on_quota_unreachable: on_quota_unreachable?,
    })
}

fn on_lease_lost(fields: &mut Section) -> OnLeaseLost {
    const FIELD: &str = "on_lease_lost";
    match fields.optional_text(FIELD).as_deref() {
        Some("end") => OnLeaseLost::End,
        None => OnLeaseLost::default(),
        Some("finish") => OnLeaseLost::Finish,
        Some(_) => {
            fields.fault(FIELD, "must be \"finish\" or \"end\"");
            OnLeaseLost::Finish
        }
    }
}

fn on_quota_unreachable(fields: &mut Section) -> Option<OnQuotaUnreachable> {
    const FIELD: &str = "on_quota_unreachable";
    if fields.is_section(FIELD) {
        let mut choice = fields.section(FIELD)?;
        let caps = choice.section("admit_known").map(|mut caps| {
            let known = AdmitKnown {
                known_for_s: caps.number("known_for_s", KNOWN_FOR_S),
                tokens_per_key: caps.required_number("tokens_per_key", TOKENS),
                tokens_per_worker: caps.required_number("tokens_per_worker", TOKENS),
            };
            choice.absorb(caps);
            known
        });
        fields.absorb(choice);
        return caps.map(OnQuotaUnreachable::AdmitKnown);
    }
    match fields.text(FIELD)?.as_str() {
        "deny" => Some(OnQuotaUnreachable::Deny),
        _ => {
            fields.fault(FIELD, "must be \"deny\" or {\"admit_known\": {…}}");
            None
        }
    }
}

fn timeouts(top: &mut Section) -> Timeouts {
    let mut section = top.optional_section("timeouts");
    let timeouts = Timeouts {
        reserve_ms: narrow(section.number("reserve_ms", RESERVE_MS)),
        outbox_ms: narrow(section.number("outbox_ms", OUTBOX_MS)),
    };
    top.absorb(section);
    timeouts
}

fn limits(top: &mut Section) -> Limits {
    let mut section = top.optional_section("limits");
    let limits = Limits {
        body_bytes_max: section.number("body_bytes_max", BODY_BYTES_MAX),
        outbox_slots: size(section.number("outbox_slots", OUTBOX_SLOTS)),
        batch_items: size(section.number("batch_items", BATCH_ITEMS)),
        batch_delay_ms: section.number("batch_delay_ms", BATCH_DELAY_MS),
        calls_in_flight: size(section.number("calls_in_flight", CALLS_IN_FLIGHT)),
    };
    top.absorb(section);
    limits
}

fn upstream(top: &mut Section) -> Option<UpstreamConfig> {
    let provider = top.name("provider");
    let authority = top.optional_text("authority");
    let path_prefix = top.text("path_prefix");
    if let Some(prefix) = &path_prefix
        && (!prefix.is_empty() && !prefix.starts_with('/')
            || prefix.ends_with('/')
            || !is_path(prefix))
    {
        top.fault(
            "path_prefix",
            "must be empty or a path such as \"/v1\", without a slash at its end",
        );
    }
    if authority
        .as_deref()
        .is_some_and(|authority| authority.is_empty() || !is_path(authority))
    {
        top.fault("authority", "must be a host, with a port if needed");
    }
    Some(UpstreamConfig {
        provider: provider?,
        authority,
        path_prefix: path_prefix?,
    })
}

fn is_path(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
