import { describe, expect, test } from "bun:test";
import { EngineError } from "../../errors.ts";
import { HttpFailure, isTransient, parseRetryAfter, reasonOf, translate } from "./failures.ts";

const context = {
  host: "reg:5000",
  name: "reg:5000/app",
  what: "manifest for reg:5000/app:1",
  isManifest: true,
};
const failure = (status: number, body: unknown) =>
  new HttpFailure(status, Buffer.from(JSON.stringify(body)), null);
const coded = (code: string) => Object.assign(new Error("x"), { code });

describe("parseRetryAfter", () => {
  test("seconds and dates are both delays, nonsense is none", () => {
    expect(parseRetryAfter("3")).toBe(3000);
    expect(parseRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 4000)).toBe(6000);
    expect(parseRetryAfter("Thu, 01 Jan 1970 00:00:00 GMT", 4000)).toBe(0);
    expect(parseRetryAfter("soon")).toBeUndefined();
    expect(parseRetryAfter("-1e9")).toBeUndefined();
    expect(parseRetryAfter(null)).toBeUndefined();
  });
});

describe("isTransient", () => {
  test("what may pass is told from what will not", () => {
    for (const status of [408, 429, 500, 502, 503, 504])
      expect(isTransient(failure(status, {}))).toBe(true);
    for (const status of [400, 401, 403, 404, 416, 501])
      expect(isTransient(failure(status, {}))).toBe(false);
    expect(isTransient(coded("ECONNRESET"))).toBe(true);
    expect(isTransient(coded("ENOTFOUND"))).toBe(false);
    expect(isTransient(new EngineError("unavailable", "x"))).toBe(false);
  });
});

describe("translate", () => {
  test("a repository that the registry does not know is named", () => {
    const body = { errors: [{ code: "NAME_UNKNOWN", message: "m" }] };
    expect(translate(failure(404, body), context)).toMatchObject({
      code: "not_found",
      message: "repository reg:5000/app not found",
    });
  });

  test("an error body of any shape does no harm", () => {
    for (const body of [
      null,
      [],
      {},
      { errors: [] },
      { errors: [1] },
      { errors: { code: 1 } },
      { errors: [{ code: 1, message: {} }] },
    ]) {
      expect(translate(failure(500, body), context).message).toBe(
        "registry reg:5000 failed: HTTP status 500",
      );
    }
  });

  test("an engine error passes through", () => {
    const error = new EngineError("conflict", "x");
    expect(translate(error, context)).toBe(error);
  });

  test("an unknown reason is shown without control bytes", () => {
    expect(reasonOf(new Error("a\u001b[2Jb"))).toBe("a?[2Jb");
    expect(reasonOf(coded("CERT_HAS_EXPIRED"))).toBe("its certificate has expired");
  });
});
