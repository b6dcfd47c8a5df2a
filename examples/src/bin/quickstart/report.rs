//! What the demonstration found: a table for people, an object for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// One request, and what became of its money. Amounts are decimal strings in the report's currency.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// `models`, `chat`, `stream`, `refused` or `hangup`.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What was held for it.
    pub reserved: String,
    /// What it was charged.
    pub charged: String,
    /// What was held and not needed.
    pub released: String,
    /// What can be spent after it.
    pub balance: String,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What happened, in a sentence.
    pub said: String,
}

/// The verdict of `ferry verify`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Verify {
    /// Every balance follows from the journal.
    pub clean: bool,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What amounts are in.
    pub currency: String,
    /// In the order they were sent.
    pub requests: Vec<Request>,
    /// Holds that are left when all is over: none.
    pub open_reservations: u64,
    /// Whether the ledger proves itself.
    pub verify: Verify,
    /// What an SDK is given as `base_url`.
    pub base_url: String,
    /// What an SDK is given as `api_key`.
    pub api_key: String,
}

impl Report {
    /// For programs.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text =
            String::from("\nFive requests through Envoy, paid from a prepaid balance:\n\n");
        for (number, request) in (1..).zip(&self.requests) {
            text.push_str(&format!(
                "  {number}. {:<8} {}  {}\n",
                request.name, request.status, request.said
            ));
        }
        text.push_str(&format!(
            "\nWhat became of the money ({}):\n\n{}\n",
            self.currency,
            self.table().trim_fmt()
        ));
        let verdict = if self.verify.clean {
            "every balance follows from the journal"
        } else {
            "DIFFERENCE FOUND"
        };
        text.push_str(&format!(
            "\nOpen reservations: {}. ferry verify: {verdict}.\n",
            self.open_reservations
        ));
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "request",
            "status",
            "reserved",
            "tokens in / out",
            "charged",
            "released",
            "balance",
        ]);
        for request in &self.requests {
            table.add_row([
                request.name.to_owned(),
                request.status.to_string(),
                request.reserved.clone(),
                format!("{} / {}", request.input_tokens, request.output_tokens),
                request.charged.clone(),
                request.released.clone(),
                request.balance.clone(),
            ]);
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}
