import { describe, expect, test } from "bun:test";
import { Router } from "./router.ts";

describe("Router", () => {
  const router = new Router();

  test("a literal segment wins over a parameter", () => {
    expect(router.find("GET", "/containers/json")).toEqual({ route: "containerList", params: {} });
    expect(router.find("GET", "/containers/abc/json")).toEqual({
      route: "containerInspect",
      params: { id: "abc" },
    });
  });

  test("an image name may hold slashes and encoded characters", () => {
    expect(router.find("GET", "/images/host%3A5000/a/b/json")).toEqual({
      route: "imageInspect",
      params: { name: "host:5000/a/b" },
    });
  });

  test("a known path with another method is told apart from an unknown path", () => {
    expect(router.find("PUT", "/containers/json")).toBe("method");
    expect(router.find("GET", "/nowhere")).toBeUndefined();
  });

  test("networks are listed with a slash behind, as Docker lists them", () => {
    expect(router.find("GET", "/networks/")).toEqual({ route: "networkList", params: {} });
    expect(router.find("GET", "/volumes/")).toBeUndefined();
  });

  test("a broken percent sequence or a control byte is malformed", () => {
    for (const id of ["%zz", "a%00b", "%0a", "%7f", "%ff"]) {
      expect(router.find("GET", `/containers/${id}/json`)).toBe("malformed");
    }
  });
});
