/**
 * Pulls, beside other engines and beside what the wire, an inflater and tar take for the same layers.
 *
 * Each pull goes into a store of its own, with a daemon of its own, and no store is removed before all of a
 * table were timed: ext4 passes over inodes that were freed within the last minutes, and the next engine
 * would pay for that.
 */
import { call, serve } from "./command.ts";
import { type Engine, type Place, startDocker, startPodman, startRt } from "./engines.ts";
import { buildImages, type Compression, copyImage, type PullImage } from "./pull-images.ts";
import { formatResults, judge, measure, type Subject } from "./timing.ts";

interface Puller {
  pull(image: string): void;
  stop(): Promise<void>;
}

interface Bench {
  place: Place;
  rounds: number;
  usable(subjects: Subject[]): Promise<Subject[]>;
}

const floor = "floor, two layers at once";
const synced = "floor, on the disk";

export async function benchPull(bench: Bench, image: string | undefined): Promise<void> {
  const { place, rounds } = bench;
  const images = image === undefined ? await buildImages(place.dir) : [copyImage(image)];
  for (const [table, { title, ...image }] of images.entries()) {
    const stores = new Stores(place, `pull-${table}`);
    const peaks: number[] = [];
    const subjects = [...engineSubjects(stores, image.reference, peaks), ...floors(stores, image)];
    const results = await measure(await bench.usable(subjects), Math.max(3, Math.ceil(rounds / 4)));
    const beside = [floor, synced, "docker", "podman", "ctr"];
    console.log(`\nPull of ${title}, ms\n${formatResults(results, beside)}`);
    const goals: [string, number][] = [
      [floor, 1],
      [synced, 1],
      ["docker", 1 / 4],
      ["ctr", 1 / 2],
    ];
    for (const [by, most] of goals) {
      const goal = judge(results, "rt", by, most);
      if (goal !== undefined) console.log(goal);
    }
    console.log(`  rt's daemon held ${(Math.max(...peaks) / 1024).toFixed(0)} MiB at most`);
    stores.remove();
  }
}

/** Directories, one after another. */
class Stores {
  readonly #place: Place;
  readonly #dir: string;
  #count = 0;

  constructor(place: Place, name: string) {
    this.#place = place;
    this.#dir = `${place.dir}/${name}`;
  }

  make(): Place {
    this.#count += 1;
    const dir = `${this.#dir}/${this.#count}`;
    call(["mkdir", "-p", dir]);
    call(["sync"]);
    return { ...this.#place, dir };
  }

  remove(): void {
    call(["rm", "-rf", "--one-file-system", this.#dir]);
    call(["sync"]);
  }
}

function engineSubjects(stores: Stores, image: string, peaks: number[]): Subject[] {
  const starters: [string, string, (place: Place) => Promise<Puller>][] = [
    ["rt", "true", async (place) => toPuller(await startRt(place), peaks)],
    ["docker", "dockerd", async (place) => toPuller(await startDocker(place, [], noNetwork))],
    ["podman", "podman", async (place) => toPuller(await startPodman(place))],
    ["ctr", "containerd", startContainerd],
  ];
  const present = starters.filter(([, program]) => Bun.which(program) !== null);
  return present.map(([name, , start]) => {
    let puller: Puller | undefined;
    return {
      name,
      before: async () => {
        puller = await start(stores.make());
      },
      run: () => puller?.pull(image),
      after: async () => await puller?.stop(),
    };
  });
}

/** A daemon beside another one that has the bridge already. */
const noNetwork = ["--bridge", "none", "--iptables=false"];

function toPuller({ pull, server }: Engine, peaks: number[] = []): Puller {
  const stop = async () => {
    if (server === undefined) return;
    const status = await Bun.file(`/proc/${server.pid}/status`).text();
    peaks.push(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    await server.stop();
  };
  return { pull, stop };
}

async function startContainerd({ dir }: Place): Promise<Puller> {
  const address = `${dir}/c.sock`;
  const config = { version: 2, root: `${dir}/root`, state: `${dir}/state` };
  const lines = Object.entries(config).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  await Bun.write(`${dir}/config.toml`, `${lines.join("\n")}\n`);
  const client = ["ctr", "--address", address];
  const command = ["containerd", "--config", `${dir}/config.toml`, "--address", address];
  const server = await serve(command, `${dir}/log`, () => {
    return Bun.spawnSync([...client, "version"]).exitCode === 0;
  });
  const pull = (image: string) => void call([...client, "images", "pull", "--plain-http", image]);
  return { pull, stop: () => server.stop() };
}

function floors(stores: Stores, { urls, compression }: Omit<PullImage, "title">): Subject[] {
  if (urls.length === 0) return [];
  const subject = (name: string, script: string): Subject => {
    let dir = "";
    return {
      name,
      before: () => {
        dir = stores.make().dir;
      },
      run: () => void call(["bash", "-ec", script, "floor", dir, ...urls]),
    };
  };
  const unpack = floorScript(compression);
  return [subject(floor, unpack), subject(synced, `${unpack}\nsync -f "$dir"`)];
}

/** Two at a time: curl, the fastest inflater that is here, tar. */
function floorScript(compression: Compression): string {
  const gzip = Bun.which("igzip") === null ? "gzip -dc" : "igzip -dc";
  const inflate = compression === "gzip" ? gzip : "zstd -dcq";
  const layer = `set -o pipefail; mkdir "$0/\${1##*:}"
    curl -sSf "$1" | ${inflate} | tar -xp -C "$0/\${1##*:}"`;
  return `dir=$1; shift
    printf '%s\\n' "$@" | xargs -P2 -I@ bash -ec '${layer}' "$dir" @`;
}
