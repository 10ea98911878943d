import { join } from "node:path";
import { ContentStore } from "../../layout.ts";
import { Repositories } from "./repositories.ts";
import { Uploads } from "./uploads.ts";

/** What the handlers of one registry share. */
export interface RegistryState {
  content: ContentStore;
  repositories: Repositories;
  uploads: Uploads;
}

export async function openState(root: string): Promise<RegistryState> {
  const content = await ContentStore.open(root);
  const repositories = new Repositories(join(root));
  const uploads = new Uploads(repositories, content);
  await uploads.sweep();
  return { content, repositories, uploads };
}
