//! Values in PostgreSQL's shape: rows turned into one array a column, single parameters, and rows as they are read.

use crate::store::StoreError;
use crate::store::fields::Fields;
use crate::store::value::{Row, Value};
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// One column of many rows.
#[derive(Debug)]
pub(super) enum Column<'a> {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl Column<'_> {
    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Integers(values) => values,
            Self::Texts(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

/// The columns of rows that are all of the same kind. A column in which nothing stands is one of no kind in particular, so the
/// kinds are told.
pub(super) fn columns<'a>(rows: &'a [Row<'_>], kinds: &[&str]) -> Vec<Column<'a>> {
    let column = |(at, kind): (usize, &&str)| {
        let values = rows.iter().map(|row| row.get(at));
        match *kind {
            "TEXT" => Column::Texts(values.map(|value| text(value?)).collect()),
            "BYTEA" => Column::Bytes(values.map(|value| bytes(value?)).collect()),
            _ => Column::Integers(values.map(|value| integer(value?)).collect()),
        }
    };
    kinds.iter().enumerate().map(column).collect()
}

/// The parameters of a statement over columns.
pub(super) fn parameters<'a>(columns: &'a [Column<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    columns.iter().map(Column::parameter).collect()
}

const fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Null | Value::Text(_) | Value::Bytes(_) => None,
    }
}

fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) | Value::Bytes(_) => None,
    }
}

fn bytes<'a>(value: &'a Value<'_>) -> Option<&'a [u8]> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Null | Value::Integer(_) | Value::Text(_) => None,
    }
}

/// A single value.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql_checked(kind, out),
            Value::Text(text) => text.as_ref().to_sql_checked(kind, out),
            Value::Bytes(bytes) => bytes.as_ref().to_sql_checked(kind, out),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        // Each value checks for itself.
        true
    }

    to_sql_checked!();
}

/// A row of PostgreSQL's.
pub(super) struct Stored<'a>(pub(super) &'a tokio_postgres::Row);

impl Fields for Stored<'_> {
    fn get(&self, at: usize) -> Result<Value<'_>, StoreError> {
        let misread = |what: &str| StoreError::Corrupt(format!("a value of another kind ({what})"));
        let column = self.0.columns().get(at);
        let kind = column.ok_or_else(|| misread("no such column"))?.type_();
        let value = if *kind == Type::INT8 {
            self.0
                .try_get::<_, Option<i64>>(at)
                .map(|n| n.map(Value::Integer))
        } else if *kind == Type::TEXT {
            self.0
                .try_get::<_, Option<&str>>(at)
                .map(|t| t.map(Value::text))
        } else if *kind == Type::BYTEA {
            self.0
                .try_get::<_, Option<&[u8]>>(at)
                .map(|b| b.map(Value::bytes))
        } else if *kind == Type::INT4 {
            let number = self.0.try_get::<_, Option<i32>>(at);
            number.map(|n| n.map(|n| Value::Integer(n.into())))
        } else if *kind == Type::BOOL {
            let yes = self.0.try_get::<_, Option<bool>>(at);
            yes.map(|yes| yes.map(|yes| Value::Integer(yes.into())))
        } else {
            return Err(misread(kind.name()));
        };
        let value = value.map_err(|error| misread(&error.to_string()))?;
        Ok(value.unwrap_or(Value::Null))
    }
}
