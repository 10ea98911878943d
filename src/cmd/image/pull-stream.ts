import { untilInterrupted } from "../../cli/interrupted.ts";
import type { Output } from "../../cli/output.ts";
import type { Engine } from "../../client/engine.ts";
import { findAuthHeader } from "../login/credentials.ts";
import { parseImageName, registryOf } from "./name.ts";
import { showProgress } from "./progress-stream.ts";

export interface PullOptions {
  image: string;
  /** Every tag of the repository, not the one that the name says. */
  allTags?: boolean;
  platform: string | undefined;
  /** Where progress goes; nowhere if undefined. */
  output: Output | undefined;
}

const interrupted =
  "pull interrupted; what has arrived is kept, and the next pull goes on from there";

/** Pulls an image, showing how it goes. Throws what the stream reports, with its own code. */
export async function pullImage(engine: Engine, options: PullOptions): Promise<void> {
  const { name, tag } = parseImageName(options.image);
  const auth = await findAuthHeader(registryOf(name));
  await untilInterrupted(interrupted, async (signal) => {
    const messages = engine.pullImage({
      ...{ fromImage: name, tag: options.allTags ? "" : tag, platform: options.platform },
      ...{ auth, signal },
    });
    await showProgress(messages, options.output, false);
  });
}
