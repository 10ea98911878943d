#!/usr/bin/env bash
# count.sh bun|cargo LOG: prints "PASSED FAILED NAME" read from the closing lines of a test runner.
# A log without closing lines is a run that broke: it counts as one failure.
set -euo pipefail
case $1 in
  bun) awk '/^ *[0-9]+ pass$/ { p += $1; seen = 1 } /^ *[0-9]+ (fail|errors?)$/ { f += $1; seen = 1 }
    END { if (!seen) f = 1; print p + 0, f + 0, "bun" }' "$2" ;;
  cargo) awk '/^test result: / { p += $4; f += $6; seen = 1 }
    END { if (!seen) f = 1; print p + 0, f + 0, "cargo" }' "$2" ;;
  *) exit 2 ;;
esac
