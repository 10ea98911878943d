/**
 * The host as a hostile image hopes to find it. In the world's mount namespace /etc and /dev are copies, and they,
 * the world's root and what is mounted at /srv and /mnt hold a word that no container may ever see.
 */
import type { World } from "./world.ts";

const script = `
set -e
mkdir -p "$path/dir" "$path/etc" "$path/dev"
echo "$word" >"$path/secret"; echo "$word" >"$path/dir/$word"; echo "$word" >"$root/$word"
ln -s secret "$path/link"; mkfifo "$path/pipe"
cp -ax /etc/. "$path/etc/"
cp -ax /dev/. "$path/dev/"
echo "$word:x:4242:4242:$word:/$word:/bin/sh" >>"$path/etc/passwd"
echo "$word:x:4243:root" >>"$path/etc/group"
echo "192.0.2.99 $word" >>"$path/etc/hosts"
echo "$word" >"$path/etc/hostname"
echo "$word" >"$path/dev/$word"
for at in etc dev; do mount --bind "$path/$at" "/$at"; done
for at in srv mnt; do mount --bind "$path/dir" "/$at"; done
`;

const survey = `
cd "$path"
find . -printf '%p %y %m %U:%G %n %s %T@ %C@ %l\\n' | sort
find . -type f -exec sha256sum {} + | sort
find / -maxdepth 1 -printf '%p %y %m %U:%G\\n' | sort
`;

/**
 * Shell script for a container: looks and writes wherever a wrong turn at the place $0 would have led, and never waits
 * for a pipe. The word is not part of it, so that nothing but the host can have said it.
 */
export const look = `
p=$0
[ -d "$p" ] && touch "$p/written" && cat "$p"/seen-* "$p/secret" "$p/etc/passwd" && ls -la "$p/"
[ -f "$p" ] && head -c 4096 "$p" && echo written >>"$p"
ls -la / "$p" /dev /etc /srv /mnt
cat /etc/passwd /etc/group /etc/hosts /etc/hostname | head -c 9999
for d in /proc/[0-9]*/root /proc/[0-9]*/cwd /proc/self/fd/*; do
  [ -d "$d" ] && ls "$d/" "$d/srv" "$d/../../../../../srv" && touch "$d/written"
done
find / -path /proc -prune -o -path /sys -prune -o -name "seen-*" -print
cat /proc/self/mountinfo
exit 0
`;

export class Canary {
  /** In names and contents of the host; never to be seen inside. */
  readonly word: string;
  /** A directory of the host with a file `secret`, which holds the word. */
  readonly path: string;
  readonly #world: World;

  private constructor(world: World, word: string) {
    this.#world = world;
    this.word = word;
    this.path = world.path("canary");
  }

  static async create(world: World): Promise<Canary> {
    const canary = new Canary(world, `seen-${crypto.randomUUID().slice(0, 18)}`);
    await canary.#run(script);
    return canary;
  }

  /** Everything that a container could have changed, but for times of reading. */
  async state(): Promise<string> {
    return await this.#run(survey);
  }

  /** Takes the mounts away again, so that the world is as it was. */
  async remove(): Promise<void> {
    await this.#run("for at in etc dev srv mnt; do umount -l /$at; done");
  }

  async #run(text: string): Promise<string> {
    const env = { path: this.path, root: this.#world.root, word: this.word };
    const { code, stdout, stderr } = await this.#world.run(["sh", "-c", text], { env });
    if (code !== 0) throw new Error(`the canary: ${stderr}`);
    return stdout;
  }
}
