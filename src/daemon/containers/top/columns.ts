import type { ProcessInfo } from "../../../native-types/native.ts";

/** What a cell is made from, besides its process. */
export interface ListContext {
  /** Seconds since boot, and milliseconds since 1970, at the same moment. */
  uptime: number;
  now: number;
  /** KiB of the host. */
  memory: number;
  userName(uid: number): string;
  groupName(gid: number): string;
}

export interface Column {
  title: string;
  cell(process: ProcessInfo, context: ListContext): string;
}

const ticksPerSecond = 100;

const column = (title: string, cell: Column["cell"]): Column => ({ title, cell });
const number = (title: string, key: NumberKey): Column =>
  column(title, (process) => String(process[key]));

type NumberKey = {
  [K in keyof ProcessInfo]: ProcessInfo[K] extends number ? K : never;
}[keyof ProcessInfo];

const command = (title: string): Column =>
  column(title, ({ args, name }) => (args.length > 0 ? args.join(" ") : `[${name}]`));
const user = (title: string): Column => column(title, ({ uid }, { userName }) => userName(uid));
const group = (title: string): Column => column(title, ({ gid }, { groupName }) => groupName(gid));
const terminal = (title: string): Column => column(title, ({ tty }) => formatTerminal(tty));
const cpu = (title: string): Column =>
  column(title, (process, context) => cpuShare(process, context).toFixed(1));
const memory = (title: string): Column =>
  column(title, ({ resident }, context) => ((100 * resident) / context.memory).toFixed(1));
const cpuTime = (title: string): Column =>
  column(title, (process) => formatClock(cpuSeconds(process), true));

/** The names that `ps -o` knows, as far as they are known here. */
export const columns: Record<string, Column> = {
  pid: number("PID", "pid"),
  tgid: number("TGID", "pid"),
  ppid: number("PPID", "ppid"),
  pgid: number("PGID", "pgid"),
  pgrp: number("PGRP", "pgid"),
  sid: number("SID", "session"),
  sess: number("SESS", "session"),
  session: number("SESS", "session"),
  tpgid: number("TPGID", "foreground"),
  uid: number("UID", "uid"),
  euid: number("EUID", "uid"),
  gid: number("GID", "gid"),
  egid: number("EGID", "gid"),
  user: user("USER"),
  uname: user("USER"),
  euser: user("EUSER"),
  group: group("GROUP"),
  egroup: group("EGROUP"),
  ...{ nice: number("NI", "nice"), ni: number("NI", "nice") },
  ...{ nlwp: number("NLWP", "threads"), thcount: number("THCNT", "threads") },
  ...{ vsz: number("VSZ", "virtualSize"), vsize: number("VSZ", "virtualSize") },
  rss: number("RSS", "resident"),
  rssize: number("RSS", "resident"),
  rsz: number("RSZ", "resident"),
  comm: column("COMMAND", ({ name }) => name),
  ...{ ucmd: column("CMD", ({ name }) => name), ucomm: column("COMMAND", ({ name }) => name) },
  args: command("COMMAND"),
  command: command("COMMAND"),
  cmd: command("CMD"),
  ...{ tty: terminal("TT"), tt: terminal("TT"), tname: terminal("TTY") },
  ...{ s: column("S", ({ state }) => state), state: column("S", ({ state }) => state) },
  stat: column("STAT", formatState),
  c: column("C", (process, context) =>
    String(Math.trunc(Math.min(cpuShare(process, context), 99))),
  ),
  ...{ pcpu: cpu("%CPU"), "%cpu": cpu("%CPU"), pmem: memory("%MEM"), "%mem": memory("%MEM") },
  ...{ time: cpuTime("TIME"), cputime: cpuTime("TIME") },
  bsdtime: column("TIME", (process) => {
    const seconds = cpuSeconds(process);
    return `${Math.trunc(seconds / 60)}:${two(seconds % 60)}`;
  }),
  stime: column("STIME", (process, context) => formatStart(startedAt(process, context), context)),
  start_time: column("START", (process, context) =>
    formatStart(startedAt(process, context), context),
  ),
  bsdstart: column("START", (process, context) =>
    formatStart(startedAt(process, context), context),
  ),
  lstart: column("STARTED", (process, context) => {
    const date = startedAt(process, context);
    return `${date.toDateString().slice(0, 10)} ${date.toTimeString().slice(0, 8)} ${date.getFullYear()}`;
  }),
  etime: column("ELAPSED", (process, context) =>
    formatClock(Math.trunc(age(process, context)), false),
  ),
  etimes: column("ELAPSED", (process, context) => String(Math.trunc(age(process, context)))),
};

const named = (names: string): Column[] => names.split(" ").flatMap((name) => columns[name] ?? []);

/** Of `ps -ef`. */
export const fullFormat: Column[] = [
  user("UID"),
  ...named("pid ppid c stime"),
  terminal("TTY"),
  ...named("time cmd"),
];
/** Of `ps aux`. */
export const userFormat: Column[] = [
  ...named("user pid pcpu pmem vsz rss"),
  terminal("TTY"),
  ...named("stat bsdstart bsdtime args"),
];
/** Of `ps -e`, and of `ps ax`. */
export const shortFormat: Column[] = [...named("pid"), terminal("TTY"), ...named("time ucmd")];
export const bsdFormat: Column[] = [
  ...named("pid"),
  terminal("TTY"),
  ...named("stat bsdtime args"),
];

function cpuSeconds({ userTicks, kernelTicks }: ProcessInfo): number {
  return Math.trunc((userTicks + kernelTicks) / ticksPerSecond);
}

function age({ startTicks }: ProcessInfo, { uptime }: ListContext): number {
  return Math.max(0, uptime - startTicks / ticksPerSecond);
}

function startedAt(process: ProcessInfo, context: ListContext): Date {
  return new Date(context.now - age(process, context) * 1000);
}

/** Percent of one CPU, since the process has started. */
function cpuShare(process: ProcessInfo, context: ListContext): number {
  const used = (process.userTicks + process.kernelTicks) / ticksPerSecond;
  const seconds = age(process, context);
  return seconds > 0 ? (100 * used) / seconds : 0;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** "[DD-]HH:MM:SS"; without `hours` those are left out while there are none. */
function formatClock(total: number, hours: boolean): string {
  const days = Math.trunc(total / 86_400);
  const hour = Math.trunc(total / 3600) % 24;
  const rest = `${two(Math.trunc(total / 60) % 60)}:${two(total % 60)}`;
  const clock = hours || hour > 0 || days > 0 ? `${two(hour)}:${rest}` : rest;
  return days > 0 ? `${days}-${clock}` : clock;
}

/** "HH:MM" of today, "MonDD" of this year, else the year. */
function formatStart(date: Date, { now }: ListContext): string {
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return date.toTimeString().slice(0, 5);
  if (date.getFullYear() === today.getFullYear())
    return date.toDateString().slice(4, 10).replace(" ", "");
  return String(date.getFullYear());
}

/** A device number as stat(2) packs it: pseudo-terminals are majors 136 to 143, consoles 4. */
function formatTerminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return `tty${minor}`;
  return device === 0 ? "?" : `${major}:${minor}`;
}

function formatState(process: ProcessInfo): string {
  const { state, nice, locked, session, pid, threads, foreground, pgid } = process;
  const priority = nice < 0 ? "<" : nice > 0 ? "N" : "";
  const marks = `${locked > 0 ? "L" : ""}${session === pid ? "s" : ""}${threads > 1 ? "l" : ""}`;
  return `${state}${priority}${marks}${foreground === pgid ? "+" : ""}`;
}
