/**
 * Which files may open a path, and why: `bun scripts/doors.ts`. Everything else opens what it opens by a
 * descriptor, through native/paths, so that no image and no container says what the engine opens.
 * Run by `bun run check`, and by `bun test` through doors.test.ts.
 */
import { Glob } from "bun";

/** Groups of files with one reason; all of them must exist and open a path. */
export interface Door {
  files: readonly string[];
  why: string;
}

export const doors: readonly Door[] = [
  {
    why: "files of the kernel about the host, the engine or a process: /proc, /sys, devices, namespaces",
    files: [
      "native/apparmor/src/kernel.rs",
      "native/layer/src/tree.rs",
      "native/monitor/src/exec.rs",
      "native/monitor/src/launch.rs",
      "native/monitor/src/network.rs",
      "native/monitor/src/streams.rs",
      "native/net/src/netns.rs",
      "native/net/src/ports/choose.rs",
      "native/net/src/rules/round.rs",
      "native/net/src/switch.rs",
      "native/net/src/sysctl.rs",
      "native/resolver/src/sockets.rs",
      "native/sandbox/src/host.rs",
      "native/sandbox/src/inside.rs",
      "native/sandbox/src/share.rs",
      "native/sandbox/src/spawner.rs",
      "native/sandbox/src/sys/mod.rs",
      "native/sandbox/src/sys/pages.rs",
      "src/daemon/containers/devices.ts",
      "src/daemon/containers/defaults.ts",
      "src/daemon/networks/names/resolv-conf.ts",
      "src/daemon/networks/names/service.ts",
      "src/daemon/containers/top/top.ts",
      "src/daemon/engine.ts",
      "src/daemon/info.ts",
      "src/daemon/networks/interfaces.ts",
    ],
  },
  {
    why: "control groups, which the engine makes and names itself",
    files: [
      "native/sandbox/src/cgroup/create.rs",
      "native/sandbox/src/cgroup/freeze.rs",
      "native/sandbox/src/cgroup/layout.rs",
      "native/sandbox/src/cgroup/processes.rs",
      "native/sandbox/src/cgroup/remove.rs",
      "native/sandbox/src/cgroup/reserve.rs",
      "native/sandbox/src/cgroup/settings.rs",
      "native/sandbox/src/cgroup/stats.rs",
      "native/sandbox/src/cgroup/update.rs",
      "src/daemon/containers/cgroups.ts",
    ],
  },
  {
    why: "the child before the pivot: the host's sources of mounts, its own procfs; by paths::host",
    files: [
      "native/sandbox/src/child/device.rs",
      "native/sandbox/src/child/idmap.rs",
      "native/sandbox/src/child/mod.rs",
      "native/sandbox/src/child/mount.rs",
      "native/sandbox/src/child/root.rs",
      "native/sandbox/src/child/rootfs.rs",
      "native/sandbox/src/child/tree.rs",
      "native/sandbox/src/image.rs",
    ],
  },
  {
    why: "the child behind the pivot looks for its program: the container's root is its whole world",
    files: ["native/sandbox/src/child/exec.rs"],
  },
  {
    why: "the engine's own directories and files in the data and run roots, which no container sees",
    files: [
      "native/addon/src/launch.rs",
      "native/layer/src/commit.rs",
      "native/layer/src/compare.rs",
      "native/layer/src/copy_up.rs",
      "native/layer/src/pipeline.rs",
      "native/layer/src/remove.rs",
      "native/layer/src/root.rs",
      "native/layer/src/usage.rs",
      "native/logfile/src/chain.rs",
      "native/logfile/src/files.rs",
      "native/logfile/src/gzip.rs",
      "native/monitor/src/exit.rs",
      "native/monitor/src/queue.rs",
      "native/resolver/src/files.rs",
      "native/sandbox/src/launch.rs",
      "native/tree/src/changes.rs",
      "native/tree/src/pack.rs",
      "src/daemon/networks/names/in-place.ts",
      "src/daemon/networks/names/replaced-file.ts",
      "src/daemon/config.ts",
      "src/daemon/containers/init-layer.ts",
      "src/daemon/containers/logs.ts",
      "src/daemon/containers/reconcile.ts",
      "src/daemon/containers/supervisor.ts",
      "src/daemon/containers/trash.ts",
      "src/daemon/daemon.ts",
      "src/daemon/files/commit.ts",
      "src/daemon/images/archived-image.ts",
      "src/daemon/images/layer-type.ts",
      "src/daemon/images/save.ts",
      "src/daemon/images/spool.ts",
      "src/daemon/http/tcp.ts",
      "src/daemon/http/unix.ts",
      "src/daemon/images/fetch-layer.ts",
      "src/daemon/images/layer-store.ts",
      "src/daemon/images/repair.ts",
      "src/daemon/lock.ts",
      "src/daemon/own-log.ts",
      "src/daemon/volumes/service.ts",
      "src/native.ts",
      "src/oci/durable.ts",
      "src/oci/ingest.ts",
      "src/oci/layout.ts",
      "src/oci/registry/server/append.ts",
      "src/oci/registry/file-body.ts",
      "src/oci/registry/server/blobs.ts",
      "src/oci/registry/server/password-file.ts",
      "src/oci/registry/server/repositories.ts",
      "src/oci/registry/server/upload-store.ts",
    ],
  },
  {
    why: "paths of the host that the caller of the API has named, as root: bind sources, profiles",
    files: [
      "src/daemon/containers/mount-preparer.ts",
      "src/daemon/containers/seccomp.ts",
      "src/daemon/files/service.ts",
    ],
  },
  {
    why: "the user's own files, with the user's rights; names of an archive go by descriptor (copy/unpack.ts)",
    files: [
      "src/cli/output.ts",
      "src/client/autostart.ts",
      "src/client/tls.ts",
      "src/cmd/archive-input.ts",
      "src/cmd/archive-output.ts",
      "src/cmd/registry.ts",
      "src/cmd/copy/local.ts",
      "src/cmd/copy/pack.ts",
      "src/cmd/copy/unpack.ts",
      "src/cmd/login/credentials.ts",
      "src/cmd/manifest/pending.ts",
      "src/cmd/request/create-container.ts",
      "src/cmd/request/environment.ts",
      "src/cmd/request/security.ts",
    ],
  },
];

