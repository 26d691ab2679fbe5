#!/usr/bin/env bash
# Every kind of plot at the width of a paper's column, of three small runs on digits: bash examples/plots.sh [FOLDER]
# EPOCHS and STEPS shorten it. examples/plots/README.md shows what it draws.
set -euo pipefail
out=${1:-examples/plots}
epochs=${EPOCHS:-40} steps=${STEPS:-2000}
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
mkdir -p "$out"

for method in moco mochi; do
  collapse train "$method" --epochs "$epochs" --out "$runs/$method" --quiet
done
collapse train positive-only --epochs $((epochs / 5 + 1)) --out "$runs/positive-only" --quiet

plot() { # NAME, then the command without its plot
  collapse "${@:2}" --plot-width 3.3 --plot "$out/$1.png" --quiet || [ $? = 1 ] # `check` ends in 1 where a bound is not met
}
plot spectrum spectrum "$runs/moco"
plot compare compare "$runs/moco" "$runs/mochi" "$runs/positive-only"
plot alignment alignment "$runs/moco" "$runs/mochi" "$runs/positive-only"
plot oracle oracle "$runs/moco"
plot probe probe "$runs/moco"
plot classes classes "$runs/moco"
plot clusters clusters "$runs/moco"
plot lidar lidar "$runs/moco"
plot weights weights "$runs/moco"
plot causes causes "$runs/positive-only"
plot check check "$runs/moco" --require "effective_rank.z >= 10" --require "uniformity.z <= -2"
plot linear linear --steps "$steps"
plot gan gan --cure none,r1 --seeds 2 --steps "$steps"
