/**
 * Program: carries connections between an address inside a namespace and one outside.
 * `bun relay.ts LISTEN TARGET`, each `unix:/path` or `tcp:host:port`. Prints "ready".
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

function dial(address: string): Socket {
  const { path, host, port } = parse(address);
  return path === undefined
    ? connect({ host, port, allowHalfOpen: true })
    : connect({ path, allowHalfOpen: true });
}

function parse(address: string): { path?: string; host: string; port: number } {
  if (address.startsWith("unix:")) return { path: address.slice(5), host: "", port: 0 };
  const [, host = "", port = ""] = address.split(":");
  return { host, port: Number(port) };
}

const [listen = "", target = ""] = process.argv.slice(2);
const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = dial(target);
  near.pipe(far);
  far.pipe(near);
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
  near.on("close", () => far.destroy());
  far.on("close", () => near.destroy());
});
const ready = () => {
  const bound = server.address() as AddressInfo | string;
  console.log(`ready ${typeof bound === "string" ? bound : bound.port}`);
};
const { path, host, port } = parse(listen);
if (path === undefined) server.listen(port, host, ready);
else server.listen(path, ready);
