/** Published ports and the daemon's end. */
import { expect, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import { Envoy } from "../support/envoy.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

const restarted = (): Promise<Daemon> => {
  const { world, registry } = stage();
  return world.daemon({ mirrors: [registry.url] });
};

test("ports stay published while the daemon is dead, connections live on, and the next daemon holds them", async () => {
  const { world } = stage();
  const run = [
    "run",
    "-d",
    "--name",
    "web",
    "-p",
    "8080:80",
    "-p",
    "8081:81",
    "-P",
    "--expose",
    "53/udp",
  ];
  const id = await world.rtOutput([...run, "busybox", "sleep", "1000"]);
  const pid = Number(await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]));
  using web = Envoy.in(world, pid);
  using host = Envoy.in(world);
  await web.serve("web", { port: 80 });
  const before = await world.rtOutput(["port", id]);
  const place = { address: "127.0.0.1", port: 8080, timeout: 1000 };
  await host.stream(place);
  await world.daemonAlive().kill();
  expect(await host.call(place)).toMatchObject({ server: "web" });
  // Nobody holds the ports now.
  await host.serve("foreign", { address: "0.0.0.0", port: 8081 });
  const daemon = await restarted();
  expect(await daemon.log()).toContain("failed to bind host port for 0.0.0.0:8081:");
  expect(await world.rtOutput(["port", id])).toBe(before);
  expect(await host.call(place)).toMatchObject({ server: "web" });
  await expect(host.serve("foreign", { address: "0.0.0.0", port: 8080 })).rejects.toThrow(
    "EADDRINUSE",
  );
  const taken = await world.rt(["run", "-p", "8080:80", "busybox", "true"]);
  expect(taken.stderr).toContain("port is already allocated");
  // A start writes rules: those of what ran before are among them.
  await world.rtOutput([
    "run",
    "-d",
    "--name",
    "other",
    "-p",
    "8082:80",
    "busybox",
    "sleep",
    "1000",
  ]);
  expect(await host.call(place)).toMatchObject({ server: "web" });
  const [stream] = await host.streams();
  expect(stream?.error).toBeNull();
  await host.hush();
  await world.rtOutput(["rm", "-f", "web", "other"]);
  await expect(host.call(place)).rejects.toThrow("ECONNREFUSED");
  await host.serve("foreign", { address: "0.0.0.0", port: 8080 });
});

test("a port is free after a restart if its container ended meanwhile", async () => {
  const { world } = stage();
  const script = "read x <&- ; nc -l -p 80 >/dev/null";
  const id = await world.rtOutput(["run", "-d", "-p", "8090:80", "busybox", "sh", "-c", script]);
  await world.daemonAlive().kill();
  await world.run(["busybox", "nc", "-w", "2", "127.0.0.1", "8090"], { stdin: "end\n" });
  await world.monitorsEnd();
  await restarted();
  expect(await world.rtOutput(["inspect", "-f", "{{.State.Status}}", id])).toBe("exited");
  using host = Envoy.in(world);
  await host.serve("foreign", { address: "0.0.0.0", port: 8090 });
  await expect(host.call({ address: "127.0.0.1", port: 8090 })).resolves.toMatchObject({
    server: "foreign",
  });
});

test("a port that was given back can be taken at once, whatever is being started", async () => {
  const { world } = stage();
  const sleeper = ["busybox", "sleep", "1000"];
  const web = await world.rtOutput(["create", "-p", "8090:80", "--stop-timeout", "0", ...sleeper]);
  const others = await Promise.all(
    Array.from({ length: 4 }, () => world.rtOutput(["create", "--network", "none", ...sleeper])),
  );
  const daemon = world.daemonAlive();
  const restart = async (id: string, times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      const reply = await daemon.post(`/containers/${id}/restart?t=0`);
      if (!reply.ok) throw new Error(await reply.text());
    }
  };
  await Promise.all([restart(web, 60), ...others.map((id) => restart(id, 30))]);
  await world.rtOutput(["rm", "-f", web, ...others]);
});
