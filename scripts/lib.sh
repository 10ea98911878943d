# Shared by the scripts: where things are and how to say what is wrong. Sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
ARCH=$(uname -m)
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/native/target}

say() { printf '%s\n' "$@" >&2; }
die() {
  say "error: $*"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# Prints the path of the pinned Bun. It lies in a package of its own, so no install script is needed.
bun_path() {
  local cpu=x64 libc= path
  [ "$ARCH" = aarch64 ] && cpu=aarch64
  [ -e "/lib/ld-musl-$ARCH.so.1" ] && libc=-musl
  for path in "node_modules/@oven/bun-linux-$cpu$libc"{,-baseline}/bin/bun; do
    if "$ROOT/$path" --revision >/dev/null 2>&1; then
      printf '%s\n' "$ROOT/$path"
      return
    fi
  done
  return 1
}

# Runs a command as root, by sudo where this is not root already.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    die "this needs root: run it again as root"
  fi
}

# Runs a command in network and mount namespaces of its own (loopback up), so that nothing it does
# meets the machine's interfaces, firewall or mounts.
isolated() {
  # shellcheck disable=SC2016
  as_root unshare --net --mount --propagation private -- sh -c 'ip link set lo up && exec "$@"' isolated "$@"
}
