/** What older clients find in an image: members that later versions of the API took away, as Docker has them. */
import type { ImageInspect, ImageSummary } from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";

/** Until 1.50 an image's config had every member of a container's. */
const containerMembers = {
  ...{ Hostname: "", Domainname: "", User: "", Image: "", WorkingDir: "" },
  ...{ AttachStdin: false, AttachStdout: false, AttachStderr: false },
  ...{ Tty: false, OpenStdin: false, StdinOnce: false },
  ...{ Env: null, Cmd: null, Volumes: null, Entrypoint: null, OnBuild: null, Labels: null },
};

export function toFormerInspect(inspected: ImageInspect, version: string): unknown {
  const isBefore = (other: string): boolean => compareVersions(version, other) < 0;
  const { Descriptor, ...rest } = inspected;
  const Config = isBefore("1.50") ? { ...containerMembers, ...inspected.Config } : inspected.Config;
  return {
    ...rest,
    ...(isBefore("1.48") ? {} : { Descriptor }),
    Config,
    // Of the container that the image was made of. Clients look for the image's volumes there.
    ...(isBefore("1.45") && { ContainerConfig: Config }),
    ...(isBefore("1.44") && { VirtualSize: inspected.Size }),
  };
}

export function toFormerSummary<T extends ImageSummary>(summary: T, version: string): T {
  const isBefore = (other: string): boolean => compareVersions(version, other) < 0;
  const { RepoTags, RepoDigests, Size } = summary;
  const isNameless = RepoTags.length === 0 && RepoDigests.length === 0;
  return {
    ...summary,
    ...(isBefore("1.43") &&
      isNameless && { RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] }),
    ...(isBefore("1.44") && { VirtualSize: Size }),
  };
}
