//! What the quickstart can be told.

use anyhow::bail;
use clap::{Parser, ValueEnum};
use ferry_examples::envoy::config::Provider;

/// A whole gateway on this machine: provider, quota server, Envoy with the filter; and five requests through it.
#[derive(Parser)]
#[command(name = "cargo quickstart", bin_name = "cargo quickstart")]
pub struct Arguments {
    /// Exit after the demonstration.
    #[arg(long)]
    pub once: bool,
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    pub json: bool,
    /// Who answers the requests.
    #[arg(long, value_enum, default_value_t = ProviderName::Simulator)]
    pub provider: ProviderName,
    /// OpenAI's key, for --provider openai.
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true, hide = true)]
    pub openai_api_key: Option<String>,
}

/// Providers that the quickstart knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProviderName {
    /// A program on this machine that answers like OpenAI.
    Simulator,
    /// OpenAI itself: costs real money, needs `OPENAI_API_KEY`.
    Openai,
}

impl Arguments {
    /// Who answers, unless it is the simulator.
    ///
    /// # Errors
    /// The chosen provider needs a key, and there is none.
    pub fn provider(&self) -> anyhow::Result<Option<Provider>> {
        match (self.provider, self.openai_api_key.as_deref()) {
            (ProviderName::Simulator, _) => Ok(None),
            (ProviderName::Openai, Some(key)) if !key.is_empty() => Ok(Some(Provider::OpenAi {
                key: key.to_owned(),
            })),
            (ProviderName::Openai, _) => {
                bail!(
                    "OpenAI wants a key: set OPENAI_API_KEY, or leave --provider away to use the simulator"
                )
            }
        }
    }
}
