import { routes } from "../api/routes.ts";
import type { ImageDeleteResponseItem } from "../api/types.ts";
import type { Filters } from "./engine.ts";
import type { Transport } from "./transport.ts";

export interface ImagesPruned {
  ImagesDeleted: ImageDeleteResponseItem[] | null;
  SpaceReclaimed: number;
}

export async function pruneImages(transport: Transport, filters: Filters): Promise<ImagesPruned> {
  const query = { filters: JSON.stringify(filters) };
  const reply = await transport.request(routes.imagePrune, { query });
  return JSON.parse(await reply.body.text());
}
