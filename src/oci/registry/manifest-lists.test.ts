import { expect, test } from "bun:test";
import { digestOf } from "../digest.ts";
import { type ListedManifest, normalizeName } from "../manifest-list.ts";
import { ociManifest } from "../media-types.ts";
import { planListPush, pushList } from "./manifest-lists.ts";

function listed(ref: string, architecture: string): ListedManifest {
  const blob = (digit: string) => ({
    ...{ mediaType: "application/x", digest: `sha256:${digit.repeat(64)}`, size: 1 },
  });
  const manifest = {
    ...{ schemaVersion: 2, mediaType: ociManifest, config: blob("c"), layers: [blob("d")] },
    annotations: { architecture },
  };
  // Spaces that no writer of ours would put there.
  const raw = new TextEncoder().encode(`${JSON.stringify(manifest)}  \n`);
  const platform = { os: "linux", architecture };
  const digest = digestOf(raw);
  const descriptor = { mediaType: ociManifest, digest, size: raw.length, platform };
  return { ref, descriptor, raw };
}

/** What a registry is asked for; it has mounts unless told. */
function record(mounts = true, present: string[] = []) {
  const calls: string[] = [];
  const bodies = new Map<string, Uint8Array>();
  return {
    calls,
    bodies,
    registry: {
      mountBlob: async (digest: string, from: string) => {
        calls.push(`mount ${digest.slice(7, 9)} from ${from}`);
        return mounts;
      },
      hasBlob: async (digest: string) => present.includes(digest.slice(7, 9)),
      putManifest: async (target: string, _: unknown, bytes: Uint8Array) => {
        calls.push(`put ${target.slice(0, 12)}`);
        bodies.set(target, bytes);
      },
    },
  };
}

const { ref: target } = normalizeName("box:5000/app:v1");

test("manifests of the list's own repository are there already", async () => {
  const own = [listed("box:5000/app:amd64", "amd64"), listed("box:5000/app:arm64", "arm64")];
  const { calls, bodies, registry } = record();
  const plan = planListPush(target, own);
  const digest = await pushList(target, plan, registry, () => calls.push("told"));
  expect(calls).toEqual(["put v1"]);
  expect(digestOf(bodies.get("v1") ?? new Uint8Array())).toBe(digest);
});

test("from another repository blobs are mounted first, then the manifest goes as it is", async () => {
  const foreign = listed("box:5000/other/app:1", "amd64");
  const { calls, bodies, registry } = record();
  const told: string[] = [];
  await pushList(target, planListPush(target, [foreign]), registry, (ref) => told.push(ref));
  const { digest } = foreign.descriptor;
  expect(calls).toEqual([
    ...["mount cc from other/app", "mount dd from other/app"],
    ...[`put ${digest.slice(0, 12)}`, "put v1"],
  ]);
  expect(bodies.get(digest)).toEqual(foreign.raw);
  expect(told).toEqual([`box:5000/app@${digest}`]);
});

test("a registry that mounts nothing gets no manifest, and another registry is refused", async () => {
  const { calls, registry } = record(false, ["cc"]);
  const plan = planListPush(target, [listed("box:5000/other:1", "amd64")]);
  await expect(pushList(target, plan, registry, () => undefined)).rejects.toThrow(
    `error mounting box:5000/other@sha256:${"d".repeat(64)} to box:5000/app:v1`,
  );
  expect(calls).toEqual(["mount cc from other", "mount dd from other"]);
  expect(() => planListPush(target, [listed("elsewhere:5000/app:1", "amd64")])).toThrow(
    "cannot use source images from a different registry than the target image: elsewhere:5000 != box:5000",
  );
});
