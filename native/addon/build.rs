//! Embeds the monitor: `scripts/build.sh` builds it first and names it in `RT_MONITOR_PATH`. Without that
//! (`cargo check`, clippy, tests of other crates) an empty image is embedded, which refuses to launch.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    napi_build::setup();
    println!("cargo:rerun-if-env-changed=RT_MONITOR_PATH");
    let out =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("monitor.bin");
    match env::var_os("RT_MONITOR_PATH") {
        Some(path) => {
            println!("cargo:rerun-if-changed={}", path.to_string_lossy());
            fs::copy(&path, &out).expect("the monitor at RT_MONITOR_PATH can be read");
        }
        None => fs::write(&out, []).expect("OUT_DIR can be written"),
    }
}
