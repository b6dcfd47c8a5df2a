use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn digest() -> KeyDigest {
    KeyDigest::from_bytes(&[7; 32]).unwrap()
}

fn open(
    folder: &tempfile::TempDir,
    known: &[(PepperId, [u8; 32])],
) -> Result<Peppers, PepperError> {
    Peppers::open(&folder.path().join("ferry.db"), known)
}

fn write(folder: &tempfile::TempDir, text: &str, mode: u32) {
    let path = folder.path().join("ferry.db.peppers");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_first_start_makes_a_pepper_that_only_its_owner_can_read_and_the_next_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder, &[]).unwrap();
    let mode = fs::metadata(folder.path().join("ferry.db.peppers"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let known = [(first.newest(), first.fingerprint(first.newest()).unwrap())];
    let second = open(&folder, &known).unwrap();
    assert_eq!(
        first.stored(PepperId(1), &digest()),
        second.stored(PepperId(1), &digest())
    );
    assert_eq!(format!("{first:?}"), "Peppers(1 hidden)");
}

#[test]
fn a_file_that_does_not_fit_is_an_error_and_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: Option<(&str, u32)>, known: &[(PepperId, [u8; 32])], expected: &str| {
        if let Some((text, mode)) = text {
            write(&folder, text, mode);
        }
        let error = open(&folder, known).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let one = format!("1 {}\n", "ab".repeat(32));
    check(None, &[(PepperId(1), [0; 32])], "missing");
    assert!(!folder.path().join("ferry.db.peppers").exists());
    check(Some((&one, 0o640)), &[], "may be read by others (mode 640)");
    check(
        Some((&one, 0o600)),
        &[(PepperId(1), [0; 32])],
        "is not the one",
    );
    check(
        Some((&one, 0o600)),
        &[(PepperId(2), [0; 32])],
        "lacks pepper 2",
    );
    check(Some(("# nothing\n", 0o600)), &[], "holds no pepper");
    for bad in [
        "1",
        "0 ab",
        "x y",
        &format!("{one}{one}"),
        &one.replace("ab", "+b"),
    ] {
        check(Some((bad, 0o600)), &[], "expected a number");
    }
}

#[test]
fn every_live_pepper_is_tried_and_the_newest_makes_new_keys() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        &format!("2 {}\n1 {}\n", "cd".repeat(32), "ab".repeat(32)),
        0o600,
    );
    let peppers = open(&folder, &[]).unwrap();
    assert_eq!(peppers.newest(), PepperId(2));
    let tried: Vec<_> = peppers.candidates(&digest()).collect();
    let stored: Vec<_> = [2, 1]
        .map(|id| peppers.stored(PepperId(id), &digest()).unwrap())
        .into();
    assert_eq!(tried, stored);
    assert_ne!(tried[0], tried[1]);
}
