#!/usr/bin/env bash
# Installs what is missing and runs every test. Ends with what failed, if anything, and "N passed, N failed".
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || die "the tests start containers and need root: run it again with sudo"
# Where a skipped test would go unseen, what it needs is required.
[ "${CI-}" = true ] && export RT_MUST_RUN=1
status=0
rm -f dist/log/*-tests.log

./scripts/setup.sh --tests
./scripts/check.sh || status=1
if [ -x dist/rt ]; then
  say "Whole-binary tests"
  "$(bun_path)" test --timeout 60000 tests 2>&1 </dev/null | tee dist/log/whole-binary-tests.log || status=1
  ./scripts/count.sh bun dist/log/whole-binary-tests.log >>dist/results
else
  say "FAIL  whole-binary tests: dist/rt was not built"
  echo "0 1 whole-binary" >>dist/results
fi

read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' dist/results)
# Once more where a log that was cut off in front still has it.
for log in unit-tests cargo-tests whole-binary-tests; do
  runner=bun
  [ "$log" = cargo-tests ] && runner=cargo
  [ ! -e "dist/log/$log.log" ] || ./scripts/failures.sh "$runner" "dist/log/$log.log"
done
awk '$1 == 0 && $2 > 0 && NF > 2 { print "failed: " $3, $4, $5 }' dist/results
[ "$failed" = 0 ] && [ "$passed" -gt 0 ] || status=1
echo "$passed passed, $failed failed"
exit "$status"
