#!/usr/bin/env bash
# The short form of tools/fp8_curves: SmolLM2 on real text for six steps, in
# bf16, an emulated recipe of torchao and te's delayed scaling on the reference
# library; and its judgement of curves that are off.
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
trains_and_stays_near_bf16
if ((failures > 0)); then
  exit 1
fi
echo "tools/fp8_curves does as it says"