/** Calls that resolve a path, as rustix and libc name them. */
const calls =
  "open|openat|openat2|mkdir|mkdirat|mknodat|mkfifoat|symlink|symlinkat|link|linkat|unlink|unlinkat|rmdir|" +
  "rename|renameat|renameat_with|readlink|readlinkat|readlinkat_raw|stat|lstat|statat|statx|statfs|statvfs|" +
  "access|accessat|chmod|chmodat|chown|chownat|utimensat|getxattr|lgetxattr|setxattr|lsetxattr|listxattr|" +
  "llistxattr|removexattr|lremovexattr";

const inRust: readonly RegExp[] = [
  new RegExp(`\\bfs::(?:${calls})\\b`),
  new RegExp(`\\buse rustix::fs::\\{[^}]*\\b(?:${calls})\\b[^}]*\\}`),
  new RegExp(`\\blibc::(?:${calls}|fopen|opendir|SYS_open\\w*)\\b`),
  /\bprocess::(?:chdir|chroot|pivot_root)\b/,
  /\bmount::(?:mount|mount_\w+|unmount|open_tree)\b/,
  /\bfs::(?:read|read_to_string|read_dir|read_link|write|copy|create_dir\w*|remove_\w+|hard_link|metadata|symlink_metadata|canonicalize|set_permissions|exists)\b/,
  /\buse std::fs::(?:\{[^}]*\b)?[a-z_]+\b(?!::|[^}]*\bself\b)/,
  // Another name for a module would hide what is called.
  /\buse (?:rustix|std)::fs(?:::\*| as\b)|\bfs as \w+|\buse paths::host(?:::| as\b)|\bhost as \w+/,
  /\bFile::(?:open|create|create_new|options)\b|\bOpenOptions::new\b|\bDirBuilder::new\b/,
  /\.(?:canonicalize|read_dir|read_link|symlink_metadata|try_exists|exists)\(\)/,
  /\b(?:paths::)?host::(?:open|open_file|open_dir|find_dir)\b|\bpaths::host::/,
  /\broot::(?:host_directory|open_host_file)\b/,
];

const inTypeScript: readonly RegExp[] = [
  /\bfrom "(?:node:)?fs(?:\/promises)?"/,
  /\bimport\("(?:node:)?fs(?:\/promises)?"\)|\brequire\("(?:node:)?fs/,
  /\bBun\.(?:file|write|mmap)\b/,
  /\bimport \{[^}]*\b(?:file|write|mmap|Glob)\b[^}]*\} from "bun"/,
];

/** The first thing in a source that opens a path; types do not, nor do comments and unit tests. */
export function findOpening(path: string, source: string): string | undefined {
  const isRust = path.endsWith(".rs");
  const code = (isRust ? withoutTests(source) : source.replace(/^import type .*$/gm, ""))
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "");
  for (const pattern of isRust ? inRust : inTypeScript) {
    const found = pattern.exec(code)?.[0];
    if (found !== undefined) return found.replace(/\s+/g, " ").slice(0, 60);
  }
  return undefined;
}

/** Modules of unit tests stand in the first column and end with a brace there. */
function withoutTests(source: string): string {
  return source.replace(/^#\[cfg\(test\)\]\n(?:pub\S* )?mod \w+ \{[\s\S]*?^\}$/gm, "");
}

/** Every file that opens a path without a door, and every door that leads nowhere. */
export function findBreaches(
  sources: ReadonlyMap<string, string>,
  table: readonly Door[] = doors,
): string[] {
  const listed = table.flatMap((door) => door.files);
  const breaches: string[] = [];
  for (const [path, source] of sources) {
    const opening = findOpening(path, source);
    if (opening === undefined || listed.includes(path)) continue;
    breaches.push(
      `${path} opens a path (${opening}): use native/paths, or give a reason in doors.ts`,
    );
  }
  for (const path of listed) {
    const source = sources.get(path);
    if (source === undefined)
      breaches.push(`${path} is named in scripts/doors.ts but does not exist`);
    else if (findOpening(path, source) === undefined)
      breaches.push(`${path} is named in scripts/doors.ts but opens nothing`);
  }
  return breaches;
}

/** All sources that become part of rt, without native/paths itself. */
export async function readSources(root: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const pattern of ["native/*/src/**/*.rs", "src/**/*.ts"]) {
    for await (const path of new Glob(pattern).scan({ cwd: root })) {
      const isTest = /(?:\.test\.ts|\.d\.ts|\/tests?\.rs|_test\.rs|\/testing\.rs)$|\/tests\//.test(
        path,
      );
      if (isTest || /^native\/(?:paths|hello|target)\//.test(path)) continue;
      sources.set(path, await Bun.file(`${root}/${path}`).text());
    }
  }
  return sources;
}

if (import.meta.main) {
  const breaches = findBreaches(await readSources(`${import.meta.dir}/..`));
  for (const breach of breaches) console.error(breach);
  process.exit(breaches.length === 0 ? 0 : 1);
}
