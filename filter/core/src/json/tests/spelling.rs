//! Random JSON, spelled in random ways: order of members, white space, escapes.

use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write;

/// A document in which members have an order, and numbers a spelling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn value(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(text) => serde_json::from_str(text).unwrap(),
            Self::String(text) => text.as_str().into(),
            Self::Array(elements) => elements.iter().map(Self::value).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), member.value()))
                .collect(),
        }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,8}", "[\\x00-\\x1f\"\\\\/é世🚀]{0,6}",]
}

pub(crate) fn any_json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,3})?([eE][+-]?[0-9])?".prop_map(Json::Number),
        any_text().prop_map(Json::String),
    ];
    scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::Array),
            vec((any_text(), inner), 0..5).prop_map(Json::Object),
        ]
    })
}

/// `json` as text, as `style` has it: an empty one is compact and escapes only what it must.
pub(crate) fn spell(json: &Json, style: &[u8]) -> String {
    let mut speller = Speller {
        style,
        at: 0,
        text: String::new(),
    };
    speller.space();
    speller.value(json);
    speller.space();
    speller.text
}

struct Speller<'a> {
    style: &'a [u8],
    at: usize,
    text: String,
}

impl Speller<'_> {
    fn choice(&mut self) -> u8 {
        if self.style.is_empty() {
            return 0;
        }
        self.at = (self.at + 1) % self.style.len();
        self.style[self.at]
    }

    fn space(&mut self) {
        let space = match self.choice() {
            3 | 13 | 23 | 33 => " ",
            4 | 14 => "\n",
            5 | 15 => "\r\n\t ",
            _ => "",
        };
        self.text.push_str(space);
    }

    fn value(&mut self, json: &Json) {
        match json {
            Json::Null => self.text.push_str("null"),
            Json::Bool(value) => write!(self.text, "{value}").unwrap(),
            Json::Number(text) => self.text.push_str(text),
            Json::String(text) => self.string(text),
            Json::Array(elements) => {
                self.text.push('[');
                self.space();
                for (index, element) in elements.iter().enumerate() {
                    self.separate(index);
                    self.value(element);
                    self.space();
                }
                self.text.push(']');
            }
            Json::Object(members) => {
                self.text.push('{');
                self.space();
                for (index, (name, member)) in members.iter().enumerate() {
                    self.separate(index);
                    self.string(name);
                    self.space();
                    self.text.push(':');
                    self.space();
                    self.value(member);
                    self.space();
                }
                self.text.push('}');
            }
        }
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
            self.space();
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            let simple = match character {
                '"' => Some('"'),
                '\\' => Some('\\'),
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                '\u{8}' => Some('b'),
                '\u{c}' => Some('f'),
                '/' if self.choice() & 1 == 1 => Some('/'),
                _ => None,
            };
            let must = character < ' ' || matches!(character, '"' | '\\');
            match simple {
                Some(escape) => self.text.extend(['\\', escape]),
                None if must || self.choice() % 8 == 7 => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        write!(self.text, "\\u{unit:04x}").unwrap();
                    }
                }
                None => self.text.push(character),
            }
        }
        self.text.push('"');
    }
}

/// `bytes` in pieces.
pub(crate) fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for to in at.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[from..to]);
        from = to;
    }
    pieces
}
