import { version } from "../../package.json";
import type { SystemInfo } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { formatBinarySize } from "../cli/size.ts";
import { Template } from "../cli/template/template.ts";
import { openEngine } from "../client/open.ts";

export const info = defineCommand({
  name: "info",
  summary: "Display system-wide information",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    format: { kind: "string", short: "f", summary: 'Format output: "json" or a template' },
  },
  async run({ flags, target, stdout, stderr }) {
    const { format = "" } = flags;
    const template =
      format === "" ? undefined : new Template(format === "json" ? "{{json .}}" : format);
    const engine = openEngine(target);
    if (template) {
      const ClientInfo = {
        Version: version,
        Debug: false,
        Context: "default",
        Plugins: [],
        Warnings: null,
      };
      stdout.line(template.execute({ ...(await engine.info()), ClientInfo }));
      return exitCodes.ok;
    }
    stdout.print(`Client:\n Version:    ${version}\n\nServer:\n`);
    const system = await engine.info();
    stdout.print(`${formatInfo(system).join("\n")}\n\n`);
    for (const warning of system.Warnings ?? []) stderr.line(warning);
    return exitCodes.ok;
  },
});

/** Lines in Docker's order and words. */
function formatInfo(system: SystemInfo): string[] {
  const lines: string[] = [];
  const always = (label: string, value: unknown) => lines.push(` ${label}: ${value ?? ""}`);
  const known = (label: string, value: string | undefined) => {
    if (value) always(label, value);
  };
  const list = (label: string, items: readonly string[] | null | undefined) => {
    if (items && items.length > 0) lines.push(` ${label}:`, ...items.map((item) => `  ${item}`));
  };
  always("Containers", system.Containers ?? 0);
  always(" Running", system.ContainersRunning ?? 0);
  always(" Paused", system.ContainersPaused ?? 0);
  always(" Stopped", system.ContainersStopped ?? 0);
  always("Images", system.Images ?? 0);
  known("Server Version", system.ServerVersion);
  known("Storage Driver", system.Driver);
  for (const [name, value] of system.DriverStatus ?? []) always(` ${name}`, value);
  known("Logging Driver", system.LoggingDriver);
  known("Cgroup Driver", system.CgroupDriver);
  known("Cgroup Version", system.CgroupVersion);
  lines.push(" Plugins:");
  always(" Volume", (system.Plugins?.Volume ?? []).join(" "));
  always(" Network", (system.Plugins?.Network ?? []).join(" "));
  always(" Log", (system.Plugins?.Log ?? []).join(" "));
  always("Swarm", system.Swarm?.LocalNodeState ?? "inactive");
  const runtimes = Object.keys(system.Runtimes ?? {});
  if (runtimes.length > 0) {
    always("Runtimes", runtimes.join(" "));
    always("Default Runtime", system.DefaultRuntime);
  }
  known("Init Binary", system.InitBinary);
  known("containerd version", system.ContainerdCommit?.ID);
  known("runc version", system.RuncCommit?.ID);
  known("init version", system.InitCommit?.ID);
  lines.push(...formatSecurity(system.SecurityOptions));
  known("Kernel Version", system.KernelVersion);
  known("Operating System", system.OperatingSystem);
  known("OSType", system.OSType);
  known("Architecture", system.Architecture);
  always("CPUs", system.NCPU ?? 0);
  always("Total Memory", formatBinarySize(system.MemTotal ?? 0));
  known("Name", system.Name);
  known("ID", system.ID);
  always("Docker Root Dir", system.DockerRootDir);
  always("Debug Mode", system.Debug ?? false);
  known("HTTP Proxy", system.HttpProxy);
  known("HTTPS Proxy", system.HttpsProxy);
  known("No Proxy", system.NoProxy);
  list("Labels", system.Labels);
  always("Experimental", system.ExperimentalBuild ?? false);
  list("Insecure Registries", insecureRegistries(system));
  list("Registry Mirrors", system.RegistryConfig?.Mirrors);
  always("Live Restore Enabled", system.LiveRestoreEnabled ?? false);
  known("Firewall Backend", system.FirewallBackend?.Driver);
  return lines;
}

/** "name=seccomp,profile=default" → its name, and its profile below. */
function formatSecurity(options: readonly string[] | undefined): string[] {
  if (!options || options.length === 0) return [];
  const lines = [" Security Options:"];
  for (const option of options) {
    const fields = new URLSearchParams(option.replaceAll(",", "&"));
    lines.push(`  ${fields.get("name") ?? option}`);
    const profile = fields.get("profile");
    if (profile !== null) lines.push(`   Profile: ${profile}`);
  }
  return lines;
}

function insecureRegistries({ RegistryConfig }: SystemInfo): string[] {
  const named = Object.values(RegistryConfig?.IndexConfigs ?? {})
    .filter((index) => index?.Secure === false)
    .map((index) => index?.Name ?? "");
  return [...named, ...(RegistryConfig?.InsecureRegistryCIDRs ?? [])];
}
