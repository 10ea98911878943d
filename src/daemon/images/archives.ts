import type { ContentStore } from "../../oci/layout.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import { ImportService } from "./import.ts";
import { Installer } from "./installer.ts";
import type { LayerStore } from "./layer-store.ts";
import { LoadService } from "./load.ts";
import type { PullService } from "./pull.ts";
import { SaveService } from "./save.ts";
import type { ImageService } from "./service.ts";

/** The services that move images between engines by archives. */
export interface Archives {
  saves: SaveService;
  loads: LoadService;
  imports: ImportService;
}

export function createArchives(
  stores: { content: ContentStore; images: ImageStore; layers: LayerStore; events: EventBus },
  images: ImageService,
  pulls: PullService,
): Archives {
  const hold = (diffIds: string[]): Disposable => pulls.hold(diffIds);
  const installer = new Installer({ ...stores, hold, writeIndex: () => pulls.writeIndex() });
  return {
    saves: new SaveService({ ...stores, get: (name) => images.get(name), hold }),
    loads: new LoadService({ ...stores, installer }),
    imports: new ImportService({ ...stores, installer }),
  };
}
