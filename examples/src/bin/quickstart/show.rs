//! What the quickstart says after its report: how to go on, or what went wrong.
#![expect(clippy::print_stderr, reason = "a program for a person at a terminal")]

use crate::report::Report;
use std::path::Path;

/// How to send requests of one's own, and how to look at them.
pub fn invitation(report: &Report, admin: &Path) -> String {
    let (base_url, api_key) = (&report.base_url, &report.api_key);
    format!(
        r#"
Try it yourself, until you press Ctrl-C:

  base URL  {base_url}
  API key   {api_key}

  curl {base_url}/chat/completions -H 'authorization: Bearer {api_key}' \
    -d '{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"Hello"}}]}}'

  python3 -c 'from openai import OpenAI; print(OpenAI(base_url="{base_url}", api_key="{api_key}").chat.completions.create(
    model="gpt-4o-mini", messages=[{{"role": "user", "content": "Hello"}}]).choices[0].message.content)'

  export FERRY_ADMIN={admin}
  cargo run --quiet --bin ferry -- usage
"#,
        admin = admin.display(),
    )
}

/// What went wrong, with its causes in order.
pub fn failure(error: &anyhow::Error) {
    eprintln!("cargo quickstart: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}
