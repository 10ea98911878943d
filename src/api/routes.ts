/**
 * The endpoints of the Docker Engine API that rt speaks: one table, read by the server (router) and
 * by the client (engine). `{name}` and `{id}` match one segment; `{name*}` matches several (image names).
 * Source: Docker Engine API 1.56. A path is preceded by an optional `/v1.NN`.
 */
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  path: string;
}

export const routes = {
  ping: { method: "GET", path: "/_ping" },
  pingHead: { method: "HEAD", path: "/_ping" },
  version: { method: "GET", path: "/version" },
  info: { method: "GET", path: "/info" },
  auth: { method: "POST", path: "/auth" },
  events: { method: "GET", path: "/events" },
  pluginList: { method: "GET", path: "/plugins" },
  /** Not Docker's: looks for damage in the image store. `quick`, `repair`; answers lines of api/check.ts. */
  systemCheck: { method: "POST", path: "/rt/check" },
  systemUsage: { method: "GET", path: "/system/df" },

  containerList: { method: "GET", path: "/containers/json" },
  containerCreate: { method: "POST", path: "/containers/create" },
  containerInspect: { method: "GET", path: "/containers/{id}/json" },
  containerStart: { method: "POST", path: "/containers/{id}/start" },
  containerStop: { method: "POST", path: "/containers/{id}/stop" },
  containerRestart: { method: "POST", path: "/containers/{id}/restart" },
  containerPause: { method: "POST", path: "/containers/{id}/pause" },
  containerUnpause: { method: "POST", path: "/containers/{id}/unpause" },
  containerRename: { method: "POST", path: "/containers/{id}/rename" },
  containerUpdate: { method: "POST", path: "/containers/{id}/update" },
  containerPrune: { method: "POST", path: "/containers/prune" },
  containerKill: { method: "POST", path: "/containers/{id}/kill" },
  containerResize: { method: "POST", path: "/containers/{id}/resize" },
  containerAttach: { method: "POST", path: "/containers/{id}/attach" },
  containerLogs: { method: "GET", path: "/containers/{id}/logs" },
  containerTop: { method: "GET", path: "/containers/{id}/top" },
  containerStats: { method: "GET", path: "/containers/{id}/stats" },
  containerWait: { method: "POST", path: "/containers/{id}/wait" },
  containerArchiveInfo: { method: "HEAD", path: "/containers/{id}/archive" },
  containerArchive: { method: "GET", path: "/containers/{id}/archive" },
  containerArchiveExtract: { method: "PUT", path: "/containers/{id}/archive" },
  containerExport: { method: "GET", path: "/containers/{id}/export" },
  containerChanges: { method: "GET", path: "/containers/{id}/changes" },
  containerCommit: { method: "POST", path: "/commit" },
  // More than one segment: with `link` it is the name of one, "PARENT/ALIAS".
  containerRemove: { method: "DELETE", path: "/containers/{id*}" },

  execCreate: { method: "POST", path: "/containers/{id}/exec" },
  execStart: { method: "POST", path: "/exec/{id}/start" },
  execResize: { method: "POST", path: "/exec/{id}/resize" },
  execInspect: { method: "GET", path: "/exec/{id}/json" },

  imageList: { method: "GET", path: "/images/json" },
  imageCreate: { method: "POST", path: "/images/create" },
  imageLoad: { method: "POST", path: "/images/load" },
  imageSaveAll: { method: "GET", path: "/images/get" },
  imageSave: { method: "GET", path: "/images/{name*}/get" },
  imageHistory: { method: "GET", path: "/images/{name*}/history" },
  imagePrune: { method: "POST", path: "/images/prune" },
  imagePush: { method: "POST", path: "/images/{name*}/push" },
  imageTag: { method: "POST", path: "/images/{name*}/tag" },
  /** Not Docker's: what layers bring and hide (`name`), and what differs (`before`, `after`); api/anatomy.ts. */
  imageTree: { method: "GET", path: "/rt/image/tree" },
  imageDiff: { method: "GET", path: "/rt/image/diff" },
  imageInspect: { method: "GET", path: "/images/{name*}/json" },
  imageRemove: { method: "DELETE", path: "/images/{name*}" },

  distributionInspect: { method: "GET", path: "/distribution/{name*}/json" },

  networkList: { method: "GET", path: "/networks" },
  networkCreate: { method: "POST", path: "/networks/create" },
  networkPrune: { method: "POST", path: "/networks/prune" },
  networkInspect: { method: "GET", path: "/networks/{id}" },
  networkRemove: { method: "DELETE", path: "/networks/{id}" },
  networkConnect: { method: "POST", path: "/networks/{id}/connect" },
  networkDisconnect: { method: "POST", path: "/networks/{id}/disconnect" },
  buildPrune: { method: "POST", path: "/build/prune" },

  volumeList: { method: "GET", path: "/volumes" },
  volumeCreate: { method: "POST", path: "/volumes/create" },
  volumePrune: { method: "POST", path: "/volumes/prune" },
  volumeInspect: { method: "GET", path: "/volumes/{name}" },
  volumeRemove: { method: "DELETE", path: "/volumes/{name}" },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
