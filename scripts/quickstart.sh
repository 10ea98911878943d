#!/usr/bin/env bash
# From a fresh machine to a container's words: installs what is missing, builds dist/rt and ends
# with `dist/rt run hello-world`. With --keep the daemon stays, and it says how to reach it.
#
# Where Docker Hub is out of reach the image, built from native/hello, comes from rt's own registry;
# all of it then runs in network and mount namespaces of its own, since nothing outside is needed.
. "$(dirname "$0")/lib.sh"

keep=
[ "${1-}" = --keep ] && keep=1 && shift

if [ "${1-}" != --inside ]; then
  ./scripts/setup.sh
  ./scripts/build.sh
  probe='await fetch("https://registry-1.docker.io/v2/", { signal: AbortSignal.timeout(3000) })'
  if "$(bun_path)" -e "$probe" >/dev/null 2>&1; then
    as_root "$0" ${keep:+--keep} --inside
    exit
  fi
  say "Docker Hub is out of reach: using rt's own registry"
  isolated "$0" ${keep:+--keep} --inside --own-registry
  exit
fi

dir=$(mktemp -d /tmp/rt-quickstart.XXXXXX)
export RT_HOST=unix://$dir/rt.sock
pids=()
finish() {
  [ -n "$keep" ] && return
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$dir"
}
trap finish EXIT

# start NAME READY COMMAND…: runs a server until the end and waits until READY succeeds.
start() {
  local name=$1 ready=$2
  shift 2
  "$@" >"$dir/$name.log" 2>&1 &
  pids+=($!)
  until $ready 2>/dev/null; do
    kill -0 $! 2>/dev/null || die "rt $name ended: $(cat "$dir/$name.log")"
    sleep 0.05
  done
}
listens() { (: </dev/tcp/127.0.0.1/5000); }
answers() { dist/rt version >/dev/null; }

mirror=()
if [ "${2-}" = --own-registry ]; then
  start registry listens dist/rt registry --root "$dir/registry" --listen 127.0.0.1:5000
  "$(bun_path)" scripts/hello-image.ts http://127.0.0.1:5000 library/hello-world:latest
  mirror=(--registry-mirror http://127.0.0.1:5000)
fi
start daemon answers dist/rt daemon --data-root "$dir/data" --run-root "$dir/run" -H "$RT_HOST" "${mirror[@]}"

for _ in first second; do
  say "" "\$ dist/rt run hello-world"
  dist/rt run hello-world
done
[ -z "$keep" ] || say "" "The daemon stays: export RT_HOST=$RT_HOST; end it with: kill ${pids[*]}; rm -rf $dir"
