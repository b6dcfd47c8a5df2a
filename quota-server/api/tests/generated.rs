//! The committed code is what the proto file generates. `UPDATE_GENERATED=1 cargo test -p ferry-api` writes it anew.

use std::path::{Path, PathBuf};

const PROTO: &str = "ferry/quota/v1/quota.proto";
const FILES: [&str; 2] = ["ferry.quota.v1.rs", "descriptors.bin"];

#[test]
fn generated_code_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("make a temporary folder");
    generate(&root.join("proto"), fresh.path()).expect("generate the code");
    let committed = root.join("src/generated");
    for file in FILES {
        let new = fresh.path().join(file);
        let old = committed.join(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::copy(&new, &old).expect("write the generated file");
        }
        assert!(
            read(&new) == read(&old),
            "{} differs from what {PROTO} generates: run UPDATE_GENERATED=1 cargo test -p ferry-api",
            old.display()
        );
    }
}

fn generate(proto: &Path, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let descriptors = protox::compile([PROTO], [proto])?;
    std::fs::write(
        out.join("descriptors.bin"),
        ferry_api::Message::encode_to_vec(&descriptors),
    )?;
    tonic_prost_build::configure()
        .out_dir(out)
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(descriptors)?;
    Ok(())
}

fn read(path: &PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}
