#!/usr/bin/env bash
# failures.sh bun|cargo LOG: prints each failed test of a test runner's log with its file and the first
# words of why, so that they can stand at the end of a long output.
set -euo pipefail
case $1 in
  bun) awk '
    function cut(text) { return length(text) > 200 ? substr(text, 1, 200) "…" : text }
    # The runner repeats the names of all failures behind the tests.
    /^[0-9]+ tests? failed:$/ { exit }
    /\.test\.ts:$/ && !/^ / { file = $0; why = ""; lines = 0; next }
    /^error: / { why = ""; lines = 0; speaking = 1 }
    /^# Unhandled error/ { between = cut($0) }
    /^ +at / && between { printf "%s %s\n%s", file, between, why; between = "" }
    /^ +at / || /^\((pass|skip|todo)\)/ { speaking = 0 }
    speaking && NF && lines < 8 { why = why "    " cut($0) "\n"; lines++ }
    /^\(pass\)/ { why = ""; lines = 0 }
    /^\(fail\)/ { speaking = 0; printf "%s %s\n%s", file, cut($0), why; why = ""; lines = 0; failed = 1; next }
    failed && /^  \^ / { print "  " cut($0) }
    { failed = 0 }' "$2" ;;
  cargo) awk '
    /^ +Running / { file = $2 " " $3 }
    /^---- .* stdout ----$/ { print file ": " $2; lines = 6; next }
    /^note: / { lines = 0 }
    lines > 0 && NF { print "    " substr($0, 1, 200); lines-- }' "$2" ;;
  *) exit 2 ;;
esac
