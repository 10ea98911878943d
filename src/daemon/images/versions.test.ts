import { expect, test } from "bun:test";
import type { ImageInspect, ImageSummary } from "../../api/types.ts";
import { toFormerInspect, toFormerSummary } from "./versions.ts";

const image = {
  Id: "sha256:1",
  Descriptor: { digest: "sha256:2" },
  Config: { Cmd: ["sh"], Volumes: { "/data": {} } },
  Size: 7,
} satisfies ImageInspect;

test("an image shows what the client's version had of it", () => {
  const former = (version: string) => toFormerInspect(image, version) as Record<string, unknown>;
  expect(former("1.50")).toEqual(image);
  expect(former("1.49").Descriptor).toEqual(image.Descriptor);
  expect(former("1.49").Config).toEqual({
    ...{ Hostname: "", Domainname: "", User: "", Image: "", WorkingDir: "" },
    ...{ AttachStdin: false, AttachStdout: false, AttachStderr: false },
    ...{ Tty: false, OpenStdin: false, StdinOnce: false },
    ...{ Env: null, Entrypoint: null, OnBuild: null, Labels: null },
    ...image.Config,
  });
  expect(former("1.47")).not.toHaveProperty("Descriptor");
  expect(former("1.45")).not.toHaveProperty("ContainerConfig");
  expect(former("1.44").ContainerConfig).toEqual(former("1.44").Config);
  expect(former("1.44")).not.toHaveProperty("VirtualSize");
  expect(former("1.43").VirtualSize).toBe(7);
});

test("images without a name had <none> for one until 1.43, and all a virtual size until 1.44", () => {
  const named: ImageSummary = {
    ...{ Id: "sha256:1", ParentId: "", RepoTags: ["a:1"], RepoDigests: [], Created: 0 },
    ...{ Size: 7, SharedSize: -1, Labels: {}, Containers: -1 },
  };
  const nameless = { ...named, RepoTags: [] };
  expect(toFormerSummary(named, "1.44")).toEqual(named);
  expect(toFormerSummary(named, "1.42")).toEqual({ ...named, VirtualSize: 7 });
  expect(toFormerSummary(nameless, "1.43")).toEqual({ ...nameless, VirtualSize: 7 });
  expect(toFormerSummary(nameless, "1.42")).toMatchObject({
    RepoTags: ["<none>:<none>"],
    RepoDigests: ["<none>@<none>"],
  });
});
