//! The price tables that were ever loaded, as the ledger asks for them.

use crate::key_directory::sha256;
use crate::price_book::PriceBook;
use crate::store::KeptPriceTable;
use ferry_ledger::verify::{Priced, Prices};
use ferry_types::Currency;
use std::collections::BTreeMap;

/// Every table by its version.
pub(super) struct KeptPrices {
    tables: BTreeMap<String, PriceBook>,
}

impl KeptPrices {
    /// Reads the tables, or says what is wrong with the first that cannot be used.
    pub(super) fn read(kept: Vec<KeptPriceTable>) -> Result<Self, String> {
        let mut tables = BTreeMap::new();
        for table in kept {
            let KeptPriceTable {
                version,
                sha256: digest,
                content,
            } = table;
            if sha256(&[content.as_bytes()]).as_slice() != digest {
                return Err(format!(
                    "price_tables '{version}': the content is not the one that was kept"
                ));
            }
            let book = PriceBook::parse(&content)
                .map_err(|faults| format!("price_tables '{version}': {faults}"))?;
            if book.version != version {
                let told = book.version;
                return Err(format!(
                    "price_tables '{version}': the content says '{told}'"
                ));
            }
            tables.insert(version, book);
        }
        Ok(Self { tables })
    }
}

impl Prices for KeptPrices {
    fn priced(&self, price_version: &str, model: &str, currency: Currency) -> Option<Priced> {
        let table = self.tables.get(price_version)?;
        let model = table.model(model)?;
        let mut prices = table.prices(model).into_iter();
        let (_, exchange, customer) = prices.find(|(known, ..)| *known == currency)?;
        Some(Priced {
            exchange,
            customer,
            costs: vec![(model.provider.clone(), model.cost)],
        })
    }
}
