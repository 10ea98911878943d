/** Requests that a person would think of: one per line, each with the reason in its name. */
import type { Fixtures } from "./generate.ts";
import { Fields, type Json, nested, Raw, writeJson } from "./json.ts";
import type { Random } from "./random.ts";
import { buildRequest, encode, type HostileRequest, mayWait } from "./request.ts";
import { hostileTar } from "./tar.ts";
import { hostileNumber, hostileText, inheritedNames } from "./values.ts";

interface Made {
  method: string;
  target: string;
  body?: Uint8Array | undefined;
  headers?: [string, string][];
}

type Make = (random: Random, container: string) => Made;

const create = (fields: Record<string, Json>, name = ""): Made => ({
  ...{ method: "POST", target: `/containers/create${name === "" ? "" : `?name=${name}`}` },
  body: encode(
    writeJson(
      Fields.of({
        ...{ Image: "busybox", Cmd: ["true"] },
        HostConfig: Fields.of({ NetworkMode: "none" }),
        ...fields,
      }),
    ),
  ),
});

const host = (fields: Record<string, Json>): Made =>
  create({ HostConfig: Fields.of({ NetworkMode: "none", ...fields }) });

const pollution = Fields.of({ isAdmin: true, Image: "busybox", HostConfig: Fields.of({}) });

/** Fields whose keys a client chooses. */
const maps: Record<string, (map: Fields) => Made> = {
  Labels: (map) => create({ Labels: map }),
  Volumes: (map) => create({ Volumes: map }),
  ExposedPorts: (map) => create({ ExposedPorts: map }),
  EndpointsConfig: (map) => create({ NetworkingConfig: Fields.of({ EndpointsConfig: map }) }),
  LogConfig: (map) => host({ LogConfig: Fields.of({ Type: "json-file", Config: map }) }),
  Sysctls: (map) => host({ Sysctls: map }),
  Tmpfs: (map) => host({ Tmpfs: map }),
  StorageOpt: (map) => host({ StorageOpt: map }),
  Annotations: (map) => host({ Annotations: map }),
  PortBindings: (map) => host({ PortBindings: map }),
  DriverOpts: (map) => ({
    ...{ method: "POST", target: "/volumes/create" },
    body: encode(writeJson(Fields.of({ Name: "fuzz-opts", DriverOpts: map }))),
  }),
};

