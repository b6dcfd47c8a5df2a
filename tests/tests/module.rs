//! The compiled filter.

use ferry_examples::progress::Progress;
use ferry_examples::toolchain;

/// What Envoy compiles at each start, for each VM.
const MODULE_BYTES_MAX: u64 = 1024 * 1024;

#[test]
fn the_module_is_at_most_one_mebibyte() {
    let module = toolchain::filter_module(&Progress::silent()).expect("build the module");
    let bytes = std::fs::metadata(&module)
        .expect("the module is there")
        .len();
    assert!(
        bytes <= MODULE_BYTES_MAX,
        "{} has {bytes} bytes",
        module.display()
    );
    assert!(bytes > 10_000, "{} is empty", module.display());
}
