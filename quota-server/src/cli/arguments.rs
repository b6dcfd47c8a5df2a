//! The arguments, and what `--help` says about them.

use super::correct::{CorrectCommand, REASONS};
use super::files::Place;
use super::house::HouseCommand;
use super::limit::LimitCommand;
use super::transfer::TransferCommand;
use crate::admin::wire::Thaw;
use crate::admin::{Client, InvalidServer};
use crate::store::postgres::PostgresConfig;
use clap::{Args, Parser, Subcommand};
use ferry_ledger::Month;
use ferry_types::{GrantId, KeyId, ResellerName, ReservationId, TenantId};
use std::path::PathBuf;

/// Where the administration's socket lies if the configuration says nothing else, seen from its folder.
const ADMIN_DEFAULT: &str = "unix:ferry-admin.sock";

/// Prepaid billing for LLM traffic: the quota-and-ledger server and its administration.
#[derive(Debug, Parser)]
#[command(name = "ferry", version, propagate_version = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct ServerArguments {
    /// The running server's administration: unix:/path/of/a.sock, HOST:PORT or http://HOST:PORT.
    #[arg(long, global = true, env = "FERRY_ADMIN", default_value = ADMIN_DEFAULT, value_name = "ADDRESS")]
    admin: String,
    /// The operator's token, where the administration listens on TCP. Better given in the environment.
    #[arg(
        long,
        global = true,
        env = "FERRY_ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    admin_token: Option<String>,
}

