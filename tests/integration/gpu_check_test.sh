#!/usr/bin/env bash
# tools/gpu_check on a machine without a GPU: it ends at once with a sentence;
# with --device cpu --tiny it runs from start to report.
#
#   gpu_check_test.sh SOURCE_FOLDER CMAKE
set -euo pipefail
source_folder=$1 cmake=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

gpu_check() { # arguments; sets status and output
  status=0
  output=$("$source_folder/tools/gpu_check" --no-build --output "$work/out" \
    "$@" 2>&1) || status=$?
}

# json KEY...: a member of report.json, read by CMake.
json() {
  cat >"$work/get.cmake" <<'CMAKE'
file(READ ${REPORT} text)
string(JSON value GET "${text}" ${KEYS})
message("${value}")
CMAKE
  "$cmake" "-DREPORT=$work/out/report.json" "-DKEYS=$(IFS=';' && echo "$*")" \
    -P "$work/get.cmake" 2>&1
}

ends_with_a_sentence_without_a_gpu() {
  if "$source_folder/build/bin/trainer" doctor --device cuda >/dev/null; then
    return # this machine has one
  fi
  gpu_check
  ((status == 3)) || fail "no GPU: status 3 expected, got $status: $output"
  [[ $output == '[gpu_check] run.device = "cuda": '* && $output != *$'\n'* ]] ||
    fail "no GPU: one sentence expected, got: $output"
  [[ ! -e $work/out/report.md ]] || fail "no GPU: a report was written"
}

refuses_an_unknown_argument() {
  gpu_check --tinny
  ((status == 2)) || fail "unknown argument: status 2 expected, got $status"
  [[ $output == *"found '--tinny'"* ]] || fail "unknown argument: $output"
}

runs_from_start_to_report_on_the_cpu() {
  gpu_check --device cpu --tiny --steps 2
  ((status == 0)) || fail "on the CPU: status 0 expected, got $status: $output"
  [[ $(json verdict) == pass ]] || fail "verdict: $(json verdict)"
  [[ $(json doctor device name) == cpu ]] || fail "$(json doctor device name)"
  [[ $(json times 0 run) == tiny-bf16 ]] || fail "times: $(json times)"
  grep -q '^| auto, tiny model | not judged | [0-9.]*x bf16, on the CPU |$' \
    "$work/out/report.md" || fail "no row of auto in $(cat "$work/out/report.md")"
  grep -q '^| training with torchao | pass | loss .*, no NaN |$' \
    "$work/out/report.md" || fail "no training with torchao"
  local name
  for name in numbers-bf16 numbers-torchao; do
    (($(wc -l <"$work/out/$name.steps") == 6)) ||
      fail "losses of six steps expected in $(cat "$work/out/$name.steps")"
  done
  grep -q '^| decoder against the CPU | pass | [1-9]' "$work/out/report.md" ||
    fail "no decoder against the CPU"
  for name in "products of te" "training with te" "FP8 casts of the hardware" \
    "delayed scaling, 100 golden steps on Transformer Engine"; do
    grep -q "^| $name | not judged | it needs a GPU |\$" "$work/out/report.md" ||
      fail "no row that $name needs a GPU"
  done
  if grep -q '| skipped |' "$work/out/report.md"; then
    fail "on the CPU: $(grep '| skipped |' "$work/out/report.md")"
  fi
}

# Google Test's sharding leaves no test of a program over.
is_incomplete_when_a_test_did_not_run() {
  status=0
  output=$(GTEST_TOTAL_SHARDS=100000 GTEST_SHARD_INDEX=99999 \
    "$source_folder/tools/gpu_check" --no-build --output "$work/out" \
    --device cpu --tiny --steps 1 2>&1) || status=$?
  ((status == 4)) || fail "nothing ran: status 4 expected, got $status: $output"
  [[ $(json verdict) == incomplete ]] || fail "verdict: $(json verdict)"
  grep -q '^| decoder against the CPU | skipped | 0 tests passed, 0 skipped |$' \
    "$work/out/report.md" || fail "no decoder: $(cat "$work/out/report.md")"
}

# The recipes of FP8 are those that a GPU of that capability has.
chooses_recipes_by_capability() {
  local all=$'torchao tensorwise\ntorchao rowwise\ntorchao rowwise_with_gw_hp'
  all+=$'\nte delayed\nte current'
  local capability more
  for capability in 8.9: 9.0:block 10.0:mxfp8 10.3:mxfp8 12.0:; do
    more=${capability#*:}
    gpu_check --recipes "${capability%:*}"
    [[ $status == 0 && $output == "$all${more:+$'\n'te $more}" ]] ||
      fail "recipes of ${capability%:*}: $output"
  done
  gpu_check --recipes hopper
  [[ $status == 2 && $output == *"such as 9.0 expected, found 'hopper'"* ]] ||
    fail "recipes of hopper: status $status: $output"
}

# A model without a tokenizer (a program `cp` that copies nothing) fails every
# run, and the report is written all the same.
tells_what_failed() {
  rm "$work"/out/models/tiny/tokenizer*.json
  printf '#!/usr/bin/env bash\n' >"$work/cp"
  chmod +x "$work/cp"
  status=0
  output=$(PATH=$work:$PATH "$source_folder/tools/gpu_check" --no-build \
    --output "$work/out" --device cpu --tiny --steps 1 2>&1) || status=$?
  ((status == 1)) || fail "a broken model: status 1 expected, got $status"
  [[ $(json verdict) == fail ]] || fail "a broken model: $(json verdict)"
  grep -q '^| training with bf16 | fail | .*tokenizer' "$work/out/report.md" ||
    fail "a broken model: $(cat "$work/out/report.md")"
}

ends_with_a_sentence_without_a_gpu
refuses_an_unknown_argument
chooses_recipes_by_capability
runs_from_start_to_report_on_the_cpu
is_incomplete_when_a_test_did_not_run
tells_what_failed
((failures == 0))
