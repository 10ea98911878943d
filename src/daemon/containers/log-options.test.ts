import { expect, test } from "bun:test";
import { buildLogAttributes, mergeLogConfig, parseLogConfig } from "./log-options.ts";

const json = (Config: Record<string, string>) => parseLogConfig({ Type: "json-file", Config });

test("without options logs are rotated and compressed", () => {
  const usual = { maxSize: 10_000_000, maxFile: 5, compress: true, blocking: true };
  expect(json({})).toMatchObject({ driver: "json-file", ...usual });
  expect(parseLogConfig({ Type: "local" })).toMatchObject({ driver: "local", ...usual });
  expect(parseLogConfig({ Type: "none", Config: { x: "y" } })).toBeNull();
});

test("sizes are Docker's: files in thousands, buffers in 1024s", () => {
  const sizes: [string, number | null][] = [
    ["10m", 10_000_000],
    ["1.5k", 1500],
    ["2g", 2_000_000_000],
    ["7", 7],
    ["3MB", 3_000_000],
    ["-1", null],
  ];
  for (const [text, size] of sizes) expect(json({ "max-size": text })?.maxSize).toBe(size);
  const queue = { mode: "non-blocking", "max-buffer-size": "4m" };
  expect(json(queue)).toMatchObject({ blocking: false, bufferSize: 4 * 1024 * 1024 });
  expect(json({ mode: "non-blocking" })?.bufferSize).toBe(1024 * 1024);
});

test("compression follows from what can be rotated", () => {
  expect(json({ "max-file": "1" })?.compress).toBe(false);
  expect(json({ "max-size": "-1" })?.compress).toBe(false);
  expect(json({ compress: "false" })?.compress).toBe(false);
  expect(() => json({ "max-size": "-1", compress: "true" })).toThrow("compress cannot be true");
  expect(() => json({ compress: "perhaps" })).toThrow('strconv.ParseBool: parsing "perhaps"');
});

test("a container's options win over the daemon's, which count for the same driver only", () => {
  const daemon = { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } } as const;
  expect(mergeLogConfig(undefined, daemon)).toEqual(daemon);
  expect(mergeLogConfig({ Config: { "max-file": "9" } }, daemon)).toEqual({
    Type: "json-file",
    Config: { "max-size": "1m", "max-file": "9" },
  });
  expect(mergeLogConfig({ Type: "local" }, daemon)).toEqual({ Type: "local", Config: {} });
});

test("attributes are chosen by name and pattern, sorted", () => {
  const subject = {
    id: "0123456789abcdef",
    name: "web",
    image: "busybox",
    imageId: "sha256:fedcba9876543210",
    command: ["sh", "-c", "x"],
    env: ["B=2=3", "A=1", "EMPTY"],
    labels: { team: "x", tier: "y", z: "0" },
  };
  const build = (options: Record<string, string>) => buildLogAttributes(options, subject);
  expect(build({})).toBeNull();
  expect(build({ labels: "none" })).toBeNull();
  expect(build({ env: "B,EMPTY", "labels-regex": "^t" })).toBe(
    '{"B":"2=3","EMPTY":"","team":"x","tier":"y"}',
  );
  expect(build({ tag: "{{.ID}} {{ .Name }} {{.ImageID}} {{.Command}}" })).toBe(
    '{"tag":"0123456789ab web fedcba987654 sh -c x"}',
  );
  expect(() => json({ tag: "{{.Nope}}" })).toThrow("can't evaluate field Nope");
  expect(() => json({ tag: "{{printf 1}}" })).toThrow("only fields");
  expect(() => json({ "env-regex": "(" })).toThrow("error parsing regexp");
  // A pattern of a client's that goes back for ages elsewhere.
  const long = { ...subject, labels: { ["a".repeat(2000)]: "x" } };
  expect(buildLogAttributes({ "labels-regex": "(a+)+!$" }, long)).toBeNull();
});
