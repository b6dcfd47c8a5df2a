//! The tokenizer against serde_json, and against itself in every split.

pub(crate) mod spelling;

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use spelling::{Json, any_json, cut, spell};

/// What a document consists of, its strings put together again.
#[derive(Debug, Default, Clone, PartialEq)]
struct Recorder(Vec<(String, Span)>);

impl Sink for Recorder {
    fn token(&mut self, token: Token<'_>, span: Span) {
        if let Token::Text(text) = token {
            let (last, _) = self.0.last_mut().unwrap();
            last.push_str(text);
        } else {
            self.0.push((format!("{token:?}"), span));
        }
    }
}

fn read(pieces: &[&[u8]]) -> (Recorder, Result<(), InvalidJson>) {
    let mut tokenizer = Tokenizer::new();
    let mut recorder = Recorder::default();
    for piece in pieces {
        if let Err(fault) = tokenizer.push(piece, &mut recorder) {
            assert_eq!(tokenizer.push(b" ", &mut recorder), Err(fault));
            assert_eq!(tokenizer.finish(&mut recorder), Err(fault));
            return (recorder, Err(fault));
        }
    }
    let end = tokenizer.finish(&mut recorder);
    assert_eq!(tokenizer.is_complete(), end.is_ok());
    (recorder, end)
}

