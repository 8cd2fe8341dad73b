#!/usr/bin/env bash
# The short form of tools/fp8_curves: SmolLM2 on real text for six steps, in
# bf16, an emulated recipe of torchao and te's delayed scaling on the reference
# library; what it keeps; and its judgement of curves that are off.
#
#   fp8_curves_test.sh SOURCE_FOLDER
set -euo pipefail
source_folder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

trains_and_stays_near_bf16() {
  "$source_folder/tools/fp8_curves" --steps 6 --output "$work/curves" \
    --set run.threads=1 torchao:emulate=true,recipe=rowwise \
    te-reference:recipe=delayed >"$work/table" 2>"$work/said" ||
    fail "a status of 0 expected; it said: $(cat "$work/table" "$work/said")"
  ! grep -v '^\[fp8_curves\] ' "$work/said" >"$work/else" ||
    fail "only its own words expected, found: $(cat "$work/else")"
  [[ $(head -1 "$work/curves/curves.csv") == \
    step,bf16,torchao-rowwise,te-reference-delayed ]] ||
    fail "three runs expected in $(head -1 "$work/curves/curves.csv")"
  (($(wc -l <"$work/curves/curves.csv") == 7)) ||
    fail "six steps expected in $(cat "$work/curves/curves.csv")"
  grep -q '<polyline' "$work/curves/curves.svg" || fail "no curve was drawn"
  grep -q '^| te-reference-delayed | grad_output | [0-9.]* |' "$work/table" ||
    fail "no SQNR of te's gradients in $(cat "$work/table")"
}

