import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { findMounts } from "../support/golden/mounts.ts";
import { type Found, useProbe } from "../support/probe.ts";

const stage = useProbe();

/** "limits.nofile" → value; what differs between any two runs is left out. */
function flatten(found: Found): Map<string, string> {
  const { keyring: _, namespaces, ...rest } = found;
  const { outside } = stage();
  const shared = Object.keys(namespaces).filter(
    (name) => namespaces[name] === outside.namespaces[name],
  );
  const { hostname, cgroup, ...process } = rest.process;
  const own = String(hostname).match(/^[0-9a-f]{12}$/) ? {} : { hostname };
  const groups = { ...rest, mounts: findMounts(found), process: { ...process, ...own } };
  const flat = new Map([["namespaces shared with the machine", shared.join(" ")]]);
  for (const [section, fields] of Object.entries(groups)) {
    for (const [name, value] of Object.entries(fields)) {
      flat.set(`${section} ${name}`, typeof value === "string" ? value : JSON.stringify(value));
    }
  }
  return flat;
}

/** What differs, as found in the second. */
function compare(before: Map<string, string>, after: Map<string, string>): Record<string, string> {
  const names = new Set([...before.keys(), ...after.keys()]);
  const changed = [...names].filter((name) => before.get(name) !== after.get(name));
  return Object.fromEntries(changed.map((name) => [name, after.get(name) ?? "gone"]));
}

/** A device of the machine that is not a container's own and does nothing when it is opened. */
const device = ["fuse", "kvm", "userfaultfd"].find((name) => existsSync(`/dev/${name}`)) ?? "fuse";

interface Change {
  flags: string[];
  /** Of `exec` instead. */
  exec?: true;
  changed: Record<string, string> | ((outside: Found) => Record<string, string>);
}

const table: Record<string, Change> = {
  "--group-add": {
    flags: ["--group-add", "7", "--group-add", "2147483647"],
    changed: { "groups groups": "[0,7,2147483647]" },
  },
  "--ulimit": {
    flags: ["--ulimit", "nofile=100:200", "--ulimit", "core=0"],
    changed: { "limits nofile": "[100,200]", "limits core": "[0,0]" },
  },
  "--sysctl": {
    flags: ["--sysctl", "kernel.msgmax=4096", "--sysctl", "net.ipv4.ping_group_range=5 6"],
    changed: { "sysctls kernel.msgmax": "4096", "sysctls net.ipv4.ping_group_range": "5 6" },
  },
  "--device": {
    flags: ["--device", `/dev/${device}`],
    changed: ({ devices, made }) => ({
      [`devices ${device}`]: JSON.stringify(devices[device]),
      [`made ${device}`]: JSON.stringify(made[device]),
    }),
  },
  "--device under another name, for reading": {
    flags: ["--device", `/dev/${device}:/dev/other:r`],
    changed: ({ devices, made }) => ({
      "devices other": JSON.stringify(devices[device]),
      [`made ${device}`]: JSON.stringify(made[device]),
    }),
  },
  "--device-cgroup-rule": {
    flags: ["--device-cgroup-rule", "c 10:200 rwm"],
    changed: ({ made }) => ({ "made tun": JSON.stringify(made.tun) }),
  },
  "--oom-score-adj": {
    flags: ["--oom-score-adj", "500"],
    changed: { "process oomScoreAdj": "500" },
  },
  "-w, -e and --hostname": {
    flags: ["-w", "/new/work", "-e", "A=1", "--hostname", "name"],
    changed: {
      "process cwd": "/new/work",
      "process env": '["A","HOME","HOSTNAME","PATH"]',
      "process hostname": "name",
    },
  },
  "--domainname": {
    flags: ["--domainname", "example.org"],
    changed: { "sysctls kernel.domainname": "example.org" },
  },
  "--shm-size": {
    flags: ["--shm-size", "1m"],
    changed: { "mounts /dev/shm": "tmpfs rw,nosuid,nodev,noexec,relatime" },
  },
  "--tmpfs": {
    flags: ["--tmpfs", "/run"],
    changed: { "mounts /run": "tmpfs rw" },
  },
  "--security-opt writable-cgroups=true": {
    flags: ["--security-opt", "writable-cgroups=true"],
    changed: {
      "mounts /sys/fs/cgroup": "cgroup rw,nosuid,nodev,noexec,relatime",
      "paths /sys/fs/cgroup": JSON.stringify({ content: "full", kind: "directory", write: "ok" }),
    },
  },
  "--security-opt seccomp=unconfined": {
    flags: ["--security-opt", "seccomp=unconfined"],
    changed: { "capabilities Seccomp": "0", "capabilities Seccomp_filters": "0" },
  },
  "--security-opt apparmor=unconfined": {
    flags: ["--security-opt", "apparmor=unconfined"],
    // Where the machine has AppArmor.
    changed: ({ process }) =>
      process.label === "unconfined" ? { "process label": "unconfined" } : {},
  },
  "--network host": {
    flags: ["--network", "host"],
    changed: ({ sysctls, process }) => ({
      "namespaces shared with the machine": "net user",
      "process hostname": String(process.hostname),
      ...Object.fromEntries(
        Object.entries(sysctls)
          .filter(([name]) => name.startsWith("net."))
          .map(([name, value]) => [`sysctls ${name}`, value]),
      ),
    }),
  },
  "--ipc host": {
    flags: ["--ipc", "host"],
    changed: (outside) => ({
      "namespaces shared with the machine": "ipc user",
      "mounts /dev/shm": findMounts(outside)["/dev/shm"] ?? "gone",
    }),
  },
  "--uts host": {
    flags: ["--uts", "host"],
    changed: ({ process }) => ({
      "namespaces shared with the machine": "user uts",
      "process hostname": String(process.hostname),
    }),
  },
  "--cgroupns host": {
    flags: ["--cgroupns", "host"],
    changed: { "namespaces shared with the machine": "cgroup user" },
  },
  "exec -u, -w and -e": {
    exec: true,
    flags: ["-u", "0:8", "-w", "/proc", "-e", "A=1"],
    changed: {
      "groups gid": "[8,8,8]",
      "groups groups": "[8]",
      "process cwd": "/proc",
      "process env": '["A","HOME","HOSTNAME","PATH"]',
    },
  },
};

for (const [name, { flags, exec, changed }] of Object.entries(table)) {
  test(`${name}: changes what it says, and nothing else`, async () => {
    const start = async (own: string[]) =>
      flatten(exec ? await stage().exec(own) : await stage().run(own));
    const expected = typeof changed === "function" ? changed(stage().outside) : changed;
    expect(compare(await start([]), await start(flags))).toEqual(expected);
  });
}
