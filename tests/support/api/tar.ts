/** Small archives that want to be somewhere else, or are no archives. */
import type { Random } from "./random.ts";

interface Header {
  name: string;
  size?: string;
  type?: string;
  link?: string;
}

function header({ name, size = "0", type = "0", link = "" }: Header): Buffer {
  const block = Buffer.alloc(512);
  block.write(name.slice(0, 100), 0, "latin1");
  block.write("0000644\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.padStart(11, "0")}\0`, 124, "latin1");
  block.write("00000000000\0", 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(link.slice(0, 100), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const end = Buffer.alloc(1024);

export function hostileTar(random: Random): Uint8Array {
  const entries: Header[] = [
    { name: "../escape" },
    { name: "/absolute" },
    { name: "a/../../../escape" },
    { name: "link", type: "2", link: "/etc" },
    { name: "hard", type: "1", link: "../../../etc/passwd" },
    { name: "hard", type: "1", link: "/etc/shadow" },
    { name: "device", type: "3" },
    { name: "fifo", type: "6" },
    { name: "huge", size: "77777777777" },
    { name: "negative", size: "-0000000001" },
    { name: "letters", size: "zzzzzzzzzzz" },
    { name: "long", type: "L", size: "77777777777" },
    { name: "pax", type: "x", size: "77777777777" },
    { name: "unknown", type: "!" },
    { name: "" },
    { name: "." },
    { name: "..", type: "5" },
    { name: "sparse", type: "S" },
  ];
  switch (random.below(6)) {
    case 0:
      return Buffer.from("this is no archive at all".repeat(random.pick([1, 30, 4000])));
    case 1:
      return header({ name: "cut" }).subarray(0, random.below(512));
    case 2:
      return Buffer.concat([
        header({ name: "linked", type: "2", link: "/etc" }),
        header({ name: "linked/evil" }),
        end,
      ]);
    case 3:
      return Buffer.from(Array.from({ length: 2048 }, () => random.below(256)));
    default:
      return Buffer.concat([header(random.pick(entries)), ...(random.chance(0.5) ? [end] : [])]);
  }
}
