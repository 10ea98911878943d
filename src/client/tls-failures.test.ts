import { expect, test } from "bun:test";
import { explainTls } from "./tls-failures.ts";

test.each([
  [
    "EPROTO",
    "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED",
    /asks for a client/,
  ],
  [
    "EPROTO",
    "error:10000415:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED",
    /refuses our certificate: certificate expired/,
  ],
  [
    "EPROTO",
    "error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA",
    /refuses our certificate: unknown ca/,
  ],
  [
    "EPROTO",
    "error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
    /does not speak TLS/,
  ],
  ["CERT_HAS_EXPIRED", "certificate has expired", /not trusted: certificate has expired/],
  ["SELF_SIGNED_CERT_IN_CHAIN", "self signed certificate", /not trusted/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "Host: other", /another host/],
])("%s, %s", (code, words, detail) => {
  expect(explainTls(code, words)?.detail).toMatch(detail);
});

test("what has nothing to do with TLS is left to others", () => {
  expect(explainTls("ECONNRESET", "read ECONNRESET")).toBeUndefined();
});
