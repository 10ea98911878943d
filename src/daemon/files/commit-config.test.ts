import { expect, test } from "bun:test";
import { applyChanges, toImageConfig } from "./commit-config.ts";

test("applyChanges understands every instruction that sets something", () => {
  const changed = applyChanges({ Env: ["A=1", "B=2"], WorkingDir: "/w", Cmd: ["old"] }, [
    "ENV A=3 C='x y'\nENV D e f",
    'entrypoint ["/run"]',
    "CMD echo $A",
    "EXPOSE 80 53/udp",
    'LABEL a=b "c d"=e\\ f',
    "ONBUILD RUN true",
    "STOPSIGNAL SIGINT",
    "USER guest:users",
    'VOLUME ["/a", "/b"]',
    "WORKDIR sub",
    "HEALTHCHECK CMD true",
  ]);
  expect(changed).toEqual({
    Env: ["A=3", "B=2", "C=x y", "D=e f"],
    WorkingDir: "/w/sub",
    Entrypoint: ["/run"],
    Cmd: ["/bin/sh", "-c", "echo $A"],
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Labels: { a: "b", "c d": "e f" },
    OnBuild: ["RUN true"],
    StopSignal: "SIGINT",
    User: "guest:users",
    Volumes: { "/a": {}, "/b": {} },
    Healthcheck: { Test: ["CMD-SHELL", "true"] },
  });
});

test("variables in instructions are those of the image, which a command's shell sees to itself", () => {
  const before = { Env: ["PATH=/bin", "D=/data"] };
  const changed = applyChanges(before, [
    "ENV PATH=/usr/bin:$PATH A='$D' B=\\$D C=${D}x E=${X:-none} F=${D:+some} G=$X",
    "ENV old  $PATH $5",
    "WORKDIR $D/sub",
    'USER "$X"me',
    'VOLUME ["$D"]',
    "LABEL at=$D",
    "CMD echo $D",
  ]);
  expect(changed).toEqual({
    Env: [
      ...["PATH=/usr/bin:/bin", "D=/data", "A=$D", "B=$D", "C=/datax", "E=none", "F=some", "G="],
      "old=/usr/bin:/bin ",
    ],
    WorkingDir: "/data/sub",
    User: "me",
    Volumes: { "/data": {} },
    Labels: { at: "/data" },
    Cmd: ["/bin/sh", "-c", "echo $D"],
  });
});

test("applyChanges refuses what is none, and what is cut off", () => {
  expect(() => applyChanges({}, ["RUN x"])).toThrow("run is not a valid change command");
  expect(() => applyChanges({}, ["ENV"])).toThrow("ENV requires at least one argument");
  expect(() => applyChanges({}, ["ENV A"])).toThrow("ENV must have two arguments");
  expect(() => applyChanges({}, ["SHELL sh"])).toThrow("JSON form");
  for (const text of ["VOLUME $NOPE", 'VOLUME ["/a", "$NOPE"]', 'VOLUME [""]'])
    expect(() => applyChanges({}, [text])).toThrow("VOLUME specified can not be an empty string");
  expect(() => applyChanges({}, ["WORKDIR $NOPE"])).toThrow("cannot normalize nothing");
});

test("toImageConfig leaves out what is of one container alone", () => {
  const config = toImageConfig({ Hostname: "h", Tty: true, Image: "i", Cmd: ["a"], User: "u" });
  expect(config).toEqual({ Cmd: ["a"], User: "u" });
});
