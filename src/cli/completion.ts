import { type Command, type CommandTable, type Completable, isGroup } from "./command.ts";

/** What completes after one command: `path` is its words, "container ls". */
export interface CompletionWords {
  path: string;
  summary: string;
  /** Subcommands of a group. */
  commands: string[];
  flags: CompletionFlag[];
  completes: readonly Completable[];
}

export interface CompletionFlag {
  name: string;
  short: string | undefined;
  summary: string;
  takesValue: boolean;
  choices: readonly string[];
  /** Its value is the name of such a thing, or one of `choices`. */
  completes: Completable | undefined;
}

/** Lays the table of commands out flat; "" is the program itself. */
export async function readWords(table: CommandTable): Promise<CompletionWords[]> {
  const words: CompletionWords[] = [describe("", "", Object.keys(table))];
  for (const [name, entry] of Object.entries(table)) {
    if (!isGroup(entry)) words.push(describeCommand(name, await entry.load()));
    else {
      words.push(describe(name, entry.summary, Object.keys(entry.commands)));
      for (const [inner, command] of Object.entries(entry.commands)) {
        words.push(describeCommand(`${name} ${inner}`, await command.load()));
      }
    }
  }
  return words;
}

function describe(path: string, summary: string, commands: string[]): CompletionWords {
  return { path, summary, commands, flags: [], completes: [] };
}

function describeCommand(path: string, command: Command): CompletionWords {
  const flags = Object.entries(command.flags)
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]) => ({
      name,
      short: flag.short,
      summary: flag.summary,
      takesValue: flag.kind !== "bool",
      choices: flag.choices ?? [],
      completes: flag.completes,
    }));
  const completes = [command.completes ?? []].flat();
  return { path, summary: command.summary, commands: [], flags, completes };
}

/** Commands whose output is the list of names that complete an argument. */
const listers: Record<Completable, string> = {
  containers: "ps -a --format '{{.Names}}'",
  images: "images --format '{{.Repository}}:{{.Tag}}'",
  networks: "network ls --format '{{.Name}}'",
  volumes: "volume ls -q",
};

export function buildBash(program: string, words: CompletionWords[]): string {
  const paths = words.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const cases = words.map(({ path, commands, flags, completes }) => {
    const options = flags.flatMap(({ name, short }) =>
      short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`],
    );
    const listed = completes.map((each) => list(program, each)).join(" ");
    const names = listed === "" ? "" : ` names="${listed}"`;
    return `    "${path}") commands="${commands.join(" ")}" options="${options.join(" ")}"${names} ;;`;
  });
  const choices = collectChoices(words).map(({ name, choices: values, completes }) => {
    const names = completes ? ` ${list(program, completes)}` : "";
    return `    --${name}) words="${values.join(" ")}${names}" ;;`;
  });
  return `# ${program} completion for bash: source <(${program} completion bash)
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" commands="" options="" names="" words="" i
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${paths.join(" | ")}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
      *) break ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  case "$previous" in
${choices.join("\n")}
  esac
  if [ -z "$words" ]; then
    case "$current" in
      -*) words="$options" ;;
      *) words="$commands $names" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # A name with a colon is several words to bash: only what is left of it is replaced.
  if [[ "$current" != *:* ]]; then return; fi
  local typed="\${current%"\${current##*:}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$typed"}")
}
complete -o default -F _${program} ${program}
`;
}

export function buildZsh(program: string, words: CompletionWords[]): string {
  const cases = words.map(({ path, commands, flags, completes }) => {
    const lines = commands.map((name) => {
      const inner = words.find((entry) => entry.path === (path === "" ? name : `${path} ${name}`));
      return `    list+=(${quote(`${name}:${inner?.summary ?? ""}`)})`;
    });
    for (const { name, short, summary } of flags) {
      lines.push(`    list+=(${quote(`--${name}:${summary.replaceAll(":", "\\:")}`)})`);
      if (short !== undefined)
        lines.push(`    list+=(${quote(`-${short}:${summary.replaceAll(":", "\\:")}`)})`);
    }
    for (const each of completes) lines.push(`    names+=(\${(f)"${list(program, each)}"})`);
    return `  ${quote(path)})\n${lines.join("\n")}\n    ;;`;
  });
  const paths = words.map(({ path }) => quote(path)).join(" ");
  return `#compdef ${program}
# ${program} completion for zsh: source <(${program} completion zsh)
_${program}() {
  local path_="" list=() names=() word
  local known=(${paths})
  for word in \${words[2,CURRENT-1]}; do
    local longer="\${path_:+$path_ }$word"
    if (( \${known[(Ie)$longer]} )); then path_=$longer; else break; fi
  done
  case $path_ in
${cases.join("\n")}
  esac
  _describe 'command' list
  (( \${#names} )) && compadd -a names
  [[ -n $path_ ]] && _files
  return 0
}
compdef _${program} ${program}
`;
}

export function buildFish(program: string, words: CompletionWords[]): string {
  const lines = [`# ${program} completion for fish: ${program} completion fish | source`];
  for (const { path, commands, flags, completes } of words) {
    const parts = path === "" ? [] : path.split(" ");
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const siblings =
      commands.length > 0 ? [`not __fish_seen_subcommand_from ${commands.join(" ")}`] : [];
    const condition = [...seen, ...siblings].join("; and ");
    const start = `complete -c ${program} -n ${quote(condition || "true")}`;
    for (const name of commands) {
      const inner = words.find((entry) => entry.path === [...parts, name].join(" "));
      lines.push(`${start} -f -a ${name} -d ${quote(inner?.summary ?? "")}`);
    }
    for (const { name, short, summary, takesValue, choices, completes: named } of flags) {
      const letter = short === undefined ? "" : ` -s ${short}`;
      const value = takesValue ? " -r" : "";
      const values = [...choices, ...(named ? [`(${program} ${listers[named]} 2>/dev/null)`] : [])];
      const listed = values.length > 0 ? ` -f -a ${quote(values.join(" "))}` : "";
      lines.push(`${start} -l ${name}${letter}${value}${listed} -d ${quote(summary)}`);
    }
    for (const each of completes) {
      lines.push(`${start} -a ${quote(`(${program} ${listers[each]} 2>/dev/null)`)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** In a shell, the names of what there is. */
function list(program: string, what: Completable): string {
  return `$(${program} ${listers[what]} 2>/dev/null)`;
}

/** Flags whose values are known; one flag has the same ones wherever it appears. */
function collectChoices(words: CompletionWords[]): CompletionFlag[] {
  const found = new Map<string, CompletionFlag>();
  for (const flag of words.flatMap(({ flags }) => flags)) {
    if (flag.choices.length > 0 || flag.completes) found.set(flag.name, flag);
  }
  return [...found.values()];
}

/** For the inside of single quotes in all three shells. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
