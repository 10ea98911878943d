#!/usr/bin/env bash
# Installs what is missing to build rt; with --tests also what its tests and benchmark talk to.
# Says nothing and changes nothing when all is there.
. "$(dirname "$0")/lib.sh"

[ "$(uname -s)" = Linux ] || die "rt runs on Linux only, this is $(uname -s)"

# --- tools that only the user can choose -------------------------------------------------------
has git || die "git is missing: install it with the system's package manager"
has npm || die "npm is missing: install Node.js 20 or newer (https://nodejs.org)"
has cargo || die "cargo is missing: install Rust (https://rustup.rs)"
want=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
have=$(cd native && cargo --version 2>/dev/null | cut -d' ' -f2) || true
if [ "$(printf '%s\n' "$want" "${have:-0}" | sort -V | head -n 1)" != "$want" ]; then
  die "Rust $want is needed, found '${have:-none}': run 'rustup toolchain install $want'"
fi

# --- Debian packages ---------------------------------------------------------------------------
packages=()
has cc || packages+=(gcc)
[ -n "$(cc -print-file-name=libc.a 2>/dev/null | grep /)" ] || packages+=(libc6-dev)
if [ "${1-}" = --tests ]; then
  for pair in docker-registry skopeo umoci crun tmux openssl ip:iproute2 unshare:util-linux \
    nft:nftables iptables iperf3; do
    has "${pair%%:*}" || packages+=("${pair##*:}")
  done
  if ! has busybox || ldd "$(command -v busybox)" >/dev/null 2>&1; then packages+=(busybox-static); fi
  python3 -c 'import ensurepip' >/dev/null 2>&1 || packages+=(python3 python3-venv)
  # The stock clients alone, where the distribution has them apart from the daemon.
  # A fresh machine has no lists of packages to look that up in.
  if ! { has docker && has docker-compose; } && has apt-get && [ "$(id -u)" = 0 ]; then
    apt-get update -qq >&2
  fi
  for pair in docker:docker-cli docker-compose:docker-compose; do
    if ! has "${pair%%:*}" && has apt-cache && apt-cache show "${pair##*:}" >/dev/null 2>&1; then
      packages+=("${pair##*:}")
    fi
  done
fi
if [ ${#packages[@]} -gt 0 ]; then
  has apt-get || die "these are missing, install them (Debian's names): ${packages[*]}"
  [ "$(id -u)" = 0 ] || die "as root, run: apt-get install -y --no-install-recommends ${packages[*]}"
  say "Installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  # No service of a package is to be started by installing it.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get install -qq -y --no-install-recommends "${packages[@]}" >&2
fi

# --- npm packages ------------------------------------------------------------------------------
if ! cmp -s package-lock.json node_modules/.setup-lock; then
  say "Installing npm packages"
  # Not `npm ci`: it insists on lock entries for every platform's optional packages, which not every
  # registry has. What is locked is still installed in that version and checked against its digest.
  npm install --no-save --loglevel=error >&2
  cp package-lock.json node_modules/.setup-lock
fi
bun_path >/dev/null || die "the pinned Bun does not run on this machine ($ARCH): rt needs x86_64 or aarch64"

# --- Docker's SDK for Python -------------------------------------------------------------------
wanted=tests/compat/sdk/requirements.txt
has_sdk() { cmp -s "$wanted" dist/sdk/.installed && dist/sdk/bin/python -c 'import docker' 2>/dev/null; }
if [ "${1-}" = --tests ] && ! has_sdk; then
  say "Installing Docker's SDK for Python"
  rm -rf dist/sdk
  mkdir -p dist
  # Where it cannot be had, all other tests run still.
  if python3 -m venv dist/sdk &&
    dist/sdk/bin/pip install --quiet --disable-pip-version-check -r "$wanted" >&2; then
    cp "$wanted" dist/sdk/.installed
  else
    say "warning: Docker's SDK for Python could not be installed: its tests cannot run"
  fi
fi
