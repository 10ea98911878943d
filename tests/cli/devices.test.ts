import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();
/** The kernel's log: a device that no container has of itself. */
const number = "1 11";

test("a device that was not given cannot be used, whatever node is made for it", async () => {
  const ran = await stage().sh(`mknod /tmp/k c ${number} && : >/tmp/k`);
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain("Operation not permitted");
});

test("--device makes the node, with the host's mode, and allows its use", async () => {
  const { world } = stage();
  const ran = await stage().sh(": >/dev/kmsg && stat -c '%F %t:%T %a' /dev/kmsg", [
    "--device",
    "/dev/kmsg",
  ]);
  const host = await world.run(["stat", "-c", "%F %t:%T %a", "/dev/kmsg"]);
  expect(ran).toEqual({ code: 0, stdout: host.stdout, stderr: "" });
});

test("--device takes another path and fewer rights", async () => {
  const ran = await stage().sh("ls /opt/log; (: >/opt/log) || echo refused", [
    "--device",
    "/dev/kmsg:/opt/log:r",
  ]);
  expect(ran.stdout).toBe("/opt/log\nrefused\n");
  expect(ran.stderr).toContain("Operation not permitted");
  expect(ran.code).toBe(0);
});

test("a container with a device outside of /dev starts again", async () => {
  const { world } = stage();
  const flags = ["--name", "again", "--device", "/dev/kmsg:/opt/log"];
  await world.rtOutput(["run", ...flags, "busybox", "ls", "/opt/log"]);
  expect(await world.rtOutput(["start", "-a", "again"])).toBe("/opt/log");
  const devices = await world.rtOutput(["inspect", "-f", "{{json .HostConfig.Devices}}", "again"]);
  expect(JSON.parse(devices)).toEqual([
    { PathOnHost: "/dev/kmsg", PathInContainer: "/opt/log", CgroupPermissions: "rwm" },
  ]);
  await world.rtOutput(["rm", "again"]);
});

test("a directory stands for the devices in it", async () => {
  const ran = await stage().sh("ls /dev/net", ["--device", "/dev/net"]);
  expect(ran.stdout).toBe("tun\n");
});

test("--device-cgroup-rule allows what is made in the container", async () => {
  const script = `mknod /tmp/k c ${number} && : >/tmp/k && echo used`;
  const ran = await stage().sh(script, ["--device-cgroup-rule", "c 1:* rwm"]);
  expect(ran).toEqual({ code: 0, stdout: "used\n", stderr: "" });
});

test("a privileged container has all devices", async () => {
  const ran = await stage().sh("test -c /dev/kmsg && : >/dev/kmsg && ls /dev/loop0", [
    "--privileged",
  ]);
  expect(ran).toEqual({ code: 0, stdout: "/dev/loop0\n", stderr: "" });
});

test("what is no device, or not there, is refused in Docker's words", async () => {
  const words = (path: string, why: string) =>
    `error gathering device information while adding custom device "${path}": ${why}`;
  const absent = await stage().sh("true", ["--device", "/dev/absent"]);
  expect(absent.code).toBe(125);
  expect(absent.stderr).toContain(words("/dev/absent", "no such file or directory"));
  const file = await stage().sh("true", ["--device", "/etc/passwd"]);
  expect(file.stderr).toContain(words("/etc/passwd", "not a device node"));
});

test("a rule that cannot be read is refused by the engine too, and GPUs are named as not there", async () => {
  const { daemon } = stage();
  const create = (HostConfig: object) =>
    daemon.post("/containers/create", { Image: "busybox", HostConfig });
  const rule = await create({ DeviceCgroupRules: ["c 1:2:3 rwm"] });
  expect(rule.status).toBe(400);
  expect(await rule.text()).toContain("invalid device cgroup rule format: 'c 1:2:3 rwm'");
  const gpu = await create({
    DeviceRequests: [{ Driver: "", Count: -1, Capabilities: [["gpu"]] }],
  });
  expect(gpu.status).toBe(501);
  expect(await gpu.text()).toContain("could not select device driver");
});
