import { describe, expect, test } from "bun:test";
import { buildHosts, buildResolvConf } from "./files.ts";

const none = { servers: [], search: [], options: [] };

describe("buildHosts", () => {
  test("the container's address, extra hosts and host-gateway are listed", () => {
    const text = buildHosts({
      hostname: "web",
      domainname: "example.org",
      address: "172.17.0.2",
      gateway: "172.17.0.1",
      extraHosts: ["db:10.0.0.5", "host.docker.internal=host-gateway", "six:2001:db8::1"],
    });
    expect(text).toContain("10.0.0.5\tdb\n");
    expect(text).toContain("172.17.0.1\thost.docker.internal\n");
    expect(text).toContain("2001:db8::1\tsix\n");
    expect(text).toEndWith("172.17.0.2\tweb.example.org web\n");
  });
});

describe("buildResolvConf", () => {
  test("resolvers on the host's loopback are replaced in a network of its own", () => {
    expect(buildResolvConf("nameserver 127.0.0.53\nsearch lan\n", none, true)).toBe(
      "nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch lan\n",
    );
    expect(buildResolvConf("nameserver 127.0.0.53\n", none, false)).toBe("nameserver 127.0.0.53\n");
  });

  test("what the request names wins, and a dot clears the search list", () => {
    const asked = { servers: ["1.1.1.1"], search: ["."], options: ["ndots:2"] };
    expect(buildResolvConf("nameserver 9.9.9.9\nsearch lan\n", asked, true)).toBe(
      "nameserver 1.1.1.1\noptions ndots:2\n",
    );
  });
});
