import { formatColumns } from "./table.ts";
import { Template } from "./template/template.ts";

/** A row of a list, by field: what --format can name. Functions are methods of the template. */
export type Row = Record<string, string | null | ((name: string) => string)>;

export interface ListFormat {
  /** From --format: "table", "table TEMPLATE", "json" or a template. */
  format: string | undefined;
  quiet: boolean;
  /** The table that is printed when nothing else is asked for. */
  table: string;
  /** Column titles by field. */
  headers: Record<string, string>;
  /** Template of a row when only IDs are asked for. */
  quietFormat?: string;
}

/** Lays out a list as Docker's --format says. Throws EngineError on a bad template. */
export function formatList(rows: readonly Row[], options: ListFormat): string {
  const { source, table } = chooseFormat(options);
  const template = new Template(source);
  const print = (row: Row) => {
    const line = template.execute(row);
    return source === "{{json .}}" ? escapeMarkup(line) : line;
  };
  const body = rows.map((row) => `${print(row)}\n`).join("");
  if (!table) return body;
  const label = (name: string) => (name.split(".").at(-1) ?? "").replace(/[-_]/g, " ");
  const header = new Template(stripFunctions(source)).execute({ ...options.headers, Label: label });
  return formatColumns(`${header}\n${body}`);
}

function chooseFormat(options: ListFormat): { source: string; table: boolean } {
  const { format = "table", quiet, quietFormat = "{{.ID}}" } = options;
  if (quiet && (format === "table" || format === "")) return { source: quietFormat, table: false };
  if (format === "json") return { source: "{{json .}}", table: false };
  const isTable = format === "" || format === "table" || format.startsWith("table ");
  const asked = isTable ? format.slice("table".length).trim() : format;
  const source = asked === "" ? options.table : asked;
  return { source: source.replaceAll("\\t", "\t").replaceAll("\\n", "\n"), table: isTable };
}

/** JSON as Go writes it when it stands for a whole row: safe to stand in HTML. */
function escapeMarkup(json: string): string {
  return json.replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}

/** Column titles are shown as they are: `{{upper .Names}}` heads its column with NAMES. */
function stripFunctions(source: string): string {
  return source.replace(
    /\{\{-?\s*(?:json|upper|lower|title|join|split|truncate)\s+(\.\w+)[^}]*\}\}/g,
    "{{$1}}",
  );
}
