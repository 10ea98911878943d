#!/usr/bin/env bash
# Everything that can be said about the code without running an engine: `bun run check`.
# Runs all steps, shows the output of those that fail. Test counts go to dist/results.
. "$(dirname "$0")/lib.sh"

./scripts/setup.sh
mkdir -p dist/log
: >dist/results
bun=$(bun_path)
export RT_MONITOR_PATH=$ROOT/dist/native/rt-monitor
failed=0

# step NAME COMMAND…: the name doubles as the name of its log.
step() {
  local name=$1 log="dist/log/${1// /-}.log" from=$SECONDS
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    say "ok    $name ($((SECONDS - from)) s)"
  else
    cat "$log" >&2
    say "FAIL  $name: $*"
    failed=1
    case $name in *tests) ;; *) echo "0 1 $name" >>dist/results ;; esac
  fi
  case $name in
    "unit tests") ./scripts/count.sh bun "$log" >>dist/results ;;
    "cargo tests") ./scripts/count.sh cargo "$log" >>dist/results ;;
  esac
}

cargo_tests() {
  # Compiling may fetch crates; the tests themselves run cut off from the machine.
  cargo test --quiet --workspace --exclude rt-addon --no-run && isolated cargo test --offline --workspace --exclude rt-addon
}

locks() {
  npm ls --all >/dev/null && cd native && cargo metadata --locked --format-version 1 >/dev/null
}

in_native() { (cd native && "$@"); }

step "build" ./scripts/build.sh --tests
step "format and lint" node_modules/.bin/biome ci --colors=off --max-diagnostics=100 --error-on-warnings
step "types" node_modules/.bin/tsc --noEmit
step "import table" "$bun" scripts/deps.ts
step "doors to paths" "$bun" scripts/doors.ts
step "unit tests" isolated "$bun" test src scripts
step "cargo fmt" in_native cargo fmt --all --check
step "cargo clippy" in_native cargo clippy --quiet --workspace --all-targets -- -D warnings
step "cargo tests" in_native cargo_tests
step "lock files" locks
exit "$failed"
