import type { CommandEntry, CommandTable } from "../cli/command.ts";

/** Every command, by name; a module is loaded only when its command is called. */

const attach: CommandEntry = {
  summary: "Attach standard streams to a running container",
  load: async () => (await import("./attach.ts")).attach,
};
const commit: CommandEntry = {
  summary: "Create a new image from a container's changes",
  load: async () => (await import("./commit.ts")).commit,
};
const cp: CommandEntry = {
  summary: "Copy files/folders between a container and the local filesystem",
  load: async () => (await import("./cp.ts")).cp,
};
const create: CommandEntry = {
  summary: "Create a new container",
  load: async () => (await import("./create.ts")).create,
};
const diff: CommandEntry = {
  summary: "Inspect changes to files or directories on a container's filesystem",
  load: async () => (await import("./diff.ts")).diff,
};
const exportContainer: CommandEntry = {
  summary: "Export a container's filesystem as a tar archive",
  load: async () => (await import("./export.ts")).exportContainer,
};
const events: CommandEntry = {
  summary: "Get real time events from the server",
  load: async () => (await import("./events.ts")).events,
};
const exec: CommandEntry = {
  summary: "Execute a command in a running container",
  load: async () => (await import("./exec.ts")).exec,
};
const history: CommandEntry = {
  summary: "Show the history of an image",
  load: async () => (await import("./history.ts")).history,
};
const images: CommandEntry = {
  summary: "List images",
  load: async () => (await import("./images.ts")).images,
};
const importImage: CommandEntry = {
  summary: "Import the contents from a tarball to create a filesystem image",
  load: async () => (await import("./import.ts")).importImage,
};
const info: CommandEntry = {
  summary: "Display system-wide information",
  load: async () => (await import("./info.ts")).info,
};
const inspect: CommandEntry = {
  summary: "Return low-level information on Docker objects",
  load: async () => (await import("./inspect.ts")).inspect,
};
const inspectContainer: CommandEntry = {
  summary: "Display detailed information on one or more containers",
  load: async () => (await import("./inspect.ts")).inspectContainer,
};
const inspectImage: CommandEntry = {
  summary: "Display detailed information on one or more images",
  load: async () => (await import("./inspect.ts")).inspectImage,
};
const kill: CommandEntry = {
  summary: "Kill one or more running containers",
  load: async () => (await import("./kill.ts")).kill,
};
const load: CommandEntry = {
  summary: "Load an image from a tar archive or STDIN",
  load: async () => (await import("./load.ts")).load,
};
const logs: CommandEntry = {
  summary: "Fetch the logs of a container",
  load: async () => (await import("./logs.ts")).logs,
};
const pause: CommandEntry = {
  summary: "Pause all processes within one or more containers",
  load: async () => (await import("./pause.ts")).pause,
};
const port: CommandEntry = {
  summary: "List port mappings or a specific mapping for the container",
  load: async () => (await import("./port.ts")).port,
};
const pruneContainers: CommandEntry = {
  summary: "Remove all stopped containers",
  load: async () => (await import("./container-prune.ts")).pruneContainers,
};
const rename: CommandEntry = {
  summary: "Rename a container",
  load: async () => (await import("./rename.ts")).rename,
};
const restart: CommandEntry = {
  summary: "Restart one or more containers",
  load: async () => (await import("./restart.ts")).restart,
};
const unpause: CommandEntry = {
  summary: "Unpause all processes within one or more containers",
  load: async () => (await import("./unpause.ts")).unpause,
};
const ps: CommandEntry = {
  summary: "List containers",
  load: async () => (await import("./ps.ts")).ps,
};
const pull: CommandEntry = {
  summary: "Download an image from a registry",
  load: async () => (await import("./pull.ts")).pull,
};
const rm: CommandEntry = {
  summary: "Remove one or more containers",
  load: async () => (await import("./rm.ts")).rm,
};
const rmi: CommandEntry = {
  summary: "Remove one or more images",
  load: async () => (await import("./rmi.ts")).rmi,
};
const run: CommandEntry = {
  summary: "Create and run a new container from an image",
  load: async () => (await import("./run.ts")).run,
};
const push: CommandEntry = {
  summary: "Upload an image to a registry",
  load: async () => (await import("./push.ts")).push,
};
const save: CommandEntry = {
  summary: "Save one or more images to a tar archive",
  load: async () => (await import("./save.ts")).save,
};
const start: CommandEntry = {
  summary: "Start one or more stopped containers",
  load: async () => (await import("./start.ts")).start,
};
const stats: CommandEntry = {
  summary: "Display a live stream of container(s) resource usage statistics",
  load: async () => (await import("./stats/stats.ts")).stats,
};
const top: CommandEntry = {
  summary: "Display the running processes of a container",
  load: async () => (await import("./top.ts")).top,
};
const stop: CommandEntry = {
  summary: "Stop one or more running containers",
  load: async () => (await import("./stop.ts")).stop,
};
const tag: CommandEntry = {
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  load: async () => (await import("./tag.ts")).tag,
};
const networkList: CommandEntry = {
  summary: "List networks",
  load: async () => (await import("./network/ls.ts")).ls,
};
const networkRemove: CommandEntry = {
  summary: "Remove one or more networks",
  load: async () => (await import("./network/rm.ts")).rm,
};
const volumeList: CommandEntry = {
  summary: "List volumes",
  load: async () => (await import("./volume/ls.ts")).ls,
};
const volumeRemove: CommandEntry = {
  summary: "Remove one or more volumes",
  load: async () => (await import("./volume/rm.ts")).rm,
};
const update: CommandEntry = {
  summary: "Update configuration of one or more containers",
  load: async () => (await import("./update.ts")).update,
};
const wait: CommandEntry = {
  summary: "Block until one or more containers stop, then print their exit codes",
  load: async () => (await import("./wait.ts")).wait,
};

