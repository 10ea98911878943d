import type { Session } from "../../cli/command.ts";
import { EngineError } from "../../errors.ts";

/** All of stdin without its last line break. */
export async function readPasswordFromStdin(): Promise<string> {
  const password = (await Bun.stdin.text()).replace(/\r?\n$/, "");
  if (password === "") throw new EngineError("invalid_argument", "password is empty");
  return password;
}

/** Asks for a line on the terminal; a secret is not echoed. */
export async function prompt(
  session: Session,
  question: string,
  options: { secret?: boolean } = {},
): Promise<string> {
  const { enterRawMode, isTerminal } = await import("../../cli/terminal.ts");
  if (!isTerminal(0)) {
    throw new EngineError(
      "invalid_argument",
      "Error: Cannot perform an interactive login from a non TTY device",
      { hint: "give --username, and the password with --password-stdin" },
    );
  }
  session.stderr.print(question);
  using _ = options.secret ? await enterRawMode() : undefined;
  let line = "";
  const decoder = new TextDecoder();
  for await (const chunk of process.stdin) {
    for (const char of decoder.decode(chunk, { stream: true })) {
      if (char === "\r" || char === "\n" || char === "\u0004") {
        process.stdin.pause();
        if (options.secret) session.stderr.print("\n");
        return line.trim();
      }
      if (char === "\u0003") throw new EngineError("invalid_argument", "login was cancelled");
      line = char === "\u007f" ? line.slice(0, -1) : line + char;
    }
  }
  return line.trim();
}
