/** The only reader of process.env: what the environment says, by name, read when asked. */
export const env = {
  /** The engine to talk to, as `-H` would name it: RT_HOST, then DOCKER_HOST. */
  host: (): string | undefined => process.env.RT_HOST || process.env.DOCKER_HOST || undefined,
  /** https://no-color.org: set and not empty means no colours. */
  noColor: (): boolean => (process.env.NO_COLOR ?? "") !== "",
  /** Directory of the client's config.json (credentials), as Docker's DOCKER_CONFIG. */
  configDir: (): string | undefined =>
    process.env.RT_CONFIG || process.env.DOCKER_CONFIG || undefined,
  /** Docker's switches of TLS: set and not empty means on. */
  tls: (): boolean => (process.env.DOCKER_TLS ?? "") !== "",
  tlsVerify: (): boolean => (process.env.DOCKER_TLS_VERIFY ?? "") !== "",
  /** Directory of ca.pem, cert.pem and key.pem. */
  certPath: (): string =>
    process.env.DOCKER_CERT_PATH || env.configDir() || `${process.env.HOME || "/root"}/.docker`,
  home: (): string => process.env.HOME || "/root",
  term: (): string => process.env.TERM ?? "",
  /** Value of a variable that the user asked to pass on with `-e NAME`. */
  lookup: (name: string): string | undefined => process.env[name],
  /** Bun sends requests for loopback through HTTP_PROXY too; a registry on this host is never behind it. */
  keepLoopbackDirect: (): void => {
    const own = ["127.0.0.1", "localhost", "::1"];
    const known = (process.env.NO_PROXY ?? process.env.no_proxy ?? "")
      .split(",")
      .filter((name) => name !== "");
    process.env.NO_PROXY = [...new Set([...known, ...own])].join(",");
  },
};
