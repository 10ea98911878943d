import { defineCommand, type Session } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { credentialKey, findCredentials, storeCredentials } from "./login/credentials.ts";
import { prompt, readPasswordFromStdin } from "./login/prompt.ts";

export const login = defineCommand({
  name: "login",
  summary: "Authenticate to a registry",
  usage: "[SERVER]",
  arity: { min: 0, max: 1 },
  flags: {
    password: { kind: "string", short: "p", summary: "Password or Personal Access Token (PAT)" },
    "password-stdin": { kind: "bool", summary: "Take the password from stdin" },
    username: { kind: "string", short: "u", summary: "Username" },
  },
  async run(context) {
    const { flags, args, target, stdout, stderr } = context;
    const [server = "docker.io"] = args;
    const serveraddress = credentialKey(server);
    const { username, password } = await askCredentials(context, flags, server);
    const reply = await openEngine(target).auth({ username, password, serveraddress });
    const token = reply.IdentityToken;
    const path = await storeCredentials({
      username,
      password,
      serveraddress,
      ...(token ? { identitytoken: token } : {}),
    });
    stderr.line(`WARNING! Your credentials are stored unencrypted in '${path}'.`);
    stdout.line(reply.Status || "Login Succeeded");
    return exitCodes.ok;
  },
});

interface LoginFlags {
  username: string | undefined;
  password: string | undefined;
  "password-stdin": boolean;
}

async function askCredentials(session: Session, flags: LoginFlags, server: string) {
  if (flags["password-stdin"]) {
    if (flags.password !== undefined) throw conflict();
    if (!flags.username) {
      throw new EngineError("invalid_argument", "must provide --username with --password-stdin");
    }
    return { username: flags.username, password: await readPasswordFromStdin() };
  }
  if (flags.password !== undefined) {
    session.stderr.line("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
  }
  if (flags.username && flags.password) {
    return { username: flags.username, password: flags.password };
  }
  const stored = await findCredentials(server);
  if (stored && !flags.username && !flags.password && stored.password !== "") {
    session.stderr.line(
      `Authenticating with existing credentials... [Username: ${stored.username}]`,
    );
    return { username: stored.username, password: stored.password };
  }
  const username = flags.username || (await prompt(session, "Username: "));
  const password = flags.password || (await prompt(session, "Password: ", { secret: true }));
  if (username === "" || password === "") {
    throw new EngineError("invalid_argument", "username and password are required");
  }
  return { username, password };
}

function conflict(): EngineError {
  return new EngineError(
    "invalid_argument",
    "conflicting options: cannot specify both --password and --password-stdin",
  );
}
