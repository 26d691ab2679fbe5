#!/usr/bin/env bash
# Train a run, and fail (exit code 1) where it has collapsed to one point or misses what is required of it.
#
#     bash examples/gate.sh [moco|mochi|positive-only] [FOLDER]
set -euo pipefail
method=${1:-moco}
run=${2:-$(mktemp -d)/run}

collapse train "$method" --epochs 6 --out "$run" --quiet
collapse check "$run" --require "uniformity <= -0.5"