export const commands: CommandTable = {
  run,
  exec,
  ps,
  pull,
  images,
  login: {
    summary: "Authenticate to a registry",
    load: async () => (await import("./login.ts")).login,
  },
  logout: {
    summary: "Log out from a registry",
    load: async () => (await import("./logout.ts")).logout,
  },
  version: {
    summary: "Show the version of client and server",
    load: async () => (await import("./version.ts")).version,
  },
  info,
  attach,
  commit,
  cp,
  create,
  diff,
  events,
  export: exportContainer,
  history,
  import: importImage,
  inspect,
  kill,
  load,
  logs,
  pause,
  port,
  push,
  rename,
  restart,
  rm,
  rmi,
  save,
  start,
  stats,
  stop,
  tag,
  top,
  unpause,
  update,
  wait,
  container: {
    summary: "Manage containers",
    commands: {
      ...{
        attach,
        commit,
        cp,
        create,
        diff,
        export: exportContainer,
        exec,
        inspect: inspectContainer,
        kill,
        list: ps,
        logs,
        ls: ps,
        ps,
        remove: rm,
      },
      ...{ pause, port, prune: pruneContainers, rename, restart, unpause, update },
      ...{ rm, run, start, stats, stop, top, wait },
    },
  },
  image: {
    summary: "Manage images",
    commands: {
      diff: {
        summary: "Show what differs between two images: layers and files",
        load: async () => (await import("./image/diff.ts")).diff,
      },
      prune: {
        summary: "Remove unused images",
        load: async () => (await import("./image/prune.ts")).prune,
      },
      ...{ history, import: importImage, inspect: inspectImage, list: images, load, ls: images },
      ...{ pull, push, remove: rmi, rm: rmi, save, tag },
      tree: {
        summary: "Show the layers of an image, their sizes and what they waste",
        load: async () => (await import("./image/tree.ts")).tree,
      },
    },
  },
  manifest: {
    summary: "Manage manifest lists: one name for the images of many platforms",
    commands: {
      annotate: {
        summary: "Add additional information to a local image manifest",
        load: async () => (await import("./manifest/annotate.ts")).annotate,
      },
      create: {
        summary: "Create a local manifest list for annotating and pushing to a registry",
        load: async () => (await import("./manifest/create.ts")).create,
      },
      inspect: {
        summary: "Display an image manifest, or manifest list",
        load: async () => (await import("./manifest/inspect.ts")).inspect,
      },
      push: {
        summary: "Push a manifest list to a repository",
        load: async () => (await import("./manifest/push.ts")).push,
      },
      rm: {
        summary: "Delete one or more manifest lists from local storage",
        load: async () => (await import("./manifest/rm.ts")).rm,
      },
    },
  },
  network: {
    summary: "Manage networks",
    commands: {
      connect: {
        summary: "Connect a container to a network",
        load: async () => (await import("./network/connect.ts")).connect,
      },
      create: {
        summary: "Create a network",
        load: async () => (await import("./network/create.ts")).create,
      },
      disconnect: {
        summary: "Disconnect a container from a network",
        load: async () => (await import("./network/disconnect.ts")).disconnect,
      },
      inspect: {
        summary: "Display detailed information on one or more networks",
        load: async () => (await import("./inspect.ts")).inspectNetwork,
      },
      ...{ list: networkList, ls: networkList },
      prune: {
        summary: "Remove all unused networks",
        load: async () => (await import("./network/prune.ts")).prune,
      },
      ...{ remove: networkRemove, rm: networkRemove },
    },
  },
  volume: {
    summary: "Manage volumes",
    commands: {
      create: {
        summary: "Create a volume",
        load: async () => (await import("./volume/create.ts")).create,
      },
      inspect: {
        summary: "Display detailed information on one or more volumes",
        load: async () => (await import("./inspect.ts")).inspectVolume,
      },
      prune: {
        summary: "Remove unused local volumes",
        load: async () => (await import("./volume/prune.ts")).prune,
      },
      ...{ list: volumeList, ls: volumeList, remove: volumeRemove, rm: volumeRemove },
    },
  },
  system: {
    summary: "Manage the engine",
    commands: {
      check: {
        summary: "Look for damage in the image store",
        load: async () => (await import("./system/check.ts")).check,
      },
      df: {
        summary: "Show what images, containers and volumes take of the disk",
        load: async () => (await import("./system/df.ts")).df,
      },
      ...{ events, info },
      prune: {
        summary: "Remove unused data",
        load: async () => (await import("./system/prune.ts")).prune,
      },
    },
  },
  daemon: {
    summary: "Run the engine in the foreground",
    load: async () => (await import("./daemon.ts")).daemon,
  },
  registry: {
    summary: "Serve images to others: a small registry in the foreground",
    load: async () => (await import("./registry.ts")).registry,
  },
  completion: {
    summary: "Print a completion script for a shell: bash, fish or zsh",
    load: async () => (await import("./completion.ts")).completion,
  },
  help: {
    summary: "Show how a command is used",
    load: async () => (await import("./help.ts")).help,
  },
};
