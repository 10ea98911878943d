/** 0.4 → "Less than a second", 3700 → "About an hour": as Docker says how long ago it was. */
export function formatAge(seconds: number): string {
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.trunc(seconds / 3600 + 0.5);
  if (seconds < 1) return "Less than a second";
  if (seconds < 2) return "1 second";
  if (seconds < 60) return `${Math.trunc(seconds)} seconds`;
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / 3600 / 24 / 365)} years`;
}

/** Unix seconds → "2026-11-24 05:52:15 +0100 CET", local time as Go prints it. */
export function formatTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  const pad = (n: number) => String(Math.abs(n)).padStart(2, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${pad(Math.trunc(offset / 60))}${pad(offset % 60)}`;
  const name =
    new Intl.DateTimeFormat("en-US", { timeZoneName: "short" })
      .formatToParts(date)
      .find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
  return `${day} ${time} ${zone} ${name}`;
}

/**
 * A moment as --since and --until take it: RFC 3339, a date, Unix seconds, or a duration before now.
 * Returns Unix seconds, with nanoseconds if given, as the API wants them.
 */
export function parseMoment(text: string, now: number = Date.now()): string | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const ago = /^((?:\d+(?:\.\d*)?(?:h|m|s|ms))+)$/.exec(text);
  if (ago) {
    const units: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };
    let seconds = 0;
    for (const part of text.matchAll(/(\d+(?:\.\d*)?)(ms|h|m|s)/g)) {
      seconds += Number(part[1]) * (units[part[2] ?? ""] ?? 0);
    }
    return (now / 1000 - seconds).toFixed(9);
  }
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?$/.exec(
      text,
    );
  if (!match) return undefined;
  const [, day, time = "00:00:00", fraction = "", zone = ""] = match;
  const seconds = Date.parse(`${day}T${time}${zone}`) / 1000;
  return Number.isNaN(seconds) ? undefined : `${seconds}.${fraction.padEnd(9, "0")}`;
}
