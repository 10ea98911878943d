import { expect, test } from "bun:test";
import type { HostConfig } from "../../api/types.ts";
import { parseSysctls } from "./sysctls.ts";

const judge = (name: string, host: HostConfig = {}) =>
  parseSysctls({ ...host, Sysctls: { [name]: "1" } });

test("what belongs to a namespace of the container may be set, by dots or slashes", () => {
  for (const name of [
    ...["net.ipv4.ip_forward", "net/ipv4/ip_forward", "net/ipv4/conf/eth0.100/forwarding"],
    ...["net.ipv4.conf.eth0/100.forwarding", "kernel.shmmax", "kernel/shmmax", "kernel.sem"],
    ...["kernel.shm_rmid_forced", "fs.mqueue.msg_max", "fs/mqueue/msg_max", "kernel.domainname"],
  ])
    expect(judge(name), name).toEqual({ [name]: "1" });
});

test("what is the host's is refused in Docker's words", () => {
  for (const name of ["kernel.panic", "vm.swappiness", "kernel.shm_next_id", "fs.file-max", "net"])
    expect(() => judge(name), name).toThrow(
      `sysctl "${name}" is not in a separate kernel namespace`,
    );
  expect(() => judge("kernel.hostname")).toThrow('conflicts with the OCI "hostname" field');
  expect(() => judge("kernel.domainname", { UTSMode: "host" })).toThrow(
    "separate kernel namespace",
  );
});

test("the namespaces of the host are the host's", () => {
  for (const name of ["net.core.somaxconn", "net/core/somaxconn"])
    expect(() => judge(name, { NetworkMode: "host" }), name).toThrow(
      "not allowed in host network namespace",
    );
  for (const name of ["kernel.msgmax", "fs.mqueue.queues_max"])
    expect(() => judge(name, { IpcMode: "host" }), name).toThrow(
      "is not allowed in the hosts ipc namespace",
    );
});

test("a name that would lead elsewhere is none", () => {
  for (const name of [
    "net/../kernel/panic",
    "net..core",
    "net/",
    "net.ipv4. x",
    "net.a\nb",
    "",
    "/net/x",
  ])
    expect(() => judge(name), JSON.stringify(name)).toThrow(/is not a valid name|separate kernel/);
});
