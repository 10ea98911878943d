import { version as clientVersion } from "../../package.json";
import type { SystemVersion } from "../api/types.ts";
import { apiVersion } from "../api/version.ts";
import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { formatColumns } from "../cli/table.ts";
import { Template } from "../cli/template/template.ts";
import { openEngine } from "../client/open.ts";

export const version = defineCommand({
  name: "version",
  summary: "Show the version of client and server",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    format: { kind: "string", short: "f", summary: 'Format output: "json" or a template' },
  },
  async run({ flags, target, stdout }) {
    const { format = "" } = flags;
    const template =
      format === "" ? undefined : new Template(format === "json" ? "{{json .}}" : format);
    const Client = buildClient();
    let Server: SystemVersion | null = null;
    let failure: unknown;
    try {
      Server = await openEngine(target).version();
    } catch (error) {
      failure = error;
    }
    if (template) stdout.line(template.execute({ Client, Server }));
    else stdout.print(formatColumns(formatVersions(Client, Server), { minWidth: 20, padding: 1 }));
    if (failure !== undefined) throw failure;
    return exitCodes.ok;
  },
});

function buildClient() {
  return {
    Version: clientVersion,
    ApiVersion: apiVersion,
    DefaultAPIVersion: apiVersion,
    BunVersion: Bun.version,
    Os: "linux",
    Arch: process.arch === "x64" ? "amd64" : process.arch,
  };
}

type Client = ReturnType<typeof buildClient>;

/** As Docker lays it out; a column of names, a tab, a column of values. */
function formatVersions(client: Client, server: SystemVersion | null): string {
  const lines = [
    "Client:",
    ` Version:\t${client.Version}`,
    ` API version:\t${client.ApiVersion}`,
    ` Bun version:\t${client.BunVersion}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
  ];
  if (server) lines.push("", ...formatServer(server));
  return `${lines.join("\n")}\n`;
}

function formatServer(server: SystemVersion): string[] {
  const platform = server.Platform?.Name;
  const lines = [`Server:${platform ? ` ${platform}` : ""}`];
  const components = server.Components ?? [];
  const hasEngine = components.some(({ Name }) => Name === "Engine");
  const all = hasEngine
    ? components
    : [...components, { Name: "Engine", Version: server.Version ?? "" }];
  for (const { Name, Version, Details } of all) {
    const details: Record<string, unknown> = { ...(Name === "Engine" ? server : {}), ...Details };
    lines.push(` ${Name}:`, `  Version:\t${Version}`);
    if (Name === "Engine") lines.push(...formatEngine(details));
    else {
      const names = Object.keys(Details ?? {}).sort((a, b) => (a < b ? -1 : 1));
      lines.push(...names.map((name) => `  ${name}:\t${details[name] ?? ""}`));
    }
  }
  return lines;
}

function formatEngine(details: Record<string, unknown>): string[] {
  const text = (name: string) => String(details[name] ?? "");
  const lines = [
    `  API version:\t${text("ApiVersion")} (minimum version ${text("MinAPIVersion")})`,
  ];
  const optional = [
    ["Go version", "GoVersion"],
    ["Bun version", "BunVersion"],
    ["Git commit", "GitCommit"],
  ] as const;
  for (const [label, name] of optional) {
    if (text(name) !== "") lines.push(`  ${label}:\t${text(name)}`);
  }
  if (text("BuildTime") !== "") lines.push(`  Built:\t${formatBuildTime(text("BuildTime"))}`);
  lines.push(
    `  OS/Arch:\t${text("Os")}/${text("Arch")}`,
    `  Experimental:\t${text("Experimental") || "false"}`,
  );
  return lines;
}

/** "2026-05-07T21:09:36.000000000+00:00" → "Thu May  7 21:09:36 2026". */
function formatBuildTime(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const [weekday, day, month, year, time] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}
