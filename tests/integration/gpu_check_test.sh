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
    "FP8 casts of Transformer Engine" \
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

# A tree of stand-ins: a doctor that sees a GPU and te's library, or not, as
# $work/doctor says; trainings that fail; and an octet_conformance that finds
# te's library only where it is told, since the real one gives a plugin a home
# of its own.
make_a_tree_of_stand_ins() {
  local bin=$work/tree/build/bin
  mkdir -p "$bin" "$work/tree/tools" "$work/tree/docs" \
    "$work/tree/tests/fixtures/train"
  cp "$source_folder"/tools/{gpu_check,cache_folder} "$work/tree/tools/"
  cp "$source_folder/docs/README.md" "$work/tree/docs/"
  cp -r "$source_folder/tests/fixtures/train/tiny" \
    "$work/tree/tests/fixtures/train/"
  cat >"$bin/trainer" <<TRAINER
#!/usr/bin/env bash
case "\$*" in
  "doctor --device cuda --json") echo '{"capability": "9.0"}' ;;
  "doctor --device cuda") cat "$work/doctor" ;;
  *) exit 1 ;;
esac
TRAINER
  cat >"$bin/octet_conformance" <<CONFORMANCE
#!/usr/bin/env bash
printf '%s\n' "\$*" >>"$work/asked"
[[ \$1 != */te.so || "\$*" == *" --set library="* ]] || {
  echo "  probe         skipped  Transformer Engine is not installed"
  exit 3
}
CONFORMANCE
  printf '#!/usr/bin/env bash\n' >"$bin/random_model"
  chmod +x "$bin"/*
}

# check_te DOCTOR'S_ROW LIBRARY: the library expected in every call for te; ""
# when none is to be named.
check_te() {
  local recipe verdict=${2:+pass}
  printf '%s\n' "$1" "a run computes on cuda:0" >"$work/doctor"
  rm -f "$work/asked"
  XDG_CACHE_HOME=$work/cache "$work/tree/tools/gpu_check" --no-build --tiny \
    --steps 1 --output "$work/stand_ins" >/dev/null 2>&1 || true
  for recipe in delayed current block; do
    grep -q "^| products of te recipe=$recipe | ${verdict:-skipped} |" \
      "$work/stand_ins/report.md" || fail "te: ${verdict:-skipped} expected of" \
      "$recipe where the doctor says '$1': $(cat "$work/stand_ins/report.md")"
  done
  [[ $(grep '/te\.so ' "$work/asked" | sed -n 's/.* library=//p' | sort -u) == "$2" ]] ||
    fail "te: the library '$2' expected in $(cat "$work/asked")"
}

tells_te_where_its_library_is() {
  local site=$work/site/transformer_engine/libtransformer_engine.so
  local missing="backend te          missing  it is not there (no such file)"
  make_a_tree_of_stand_ins
  check_te "$missing" ""
  mkdir -p "${site%/*}" "$work/cache/octet/transformer-engine"
  : >"$site"
  check_te "$missing" "$work/cache/octet/transformer-engine"
  check_te "backend te          ok       Transformer Engine 2.20.2 ($site)" "$site"
  if grep '/bf16\.so\|/torchao\.so' "$work/asked" | grep -q library=; then
    fail "only te has an option library: $(cat "$work/asked")"
  fi
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
tells_te_where_its_library_is
runs_from_start_to_report_on_the_cpu
is_incomplete_when_a_test_did_not_run
tells_what_failed
((failures == 0))
