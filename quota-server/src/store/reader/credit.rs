//! Questions about what stands beside the balance: grants, corrections, accounts; and a reservation as it is stored.

use super::super::fields::{Fields, corrupt, text, yes};
use super::super::table::{CORRECTIONS, GRANTS, RESERVATIONS, TRANSFERS};
use super::super::value::Value;
use super::super::view::{AccountView, CorrectionView, GrantView, TransferView};
use super::super::{StoreError, decode, lines};
use super::{Question, Reader, all, one};
use ferry_ledger::Reservation;
use ferry_types::{Balance, CorrectionId, Currency, ReservationId, TenantId, TransferId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

impl Reader {
    /// A tenant's grants, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn grants(&mut self, id: &TenantId) -> Result<Vec<GrantView>, StoreError> {
        let sql = GRANTS.of_tenant("");
        let of = [Value::text(id.as_str())];
        all(self.source.as_mut(), "list grants", &sql, &of, |row| {
            let (id, grant) = decode::grant(row)?;
            Ok(GrantView { id, grant })
        })
    }

    /// Every account with the sum of its lines, of one tenant or of all.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn accounts(&mut self, tenant: Option<&TenantId>) -> Result<Vec<AccountView>, StoreError> {
        let house = TenantId::house();
        let mut question = Question::new("SELECT lines");
        question.with(", tenant = ", Value::text(house.as_str()));
        question
            .sql
            .push_str(" FROM journal WHERE lines IS NOT NULL");
        if let Some(tenant) = tenant {
            question.with(" AND tenant = ", Value::text(tenant.as_str()));
        }
        let Question { sql, parameters } = question;
        let mut sums: BTreeMap<(String, Currency), (i128, i128)> = BTreeMap::new();
        let mut add = |row: &dyn Fields| {
            let of_house = yes(row, 1)?;
            for (account, currency, amount) in lines::decode(&text(row, 0)?)? {
                let (all, house) = sums.entry((account, currency)).or_default();
                // Far from overflow: a sum of 2^63 amounts still fits.
                *all = all.saturating_add(i128::from(amount));
                if of_house {
                    *house = house.saturating_add(i128::from(amount));
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        let source = self.source.as_mut();
        source.each("sum the accounts", &sql, &parameters, &mut add)?;
        let balance = |sum: i128| {
            let units = i64::try_from(sum).map_err(|_| corrupt("an account beyond the range"))?;
            Ok::<_, StoreError>(Balance::from_units(units))
        };
        let view = |((account, currency), (all, house))| {
            Ok(AccountView {
                account,
                currency,
                balance: balance(all)?,
                of_house: balance(house)?,
            })
        };
        sums.into_iter().map(view).collect()
    }

    /// A tenant's corrections, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn corrections(&mut self, id: &TenantId) -> Result<Vec<CorrectionView>, StoreError> {
        let sql = CORRECTIONS.of_tenant("");
        let of = [Value::text(id.as_str())];
        let mut found = all(self.source.as_mut(), "list corrections", &sql, &of, |row| {
            let (id, posted) = decode::correction(row)?;
            Ok(CorrectionView { id, posted })
        })?;
        found.sort_by_key(|view| std::cmp::Reverse(view.posted.seq));
        Ok(found)
    }

    /// A correction.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn correction(
        &mut self,
        tenant: &TenantId,
        id: &CorrectionId,
    ) -> Result<Option<CorrectionView>, StoreError> {
        let key = [Value::text(tenant.as_str()), Value::text(id.as_str())];
        let (source, sql) = (self.source.as_mut(), &CORRECTIONS.find);
        one(source, "find a correction", sql, &key, |row| {
            let (id, posted) = decode::correction(row)?;
            Ok(CorrectionView { id, posted })
        })
    }

    /// A transfer, as this tenant's book has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn transfer(
        &mut self,
        tenant: &TenantId,
        id: &TransferId,
    ) -> Result<Option<TransferView>, StoreError> {
        let key = [Value::text(tenant.as_str()), Value::text(id.as_str())];
        let (source, sql) = (self.source.as_mut(), &TRANSFERS.find);
        one(source, "find a transfer", sql, &key, |row| {
            let (id, posted) = decode::transfer(row)?;
            Ok(TransferView { id, posted })
        })
    }

    /// A tenant's transfers, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn transfers(&mut self, id: &TenantId) -> Result<Vec<TransferView>, StoreError> {
        let sql = TRANSFERS.of_tenant("");
        let of = [Value::text(id.as_str())];
        let mut found = all(self.source.as_mut(), "list transfers", &sql, &of, |row| {
            let (id, posted) = decode::transfer(row)?;
            Ok(TransferView { id, posted })
        })?;
        found.sort_by_key(|view| std::cmp::Reverse(view.posted.seq));
        Ok(found)
    }

    /// A reservation, as it is stored.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn reservation(
        &mut self,
        tenant: &TenantId,
        id: ReservationId,
    ) -> Result<Option<Reservation>, StoreError> {
        let key = [Value::text(tenant.as_str()), Value::bytes(id.as_bytes())];
        let (source, sql) = (self.source.as_mut(), &RESERVATIONS.find);
        one(source, "find a reservation", sql, &key, |row| {
            decode::reservation(row)
        })
    }
}
