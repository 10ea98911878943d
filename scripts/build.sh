#!/usr/bin/env bash
# Builds dist/rt, the whole engine in one file. Does only what has changed.
#   dist/native/rt-monitor    static, one per container; embedded in the addon
#   dist/native/hello         static, the program of the hello-world image; not part of rt
#   dist/native/probe         static, run by tests in containers; with --tests only
#   dist/native/mischief      the same, to do harm
#   dist/native/envoy         the same, to ask the network questions
#   dist/native/rt-addon.bin  the native addon; embedded in dist/rt by src/native.ts
. "$(dirname "$0")/lib.sh"

bun=$(bun_path) || die "Bun is missing: run ./scripts/setup.sh first"
mkdir -p dist/native
exec 9>dist/.lock
flock 9

# Keeps the old file, and with it its time, when nothing has changed; never writes into a running one.
place() {
  cmp -s "$1" "$2" && return
  cp "$1" "$2.new"
  mv -f "$2.new" "$2"
}

triple=$ARCH-unknown-linux-gnu
static() {
  (
    cd native
    RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
      cargo build --quiet --profile monitor --target "$triple" "$@"
  )
}
static -p rt-monitor -p rt-hello
place "$TARGET_DIR/$triple/monitor/rt-monitor" dist/native/rt-monitor
place "$TARGET_DIR/$triple/monitor/rt-hello" dist/native/hello
if [ "${1-}" = --tests ]; then
  static -p rt-probe -p rt-mischief -p rt-envoy
  place "$TARGET_DIR/$triple/monitor/rt-probe" dist/native/probe
  place "$TARGET_DIR/$triple/monitor/rt-mischief" dist/native/mischief
  place "$TARGET_DIR/$triple/monitor/rt-envoy" dist/native/envoy
fi

(cd native && RT_MONITOR_PATH=$ROOT/dist/native/rt-monitor cargo build --quiet --release -p rt-addon)
place "$TARGET_DIR/release/librt_addon.so" dist/native/rt-addon.bin

# Bun's own step takes a second; directories are compared too, so that a removed file counts.
inputs=(src package.json package-lock.json tsconfig.json dist/native/rt-addon.bin scripts/build.sh)
if [ ! -e dist/rt ] || [ -n "$(find "${inputs[@]}" ! -name '*.test.ts' -newer dist/rt -print -quit)" ]; then
  "$bun" build --compile --minify --bytecode --splitting --format=esm \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --outfile dist/rt.new src/main.ts >dist/build.log 2>&1 || {
    cat dist/build.log >&2
    die "bun build failed"
  }
  mv -f dist/rt.new dist/rt
fi