keeps_what_it_has_trained() {
  cp "$work/curves/curves.csv" "$work/before"
  "$source_folder/tools/fp8_curves" --steps 6 --output "$work/curves" \
    --set run.threads=1 torchao:emulate=true,recipe=rowwise \
    te-reference:recipe=delayed >"$work/table" 2>"$work/said" ||
    fail "again: a status of 0 expected; it said: $(cat "$work/said")"
  [[ $(grep -v note: "$work/said" | sort) == \
    "[fp8_curves] bf16: kept
[fp8_curves] te-reference-delayed: kept
[fp8_curves] torchao-rowwise: kept" ]] ||
    fail "again: three runs that are kept expected, it said: $(cat "$work/said")"
  cmp "$work/before" "$work/curves/curves.csv" || fail "again: other losses"
}

# A tree with a trainer that only writes losses, or, where $work/broken is, half
# of them and fails.
make_a_tree_of_stand_ins() {
  local tree=$work/tree
  local model=$work/cache/octet/models/smollm2-135m-instruct
  mkdir -p "$tree/tools" "$tree/build/bin" "$tree/build/lib/octet/plugins" "$model"
  cp "$source_folder"/tools/{fp8_curves,fp8_curves.awk,cache_folder} "$tree/tools/"
  cat >"$tree/build/bin/trainer" <<'TRAINER'
#!/usr/bin/env bash
for word in "$@"; do
  [[ $word != run.output=* ]] || output=${word#*=}
done
mkdir -p "$output"
for loss in 3.5 3.4; do
  [[ $loss == 3.5 || ! -e ../broken ]] || exit 1
  echo "{\"event\": \"step\", \"loss\": $loss, \"tokens_per_second\": 9}"
done >"$output/events.jsonl"
echo "data: 2 samples"
TRAINER
  chmod +x "$tree/build/bin/trainer"
  echo base >"$tree/build/lib/octet/liboctet_base.so"
  echo eight >"$tree/build/lib/octet/plugins/eight.so"
  echo weights >"$model/SmolLM2-135M-Instruct.Q4_1.gguf"
  echo words >"$work/words.txt"
}

# says WHEN BF16 EIGHT [ARGUMENT...]: what it says of the two runs, "kept" or
# what differs.
says() {
  local when=$1 name expected
  "$work/tree/tools/fp8_curves" --steps 2 --jobs 2 --output "$work/two" \
    --text "$work/words.txt" "${@:4}" eight >/dev/null 2>"$work/said" ||
    fail "$when: a status of 0 expected, it said: $(cat "$work/said")"
  for name in bf16 eight; do
    expected="[fp8_curves] $name: kept"
    [[ $2 == kept ]] || expected="[fp8_curves] $name: run again, since $2"
    shift
    grep -qxF "$expected" "$work/said" ||
      fail "$when: '$expected' expected, it said: $(cat "$work/said")"
  done
}

runs_again_what_another_run_left() {
  local differs="the run in $work/two differs in"
  export XDG_CACHE_HOME=$work/cache
  make_a_tree_of_stand_ins
  "$work/tree/tools/fp8_curves" --steps 2 --jobs 2 --output "$work/two" \
    --text "$work/words.txt" eight >/dev/null 2>&1 || fail "no first run"
  says "the same" kept kept
  mv "$work/words.txt" "$work/moved.txt"
  says "the same text elsewhere" kept kept --text "$work/moved.txt"
  echo "other words" >"$work/words.txt"
  says "another text" "$differs text" "$differs text"
  says "another --set" "$differs settings" "$differs settings" \
    --set train.seed=2
  says "without it" "$differs settings" "$differs settings"
  echo nine >"$work/tree/build/lib/octet/plugins/eight.so"
  says "another plugin" kept "$differs programs"
  echo "# another" >>"$work/tree/build/bin/trainer"
  says "another trainer" "$differs programs" "$differs programs"
  sed -i 's/2e-5/3e-5/' "$work/tree/tools/fp8_curves"
  says "another rate" "$differs run.toml" "$differs run.toml"
  rm "$work/two/eight.stamp"
  says "no stamp" kept "nothing tells what the run in $work/two was made from"
  says "the same at last" kept kept

  # A run that failed leaves nothing that the next one would keep.
  : >"$work/broken"
  if "$work/tree/tools/fp8_curves" --steps 2 --jobs 2 --output "$work/two" \
    --text "$work/words.txt" --set a.b=1 eight >/dev/null 2>&1; then
    fail "a broken trainer: a status of 0"
  fi
  rm "$work/broken"
  "$work/tree/tools/fp8_curves" --steps 2 --jobs 2 --output "$work/two" \
    --text "$work/words.txt" --set a.b=1 eight >/dev/null 2>"$work/said" ||
    fail "a trainer that works again: $(cat "$work/said")"
  if grep -q kept "$work/said"; then
    fail "half a run was kept: $(cat "$work/said")"
  fi
  unset XDG_CACHE_HOME
}

# judged STATUS TEXT: curves from standard input.
judged() {
  local status=0
  mkdir -p "$work/judged"
  cat >"$work/judged/curves.csv"
  : >"$work/judged/bf16.speed"
  : >"$work/judged/fp8.speed"
  awk -v output="$work/judged" -f "$source_folder/tools/fp8_curves.awk" \
    "$work/judged/curves.csv" >/dev/null 2>"$work/said" || status=$?
  ((status == $1)) || fail "status $1 expected, got $status: $2"
  [[ $(cat "$work/said") == "$2" ]] ||
    fail "expected '$2', it said '$(cat "$work/said")'"
}

# curves STEPS FIRST LAST FACTOR: bf16 from FIRST to LAST, the other that times
# FACTOR.
curves() {
  awk -v n="$1" -v first="$2" -v last="$3" -v factor="$4" 'BEGIN {
    print "step,bf16,fp8"
    for (i = 1; i <= n; ++i) {
      loss = first + (last - first) * (i - 1) / (n - 1)
      print i "," loss "," loss * factor
    }
  }'
}

says_which_curve_is_off() {
  judged 0 "" < <(curves 300 3.5 2.5 1.014)
  judged 1 "[fp8_curves] fp8 is more than 1.5% away from bf16" \
    < <(curves 300 3.5 2.5 1.016)
  judged 1 "[fp8_curves] fp8 is more than 1.5% away from bf16" \
    < <(curves 300 3.5 2.5 0.984)
  judged 1 "[fp8_curves] the bf16 loss has not fallen by 3%" \
    < <(curves 300 3.5 3.45 1)
  judged 0 "" < <(curves 6 3.5 3.4 1.039)
  judged 1 "[fp8_curves] fp8 is more than 4% away from bf16 in 6 steps" \
    < <(curves 6 3.5 3.4 1.041)
}

says_which_curve_is_off
runs_again_what_another_run_left
trains_and_stays_near_bf16
keeps_what_it_has_trained
if ((failures > 0)); then
  exit 1
fi
echo "tools/fp8_curves does as it says"
