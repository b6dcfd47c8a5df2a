//! One JSON object of a configuration, taken apart field by field.
//!
//! A field that is never taken is unknown, and a fault. Faults are gathered, with their path, until the end.

use core::fmt;

use serde_json::{Map, Value};

/// Longest name of a route, cluster or provider. Envoy's own names are shorter; gRPC service names take part in messages.
const NAME_BYTES_MAX: usize = 120;

/// Least, most and default of a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub least: u64,
    pub most: u64,
    pub default: u64,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `routes.openai.mode`; empty for the whole.
    pub path: String,
    /// What must be so.
    pub message: String,
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<Fault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("; ")?;
            }
            if !fault.path.is_empty() {
                write!(out, "{}: ", fault.path)?;
            }
            out.write_str(&fault.message)?;
        }
        Ok(())
    }
}

impl core::error::Error for ConfigFaults {}

/// One object, being taken apart.
pub(super) struct Section {
    path: String,
    fields: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Section {
    /// The top of a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigFaults> {
        let message = match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => {
                return Ok(Self {
                    path: String::new(),
                    fields,
                    faults: Vec::new(),
                });
            }
            Ok(_) => "must be a JSON object".to_owned(),
            Err(error) => format!("not JSON: {error}"),
        };
        Err(ConfigFaults(vec![Fault {
            path: String::new(),
            message,
        }]))
    }

    /// The checked value, unless there was any fault.
    pub fn finish_with<T>(mut self, value: Option<T>) -> Result<T, ConfigFaults> {
        self.report_unknown();
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) => Err(ConfigFaults(self.faults)),
            None => {
                if self.faults.is_empty() {
                    self.fault_here("cannot be read");
                }
                Err(ConfigFaults(self.faults))
            }
        }
    }

    /// Takes over the faults of a section that was taken out of this one.
    pub fn absorb(&mut self, mut inner: Self) {
        inner.report_unknown();
        self.faults.append(&mut inner.faults);
    }

    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn fault(&mut self, field: &str, message: &str) {
        let path = self.path_of(field);
        self.faults.push(Fault {
            path,
            message: message.to_owned(),
        });
    }

    pub fn fault_here(&mut self, message: &str) {
        self.faults.push(Fault {
            path: self.path.clone(),
            message: message.to_owned(),
        });
    }

    /// The names of all fields not taken yet.
    pub fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    pub fn is_section(&self, field: &str) -> bool {
        matches!(self.fields.get(field), Some(Value::Object(_)))
    }

    /// An object that must be there.
    pub fn section(&mut self, field: &str) -> Option<Self> {
        match self.fields.remove(field) {
            Some(Value::Object(fields)) => Some(Self {
                path: self.path_of(field),
                fields,
                faults: Vec::new(),
            }),
            Some(_) => {
                self.fault(field, "must be an object");
                None
            }
            None => {
                self.fault(field, "is missing");
                None
            }
        }
    }

    /// An object that may be absent, which is the same as empty.
    pub fn optional_section(&mut self, field: &str) -> Self {
        if self.fields.contains_key(field)
            && let Some(section) = self.section(field)
        {
            return section;
        }
        Self {
            path: self.path_of(field),
            fields: Map::new(),
            faults: Vec::new(),
        }
    }

    /// A string that must be there.
    pub fn text(&mut self, field: &str) -> Option<String> {
        if !self.fields.contains_key(field) {
            self.fault(field, "is missing");
        }
        self.optional_text(field)
    }

    /// A string that may be absent.
    pub fn optional_text(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.fault(field, "must be a string");
                None
            }
            None => None,
        }
    }

    /// The name of a cluster or provider: visible ASCII without comma or space.
    pub fn name(&mut self, field: &str) -> Option<String> {
        let name = self.text(field)?;
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b',';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
            self.fault(
                field,
                "must be 1 to 120 visible ASCII characters without a comma",
            );
            return None;
        }
        Some(name)
    }

    /// A number within bounds, or its default.
    pub fn number(&mut self, field: &str, bounds: Bounds) -> u64 {
        let Some(value) = self.fields.remove(field) else {
            return bounds.default;
        };
        match whole(&value) {
            Some(number) if (bounds.least..=bounds.most).contains(&number) => number,
            Some(_) | None => {
                let message = format!(
                    "must be a whole number from {} to {}",
                    bounds.least, bounds.most
                );
                self.fault(field, &message);
                bounds.default
            }
        }
    }

    /// A number that must be stated.
    pub fn required_number(&mut self, field: &str, bounds: Bounds) -> u64 {
        if !self.fields.contains_key(field) {
            self.fault(field, "is missing");
        }
        self.number(field, bounds)
    }

    fn report_unknown(&mut self) {
        for field in self.names() {
            self.fault(&field, "is not a field that is known here");
        }
        self.fields.clear();
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }
}

/// A whole number, also as Envoy writes it when the configuration came as a `Struct` (`2000.0`).
fn whole(value: &Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    match value {
        Value::Number(number) => number.to_string().strip_suffix(".0")?.parse().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}
