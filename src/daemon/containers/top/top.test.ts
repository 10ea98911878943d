import { describe, expect, test } from "bun:test";
import type { ProcessInfo } from "../../../native-types/native.ts";
import type { ListContext } from "./columns.ts";
import { parsePsOptions } from "./options.ts";

const titles = (options: string) => parsePsOptions(options).map(({ title }) => title);

describe("options of ps", () => {
  test.each([
    ["", "UID PID PPID C STIME TTY TIME CMD"],
    ["-ef", "UID PID PPID C STIME TTY TIME CMD"],
    ["-e", "PID TTY TIME CMD"],
    ["ax", "PID TTY STAT TIME COMMAND"],
    ["aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"],
    ["-eo pid,comm", "PID COMMAND"],
    ["-eopid,comm", "PID COMMAND"],
    ["axo pid,user -o args", "PID USER COMMAND"],
    ["--format pid,ppid", "PID PPID"],
  ])("%p", (options, expected) => {
    expect(titles(options).join(" ")).toBe(expected);
  });

  test("a title of the user's own takes the rest of the list", () => {
    expect(titles("-o pid,cmd=THE,CMD")).toEqual(["PID", "THE,CMD"]);
  });

  test("a title that would pass for the pid is refused", () => {
    expect(() => titles("-o user=PID")).toThrow('specifying "user=PID" is not allowed');
  });

  test.each(["-o", "-o nothing", "-L", "--forest", "f", "-p 1"])("%p is refused", (options) => {
    expect(() => titles(options)).toThrow();
  });
});

const process: ProcessInfo = {
  ...{ pid: 7, ppid: 1, pgid: 7, session: 7, tty: (136 << 8) | 3, foreground: 7 },
  ...{ state: "S", nice: -5, threads: 2, userTicks: 6000, kernelTicks: 1000, childrenTicks: 0 },
  ...{ startTicks: 10_000, uid: 0, gid: 5, virtualSize: 4096, resident: 1024, locked: 0 },
  ...{ name: "sleep", args: ["sleep", "9"] },
};
const context: ListContext = {
  uptime: 10_000 / 100 + 3 * 86_400 + 140,
  now: new Date(2026, 5, 15, 12, 0).getTime(),
  memory: 10_240,
  userName: () => "root",
  groupName: String,
};
const cells = (options: string, of = process) =>
  parsePsOptions(options).map(({ cell }) => cell(of, context));

describe("columns", () => {
  test("ids, names and sizes", () => {
    expect(cells("-o pid,user,gid,rss,pmem,nlwp,comm,args")).toEqual([
      ...["7", "root", "5", "1024", "10.0", "2", "sleep", "sleep 9"],
    ]);
  });

  test("times", () => {
    expect(cells("-o time,bsdtime,etime,etimes,stime,pcpu,c")).toEqual([
      ...["00:01:10", "1:10", "3-00:02:20", "259340", "Jun12", "0.0", "0"],
    ]);
  });

  test("terminal and state", () => {
    expect(cells("-o tty,stat")).toEqual(["pts/3", "S<sl+"]);
    expect(cells("-o tty,args", { ...process, tty: 0, args: [] })).toEqual(["?", "[sleep]"]);
  });
});