impl ServerArguments {
    pub(super) fn client(&self) -> Result<Client, InvalidServer> {
        Client::new(&self.admin, self.admin_token.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the quota server.
    Serve {
        /// Its configuration.
        #[arg(long, default_value = "ferry.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Check a configuration and its price table, and tell every fault.
    CheckConfig {
        /// The configuration.
        #[arg(default_value = "ferry.toml", value_name = "FILE")]
        file: PathBuf,
    },
    /// Tenants: the customers that pay.
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
    },
    /// Customers' API keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Bring money into a tenant's balance.
    Topup(TopUpArguments),
    /// Show a tenant's balance, with its grants.
    Balance { tenant: TenantId },
    /// Grants: credit beside the balance, which burns first.
    Grant {
        #[command(subcommand)]
        command: GrantCommand,
    },
    /// Limits: how much may go through in a window, or be in flight at once.
    Limit {
        #[command(subcommand)]
        command: LimitCommand,
    },
    /// Move money between two tenants' books.
    Transfer {
        #[command(subcommand)]
        command: TransferCommand,
    },
    /// Put something right, with a reason and whoever approved it: refunds, chargebacks, write-offs, and what waits for a person.
    Correct {
        #[command(subcommand)]
        command: CorrectCommand,
    },
    /// The house's own book: what providers and resellers are paid, what invoices say otherwise, and money that is exchanged.
    House {
        #[command(subcommand)]
        command: HouseCommand,
    },
    /// Show every account with the sum of its lines, over all books and in which of them: a trial balance.
    Accounts {
        /// Of one tenant, or of `house`.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Show reservations, newest first.
    Reservations(ReservationsArguments),
    /// Show what requests used and cost, newest first.
    Usage(UsageArguments),
    /// Derive every balance from its journal again, and compare; or compare heads and receipts with the journals.
    Verify(VerifyArguments),
    /// Seal a month that is over in UTC, for all books and for good; or list what is sealed.
    ///
    /// A frozen book holds the month up. It can be left out by name, and only while it is frozen: `ferry seal 2026-10 --without acme`.
    /// The seal says so, for good. Once the book is mended, the next month that is sealed tells of all its entries.
    Seal {
        /// Such as 2026-10.
        #[arg(required_unless_present = "list")]
        month: Option<Month>,
        /// List the sealed months.
        #[arg(long, conflicts_with = "month")]
        list: bool,
        /// A frozen book that the month is sealed without; may be given several times.
        #[arg(long, value_name = "TENANT", conflicts_with = "list")]
        without: Vec<TenantId>,
    },
    /// Show where every journal ends, signed, and the public key.
    Heads,
    /// Copy the database and its secrets into a new folder, verified, while the server runs or not.
    Backup {
        /// The folder, which must not be there yet.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Put a backup where no database stands. The server must not run.
    Restore {
        /// The backup's folder.
        #[arg(long, value_name = "FOLDER")]
        from: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Move everything from SQLite's file to an empty database of PostgreSQL's, verified on both sides. No server must run. It may be
    /// given again, whatever broke it off. The password may stand in PGPASSWORD.
    Migrate {
        /// The file, as sqlite:PATH.
        #[arg(long, value_name = "sqlite:PATH", value_parser = super::migrate::file)]
        from: PathBuf,
        /// The database, as postgres://user@host/name.
        #[arg(long, value_name = "postgres://…")]
        to: PostgresConfig,
    },
    /// Make a database count that lacks what was acknowledged, a file or PostgreSQL's. No server must run on it.
    AcceptLoss {
        #[command(flatten)]
        place: Place,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant.
    Create {
        /// Its id, for good: a-z, 0-9 and '-'.
        tenant: TenantId,
        /// Shown to people; the id if left out.
        #[arg(long)]
        name: Option<String>,
        /// What its money is in; the price table's currency if left out.
        #[arg(long)]
        currency: Option<String>,
    },
    /// List all tenants.
    List,
    /// Show one tenant.
    Show { tenant: TenantId },
    /// Say what happens to charges beyond what is available: debt (the default) is owed and blocks what is new until it is paid,
    /// credit-line may be promised on credit, absorb is written off.
    Overage {
        tenant: TenantId,
        #[arg(value_parser = ["debt", "credit-line", "absorb"])]
        policy: String,
        /// How far below zero, with credit-line.
        credit: Option<String>,
    },
    /// Say who gets a share of what the tenant pays from now on; nobody if both are left out.
    Reseller {
        tenant: TenantId,
        reseller: Option<ResellerName>,
        /// Its share in percent, such as 12.5.
        #[arg(requires = "reseller")]
        percent: Option<String>,
    },
    /// Say where the tenant's days, weeks and months begin, as limits count them. A window that has begun ends as it would have.
    Zone {
        tenant: TenantId,
        /// Of the IANA database, such as Europe/Berlin; UTC where none was set.
        zone: String,
    },
    /// Stop a tenant for now.
    Pause { tenant: TenantId },
    /// Let a paused tenant go on.
    Resume { tenant: TenantId },
    /// Close a tenant, for good: nothing new is granted, and no key, top-up or grant is taken any more.
    ///
    /// What is in flight still ends as it would, and corrections and chargebacks still post. Its book stays, and its id is never given
    /// again. Money that is left is paid back, moved or written off first: the error says how much, and how. Credit that was given
    /// lapses. For example: ferry tenant close acme --reason requested --approver anna
    Close {
        tenant: TenantId,
        /// Why.
        #[arg(long, value_parser = REASONS)]
        reason: String,
        /// Who approved it.
        #[arg(long)]
        approver: String,
        /// For people.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Let a frozen book go on, once somebody has mended its rows.
    ///
    /// The server verifies all of it first, as `ferry verify --tenant` does: if anything differs the book stays frozen, and the first
    /// difference is named. That it goes on, and why it had been frozen, is an entry of its journal. A book that is not frozen stays
    /// as it is. For example: ferry tenant thaw acme --reason other --approver anna --note "held was edited by hand"
    Thaw {
        tenant: TenantId,
        #[command(flatten)]
        why: ThawArguments,
    },
}

#[derive(Debug, Args)]
pub(super) struct ThawArguments {
    /// Why.
    #[arg(long, value_parser = REASONS)]
    reason: String,
    /// Who approved it.
    #[arg(long)]
    approver: String,
    /// For people: what was mended.
    #[arg(long, default_value = "")]
    note: String,
}

impl From<ThawArguments> for Thaw {
    fn from(arguments: ThawArguments) -> Self {
        let ThawArguments {
            reason,
            approver,
            note,
        } = arguments;
        Self {
            reason,
            approver,
            note,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum GrantCommand {
    /// Grant credit. The same id stands for the same grant: sent twice, it counts once.
    Create(GrantArguments),
    /// List a tenant's grants.
    List { tenant: TenantId },
}

#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    pub(super) tenant: TenantId,
    /// Its id, for good: a-z, 0-9 and '-'.
    pub(super) grant: GrantId,
    /// Such as 5 or 5.00, in the tenant's currency.
    pub(super) amount: String,
    /// paid: what expires is kept; promotional: it was given; refund: in place of charges.
    #[arg(long, default_value = "paid", value_parser = ["paid", "promotional", "refund"])]
    pub(super) kind: String,
    /// Lower burns first.
    #[arg(long)]
    pub(super) priority: Option<u8>,
    /// It pays for this model only (may be repeated).
    #[arg(long = "model", value_name = "MODEL")]
    pub(super) models: Vec<String>,
    /// It pays only where this provider alone may serve (may be repeated).
    #[arg(long = "provider", value_name = "PROVIDER")]
    pub(super) providers: Vec<String>,
    /// From the beginning of this day on, in UTC; at once if left out.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) starts_at: Option<String>,
    /// Until the beginning of this day, in UTC; for ever if left out.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) expires_at: Option<String>,
    /// For people.
    #[arg(long, default_value = "")]
    pub(super) note: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key. It is shown once.
    Create {
        tenant: TenantId,
        /// Shown to people.
        #[arg(long, default_value = "")]
        label: String,
        /// It ends by itself after so many days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
        expires_in_days: Option<u64>,
    },
    /// List a tenant's keys.
    List { tenant: TenantId },
    /// Stop a key for now.
    Pause { tenant: TenantId, key: KeyId },
    /// Let a paused key go on.
    Resume { tenant: TenantId, key: KeyId },
    /// End a key for good.
    Revoke {
        tenant: TenantId,
        key: KeyId,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct TopUpArguments {
    pub(super) tenant: TenantId,
    /// Such as 5 or 5.00, in the tenant's currency.
    pub(super) amount: String,
    /// Where the money comes from.
    #[arg(long, default_value = "manual")]
    pub(super) source: String,
    /// The payment's reference there: the same source and reference count once, over all tenants. Drawn if left out.
    #[arg(long)]
    pub(super) reference: Option<String>,
    /// For people.
    #[arg(long, default_value = "")]
    pub(super) note: String,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// A database, read without its server: a file, or postgres://user@host/name with its password in PGPASSWORD.
    #[arg(long, value_name = "FILE|URL")]
    pub(super) database: Option<String>,
    /// Only this tenant's book, or that of `house`.
    #[arg(long, conflicts_with_all = ["heads", "receipts"])]
    pub(super) tenant: Option<TenantId>,
    /// Only its chain from this entry, or the first one of this date in UTC, on; what is before is trusted.
    #[arg(long, value_name = "SEQ|DATE", requires = "tenant")]
    pub(super) since: Option<String>,
    /// An export of signed heads: does the database still have all of them?
    #[arg(long, value_name = "FILE", conflicts_with = "receipts")]
    pub(super) heads: Option<PathBuf>,
    /// Receipts, or answers of `ferry topup --json` and `ferry house … --json`, one a line: does the database still have what they say?
    #[arg(long, value_name = "FILE")]
    pub(super) receipts: Option<PathBuf>,
    /// What they have to be signed with, as `ferry heads` showed it; the database's own key if left out.
    #[arg(long, value_name = "HEX")]
    pub(super) public_key: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReservationsArguments {
    /// Of one tenant.
    #[arg(long)]
    pub(super) tenant: Option<TenantId>,
    /// Only what holds money now.
    #[arg(long)]
    pub(super) open: bool,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct UsageArguments {
    /// Of one tenant.
    #[arg(long)]
    pub(super) tenant: Option<TenantId>,
    /// Of one request: the id in x-ferryapi-request-id.
    #[arg(long)]
    pub(super) request: Option<ReservationId>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub(super) limit: usize,
}
