import type { ContentStore } from "../../oci/layout.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { Collector } from "./collector.ts";
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
  stores: {
    content: ContentStore;
    images: ImageStore;
    layers: LayerStore;
    events: EventBus;
    collector: Pick<Collector, "holdAll">;
  },
  images: ImageService,
  pulls: PullService,
): Archives {
  const holdAll = () => stores.collector.holdAll();
  const installer = new Installer({ ...stores, holdAll, writeIndex: () => pulls.writeIndex() });
  return {
    saves: new SaveService({ ...stores, get: (name) => images.get(name), holdAll }),
    loads: new LoadService({ ...stores, installer }),
    imports: new ImportService({ ...stores, installer }),
  };
}
