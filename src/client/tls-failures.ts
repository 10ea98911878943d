const certificateHint = "give the CA of the daemon's certificate with --tlscacert";

/** What OpenSSL's codes and words mean to a user; undefined for what has nothing to do with TLS. */
export function explainTls(
  code: string,
  words: string,
): { detail: string; hint: string } | undefined {
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(words)) {
    const hint = "give a certificate of the daemon's CA with --tlscert and --tlskey";
    return { detail: "it asks for a client certificate", hint };
  }
  if (
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|DECRYPT_ERROR|UNSUPPORTED_CERT\w*)/.test(
      words,
    )
  ) {
    const reason = /ALERT_(\w+)/.exec(words)?.[1]?.toLowerCase().replaceAll("_", " ");
    const hint = "the certificate in --tlscert has to be valid, and of the daemon's CA";
    return { detail: `it refuses our certificate: ${reason}`, hint };
  }
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH/.test(words)) {
    return {
      detail: "it does not speak TLS",
      hint: "leave --tls and --tlsverify out, or name another port",
    };
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return {
      detail: `its certificate is for another host: ${words}`,
      hint: "name the host as the certificate does",
    };
  }
  if (/CERT|SIGNATURE|SELF_SIGNED|ISSUER/.test(code)) {
    return { detail: `its certificate is not trusted: ${words}`, hint: certificateHint };
  }
  return undefined;
}
