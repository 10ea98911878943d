#!/usr/bin/env bash
# Measures rt next to docker, podman and crun where they are on PATH; needs root.
#   -n ROUNDS      rounds per table (20)
#   --only A,B     some of: startup, run, api, starts, pull, memory, exec, stop, output, log, logs, parallel, pss,
#                  isolation, network
#   --image REF    what is pulled: anything skopeo can read, such as docker://… or oci:DIR
#                  (without it images made of this machine's own files; takes some 30 GB for a while)
# All engines run in network, mount and process namespaces that end with the benchmark.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || die "the benchmark starts containers and needs root: run it again with sudo"
./scripts/setup.sh --tests
./scripts/build.sh
bun=$(bun_path)
dir=$(mktemp -d /tmp/rt-bench-XXXXXX)
finish() {
  # What ran in the cgroups has been killed with the namespace, but may take a moment to be gone.
  for _ in $(seq 50); do
    find /sys/fs/cgroup -depth -type d -path "*/${dir##*/}*" -exec rmdir {} + 2>/dev/null
    [ -n "$(find /sys/fs/cgroup -maxdepth 3 -name "${dir##*/}" -print -quit)" ] || break
    sleep 0.1
  done
  rm -rf "$dir"
}
trap finish EXIT
"$bun" build --compile --minify --bytecode --format=esm --no-compile-autoload-dotenv \
  --no-compile-autoload-bunfig --outfile "$dir/bare" scripts/bench/bare.ts >/dev/null
cc -O2 -static -o "$dir/floor" scripts/bench/floor.c
# crun, and so podman, refuses hosts that have v1 and v2 controllers at once: there all engines are
# shown the v1 half alone.
inside='ip link set lo up && mount -t tmpfs none /run &&
  if grep -qs . /sys/fs/cgroup/unified/cgroup.controllers; then umount /sys/fs/cgroup/unified; fi && exec "$@"'
unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private -- \
  sh -c "$inside" bench "$bun" scripts/bench.ts "$dir" "$@"