const makers: Record<string, Make> = {
  "an inherited name as the key of a map": (random) => {
    const value = random.pick<Json>(["x", Fields.of({}), null, pollution, [], 1]);
    return (maps[random.pick(Object.keys(maps))] ?? maps.Labels)?.(
      new Fields([[random.pick(inheritedNames), value]]),
    ) as Made;
  },
  "an inherited name as a type": (random) => {
    const name = random.pick(inheritedNames);
    return random.pick([
      host({ Mounts: [Fields.of({ Type: name, Target: "/mnt", Source: "/etc" })] }),
      host({ LogConfig: Fields.of({ Type: name, Config: Fields.of({}) }) }),
      host({ Ulimits: [Fields.of({ Name: name, Soft: 1, Hard: 1 })] }),
      host({ RestartPolicy: Fields.of({ Name: name }) }),
      host({ CapAdd: [name] }),
      host({ SecurityOpt: [name, `${name}=${name}`] }),
      host({ NetworkMode: name }),
      create({ StopSignal: name }),
      create({ Healthcheck: Fields.of({ Test: [name] }) }),
      create({ Image: name }),
    ]);
  },
  "pollution of the prototype": (random) =>
    random.pick([
      create({ Image: "busybox", "": pollution }),
      {
        ...{ method: "POST", target: "/containers/create" },
        body: encode(writeJson(new Fields([["__proto__", pollution]]))),
      },
      {
        ...{ method: "POST", target: "/containers/create" },
        body: encode('{"Image":"none","constructor":{"prototype":{"polluted":true}}}'),
      },
    ]),
  depth: (random) => {
    const deep = nested(
      random.pick([64, 65, 100, 10_000, 100_000]),
      random.pick(["[", '{"a":'] as const),
    );
    return random.pick([
      create({ Labels: deep }),
      create({ Unknown: deep }),
      { method: "POST", target: "/containers/create", body: encode(deep.text) },
      { method: "POST", target: "/volumes/create", body: encode(deep.text) },
      { method: "POST", target: "/containers/create", body: encode("[".repeat(500_000)) },
      {
        method: "GET",
        target: `/containers/json?filters=${encodeURIComponent(deep.text.slice(0, 9000))}`,
      },
    ]);
  },
  "keys that come twice": () => ({
    ...{ method: "POST", target: "/containers/create" },
    body: encode('{"Image":"busybox","Image":7,"Cmd":["true"],"Cmd":"x","image":"none"}'),
  }),
  "a name": (random) =>
    create({}, encodeURIComponent(hostileText(random).slice(0, 12_000).toWellFormed())),
  "an environment": (random) => {
    const texts = [hostileText(random), "=x", "", "A", "A=\0", `A=${"x".repeat(200_000)}`, "A\n=1"];
    return create({ Env: [random.pick(texts), random.pick(texts)] });
  },
  ports: (random) => {
    const port = random.pick([
      "x",
      "0",
      "65536/tcp",
      "80/none",
      "80-",
      "90-80/tcp",
      "1-65535",
      "-1/udp",
      "/",
    ]);
    return create({ ExposedPorts: new Fields([[port, Fields.of({})]]) });
  },
  "a volume's place": (random) => {
    const place = random.pick([
      "",
      ".",
      "x",
      "/",
      "/..",
      "/a/../..",
      "/proc",
      "/a:ro",
      "/\n",
      "//",
      "/a\0",
    ]);
    return create({ Volumes: new Fields([[place, Fields.of({})]]) });
  },
  "a host name": (random) =>
    create({
      Hostname: random.pick([
        "-x",
        "x-",
        "a b",
        "é",
        "x".repeat(65),
        "a..b",
        "a\n127.0.0.1 evil",
        "\0",
      ]),
      Domainname: random.pick(["", ".", "a\nb", "x".repeat(300)]),
    }),
  "a user": (random) =>
    create({
      User: random.pick(["-1", "4294967296", "a:b:c", ":", "0:0:0", "x\ny", "99999999999", " "]),
    }),
  "a stop": (random) =>
    create({
      StopSignal: random.pick(["", "0", "65", "SIGNOPE", "SIGRTMIN+99", "-9", "9e0", "KILL "]),
      StopTimeout: new Raw(random.pick(["-1", "-2", "1e9", "9007199254740991", "1.5", '"1"'])),
    }),
  "a health check": (random) =>
    create({
      Healthcheck: Fields.of({
        Test: random.pick<Json>([
          [],
          ["NOPE"],
          ["CMD"],
          ["CMD-SHELL", "a", "b"],
          [""],
          ["NONE", "x"],
        ]),
        [random.pick(["Interval", "Timeout", "StartPeriod", "Retries", "StartInterval"])]: new Raw(
          random.pick(["-1", "1", "999999", "1e300", "9223372036854775807", "0.5"]),
        ),
      }),
    }),
  limits: (random) =>
    host({
      [random.pick([
        ...[
          "Memory",
          "MemorySwap",
          "MemoryReservation",
          "MemorySwappiness",
          "NanoCpus",
          "CpuShares",
        ],
        ...["CpuPeriod", "CpuQuota", "PidsLimit", "ShmSize", "OomScoreAdj", "BlkioWeight"],
        ...[
          "KernelMemoryTCP",
          "CpuRealtimePeriod",
          "CpuRealtimeRuntime",
          "CpuCount",
          "IOMaximumIOps",
        ],
      ])]: new Raw(hostileNumber(random)),
    }),
  processors: (random) =>
    host({
      [random.pick(["CpusetCpus", "CpusetMems"])]: random.pick([
        ...[
          "-1",
          "0-",
          "99999",
          "0,,1",
          "1-0",
          "0-4294967295",
          "0-99999999999999999999",
          " 0",
          "0\n",
        ],
        Array.from({ length: 20_000 }, () => "0").join(","),
      ]),
    }),
  "the regular expression of a log's labels": (random) => {
    const regex = random.pick(["(a+)+$", "(", "((a*)*)*b", "a".repeat(5000), "(?=x)", "\\1"]);
    return create({
      ...{ Labels: Fields.of({ ["a".repeat(40)]: "x" }), Env: [`${"a".repeat(40)}!=x`] },
      HostConfig: Fields.of({
        NetworkMode: "none",
        LogConfig: Fields.of({
          Type: "json-file",
          Config: Fields.of({ "labels-regex": regex, "env-regex": regex }),
        }),
      }),
    });
  },
  "a log's options": (random) => {
    const name = random.pick([
      "max-size",
      "max-file",
      "compress",
      "mode",
      "max-buffer-size",
      "tag",
      "labels",
    ]);
    const value = random.pick([
      "-1",
      "0",
      "1e9",
      "9".repeat(400),
      "x",
      "{{.X}}",
      "{{",
      "\0",
      "1kk",
      " ",
    ]);
    return host({
      LogConfig: Fields.of({ Type: "json-file", Config: Fields.of({ [name]: value }) }),
    });
  },
  "a terminal's size": (random, container) => ({
    ...{ method: "POST" },
    target: `/containers/${container}/resize?h=${hostileNumber(random)}&w=${hostileNumber(random)}`,
  }),
  "a signal": (random, container) => ({
    ...{ method: "POST" },
    target: `/containers/${container}/kill?signal=${encodeURIComponent(
      random.pick(["0", "65", "-9", "NOPE", "9 ", "\0", "SIGSIG", "RTMIN+31", "1e1", "__proto__"]),
    )}`,
  }),
  "a patience": (random, container) => ({
    ...{ method: "POST" },
    target: `/containers/${container}/stop?t=${random.pick(["-1", "-9999999999", "1e9", "x", "99999999999999", ""])}`,
  }),
  moments: (random, container) => {
    const time = random.pick([
      ...["-1", "99999999999", "99999999999999999999", "1e400", "0.0000000001", "NaN", "yesterday"],
      ...[
        "2006-13-45T99:99:99Z",
        "9999-12-31T23:59:59Z",
        "+275760-09-13T00:00:00Z",
        "-1h",
        "1h",
        "\0",
      ],
    ]);
    const of = random.pick([
      "/events?until=1&since",
      "/events?until",
      `/containers/${container}/logs?stdout=1&since`,
      `/containers/${container}/logs?stdout=1&until`,
    ]);
    return { method: "GET", target: `${of}=${encodeURIComponent(time)}` };
  },
  "a tail": (random, container) => ({
    ...{ method: "GET" },
    target: `/containers/${container}/logs?stdout=1&tail=${random.pick(["-1", "1e9", "999999999999999", "x", "all", "NaN"])}`,
  }),
  "how many": (random) => ({
    ...{ method: "GET" },
    target: `/containers/json?all=1&limit=${hostileNumber(random)}&size=1`,
  }),
  "ps's arguments": (random, container) => ({
    ...{ method: "GET" },
    target: `/containers/${container}/top?ps_args=${encodeURIComponent(
      random.pick([
        "-o",
        "-o pid,pid,x",
        "--help",
        "; id",
        "-o pid=\0",
        "$(id)",
        "a".repeat(9000),
        "-C x",
      ]),
    )}`,
  }),
  "an archive": (random, container) => ({
    ...{ method: "PUT", headers: [["Content-Type", "application/x-tar"]] },
    target: `/containers/${container}/archive?path=${random.pick(["/tmp", "/", "/none", "/etc/passwd", "/proc", "%00", "/tmp/.."])}`,
    body: hostileTar(random),
  }),
  "a path": (random, container) => ({
    ...{ method: random.pick(["GET", "HEAD"]) },
    target: `/containers/${container}/archive?path=${encodeURIComponent(
      random.pick([
        ...[
          "..",
          "/../../../etc/shadow",
          "/etc/passwd/",
          "/tmp/\0",
          "a".repeat(5000),
          "/a/".repeat(2500),
          ".",
        ],
        ...["/proc/1/root/etc", "/proc/self/exe", "/dev/zero", "/sys", "/etc/passwd\n", "\x1b"],
      ]),
    )}`,
  }),
  "an image's name": (random) => {
    const name = random.pick([
      ...[
        "a:b:c",
        "A",
        "a//b",
        "a@sha256:x",
        "http://a/b",
        "127.0.0.1:99999/a",
        "[::1/a",
        "a".repeat(300),
      ],
      ...[
        "a/".repeat(200),
        "-a",
        "a-",
        "sha256:zz",
        "busybox@",
        ":",
        "@",
        "a:\0",
        "..",
        "é",
        "a b",
        "a\nb",
      ],
    ]);
    return random.pick([
      { method: "POST", target: `/images/create?fromImage=${encodeURIComponent(name)}` },
      { method: "GET", target: `/images/${encodeURIComponent(name)}/json` },
      { method: "DELETE", target: `/images/${encodeURIComponent(name)}` },
      create({ Image: name }),
    ]);
  },
  "a change of a commit": (random, container) => ({
    ...{ method: "POST" },
    target: `/commit?container=${container}&changes=${encodeURIComponent(
      random.pick([
        "__proto__ x",
        "constructor x",
        "ENV",
        "LABEL __proto__=x",
        "CMD [1]",
        "EXPOSE x",
        "FROM a",
        "USER \0",
        "STOPSIGNAL NOPE",
        "WORKDIR ../..",
        "VOLUME .",
        "HEALTHCHECK x",
        "ONBUILD FROM x",
      ]),
    )}`,
  }),
};

export function handMade(random: Random, { containers }: Fixtures): HostileRequest {
  const name = random.pick(Object.keys(makers));
  const made = makers[name]?.(random, random.pick(containers));
  if (made === undefined) throw new Error(`nothing makes ${name}`);
  return {
    ...{ label: name, method: made.method, path: made.target.slice(0, 120) },
    ...{ bytes: buildRequest(made), framing: "whole", answers: 1 },
    mayWait: mayWait(made.method, made.target),
  };
}