fn check(text: impl AsRef<[u8]>, kind: InvalidJsonKind, at: u64) {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(text);
    let whole = read(&[text]);
    assert_eq!(whole.1, Err(InvalidJson { kind, at }), "{shown}");
    for cut in 0..=text.len() {
        let (head, tail) = text.split_at(cut);
        assert_eq!(read(&[head, tail]), whole, "{shown} cut at {cut}");
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(read(&bytes), whole, "{shown} by the byte");
}

#[test]
fn every_fault_is_told_with_its_place() {
    use InvalidJsonKind::{
        Control, Empty, Escape, Number, Surrogate, TooDeep, Truncated, Unexpected, Utf8,
    };
    check("", Empty, 0);
    check(" \n", Empty, 2);
    check("{", Truncated, 1);
    check("[1,", Truncated, 3);
    check("\"a", Truncated, 2);
    check("tru", Truncated, 3);
    check("-", Truncated, 1);
    check("{\"a\"", Truncated, 4);
    check("\u{feff}{}", Unexpected, 0);
    check("{} x", Unexpected, 3);
    check("{}{}", Unexpected, 2);
    check("1 2", Unexpected, 2);
    check("[1,]", Unexpected, 3);
    check("[,1]", Unexpected, 1);
    check("{\"a\":1,}", Unexpected, 7);
    check("{\"a\" 1}", Unexpected, 5);
    check("{a:1}", Unexpected, 1);
    check("[1}", Unexpected, 2);
    check("{\"a\":1]", Unexpected, 6);
    check("'a'", Unexpected, 0);
    check("True", Unexpected, 0);
    check("nulL", Unexpected, 3);
    check("NaN", Unexpected, 0);
    check("[1 2]", Unexpected, 3);
    check("01", Number, 1);
    check("-01", Number, 2);
    check("1.", Truncated, 2);
    check("[1.]", Number, 3);
    check("[1.e3]", Number, 3);
    check("[1e]", Number, 3);
    check("[--1]", Number, 2);
    check("[1.2.3]", Number, 4);
    check("+1", Unexpected, 0);
    check(".5", Unexpected, 0);
    check("\"\\x\"", Escape, 1);
    check("\"\\u12g4\"", Escape, 1);
    check("\"\\ud800\"", Surrogate, 1);
    check("\"\\ud800x\"", Surrogate, 1);
    check("\"\\ud800\\n\"", Surrogate, 1);
    check("\"\\udc00\"", Surrogate, 1);
    check("\"\\ud800\\u0041\"", Surrogate, 1);
    check("\"\\ud800\\ud800\"", Surrogate, 1);
    check("\"a\nb\"", Control, 2);
    check("\"\0\"", Control, 1);
    check("{\"\t\":1}", Control, 2);
    check(b"\"abcdefgh\xff\"", Utf8, 9);
    check(b"\"\xc3\"", Utf8, 1);
    check(b"\"\xe2\x82\"", Utf8, 1);
    check(b"\"\xe2\x28\xa1\"", Utf8, 1);
    check(b"\"\xc0\xaf\"", Utf8, 1);
    check(b"\"\xed\xa0\x80\"", Utf8, 1);
    check(b"\"\xf5\x80\x80\x80\"", Utf8, 1);
    check(b"\"\xe2\x82", Truncated, 3);
    check("[".repeat(129), TooDeep, 128);
}

#[test]
fn as_many_containers_as_allowed_may_be_open() {
    let depth = DEPTH_MAX as usize;
    let text = "{\"a\":[".repeat(depth / 2) + &"]}".repeat(depth / 2);
    assert_eq!(read(&[text.as_bytes()]).1, Ok(()));
}

#[test]
fn pieces_are_told_with_their_spans() {
    let text = r#"{"a" : [1, "x\ny"] , "b":{},"c":-1.5e+3,"d":null}"#;
    let found: Vec<(String, &str)> = read(&[text.as_bytes()])
        .0
        .0
        .into_iter()
        .map(|(token, span)| (token, &text[span.start as usize..span.end as usize]))
        .collect();
    let expected = [
        ("BeginObject", "{"),
        ("Key { name: Some(\"a\"), comma: None }", "\"a\""),
        ("BeginArray", "["),
        ("Number(Some(\"1\"))", "1"),
        ("BeginStringx\ny", "\""),
        ("EndString", "\"x\\ny\""),
        ("EndArray", "]"),
        ("Key { name: Some(\"b\"), comma: Some(19) }", "\"b\""),
        ("BeginObject", "{"),
        ("EndObject", "}"),
        ("Key { name: Some(\"c\"), comma: Some(27) }", "\"c\""),
        ("Number(Some(\"-1.5e+3\"))", "-1.5e+3"),
        ("Key { name: Some(\"d\"), comma: Some(39) }", "\"d\""),
        ("Null", "null"),
        ("EndObject", "}"),
    ];
    let expected: Vec<(String, &str)> = expected
        .into_iter()
        .map(|(token, text)| (token.to_owned(), text))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn names_and_numbers_are_kept_up_to_a_bound() {
    for (length, is_kept) in [(TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)] {
        let digits = "1".repeat(length);
        let text = format!("{{\"{digits}\":{digits}}}");
        let found = read(&[text.as_bytes()]).0.0;
        assert_eq!(found[1].0.contains("Some"), is_kept, "{}", found[1].0);
        assert_eq!(found[2].0.contains("Some"), is_kept, "{}", found[2].0);
    }
}

#[test]
fn members_can_be_cut_out_wherever_they_stand() {
    let cases = [
        (r#"{"x":1}"#, "{}"),
        (r#"{ "x" : 1 }"#, "{  }"),
        (r#"{"x":1, "a":2}"#, r#"{"a":2}"#),
        (r#"{"a":2 , "x":1 }"#, r#"{"a":2  }"#),
        (r#"{"a":2,"x":1,"b":3}"#, r#"{"a":2,"b":3}"#),
    ];
    for (text, expected) in cases {
        let tokens = read(&[text.as_bytes()]).0.0;
        let keys: Vec<usize> = (0..tokens.len())
            .filter(|at| tokens[*at].0.starts_with("Key"))
            .collect();
        let at = keys
            .iter()
            .position(|key| tokens[*key].0.contains("\"x\""))
            .unwrap();
        let comma = text[..tokens[keys[at]].1.start as usize].rfind(',');
        let mut member = MemberSpan::new(comma.map(|comma| comma as u64), tokens[keys[at]].1);
        member.value = tokens[keys[at] + 1].1;
        member.next_key = keys.get(at + 1).map(|next| tokens[*next].1.start);
        let edit = Edit {
            span: member.removal(),
            text: String::new(),
        };
        let edited = apply_edits(text.as_bytes(), 0, &[edit]).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), expected);
    }
}

#[test]
fn edits_that_overlap_or_reach_beyond_are_refused() {
    let edit = |start, end| Edit {
        span: Span { start, end },
        text: String::new(),
    };
    for edits in [
        vec![edit(0, 4)],
        vec![edit(2, 1)],
        vec![edit(0, 2), edit(1, 3)],
        vec![edit(u64::MAX, u64::MAX)],
    ] {
        assert_eq!(apply_edits(b"abc", 0, &edits), None, "{edits:?}");
    }
    assert_eq!(apply_edits(b"abc", 5, &[edit(4, 5)]), None);
    assert_eq!(apply_edits(b"abc", 5, &[edit(6, 7)]), Some(b"ac".to_vec()));
}

proptest! {
    #[test]
    fn what_is_json_is_read_the_same_in_every_split(
        json in any_json(), style in vec(any::<u8>(), 0..40), cuts in vec(any::<usize>(), 0..6),
    ) {
        let text = spell(&json, &style);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(value, json.value());
        let whole = read(&[text.as_bytes()]);
        prop_assert_eq!(&whole.1, &Ok(()));
        prop_assert_eq!(read(&cut(text.as_bytes(), &cuts)), whole.clone());
        prop_assert_eq!(read(&text.as_bytes().chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn what_is_damaged_is_judged_as_serde_json_judges_it(
        json in any_json(), style in vec(any::<u8>(), 0..40),
        damage in vec((any::<usize>(), prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[],:0-.eEu\n ".to_vec())]), 1..4),
        cuts in vec(any::<usize>(), 0..6),
    ) {
        let mut text = spell(&json, &style).into_bytes();
        for (at, byte) in damage {
            let at = at % text.len();
            text[at] = byte;
        }
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        let ours = read(&cut(&text, &cuts));
        prop_assert_eq!(&ours, &read(&[&text]));
        // A number may be too large for their type.
        if !matches!(&theirs, Err(error) if error.to_string().contains("out of range")) {
            prop_assert_eq!(ours.1.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", String::from_utf8_lossy(&text), ours.1, theirs);
        }
    }

    #[test]
    fn garbage_is_refused_without_panic(bytes in vec(any::<u8>(), 0..200), cuts in vec(any::<usize>(), 0..6)) {
        prop_assert_eq!(read(&cut(&bytes, &cuts)), read(&[&bytes]));
    }
}

#[test]
fn the_generator_knows_every_escape() {
    let json = Json::String("a\"\n\u{1}é🚀".to_owned());
    assert_eq!(spell(&json, &[]), "\"a\\\"\\n\\u0001é🚀\"");
    assert!(
        spell(&json, &[7]).contains("\\ud83d\\u"),
        "{}",
        spell(&json, &[7])
    );
}
