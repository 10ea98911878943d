import { ContentStore } from "../../layout.ts";
import { Repositories } from "./repositories.ts";
import { UploadStore } from "./upload-store.ts";

/** What the handlers of one registry share. */
export interface RegistryState {
  content: ContentStore;
  repositories: Repositories;
  uploads: UploadStore;
}

/** Opens a registry's directory and removes what the last process left unfinished. */
export async function openState(root: string): Promise<RegistryState> {
  const content = await ContentStore.open(root);
  await content.sweepTemporary();
  const repositories = new Repositories(root);
  await repositories.sweepHalfWritten();
  const uploads = await UploadStore.open(root, repositories, content);
  await uploads.sweep(Date.now());
  return { content, repositories, uploads };
}
