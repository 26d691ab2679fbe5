#!/usr/bin/env bash
# Is one method better than another, or was it the seed? Three seeds of each, side by side.
#   bash examples/seeds.sh moco mochi runs/seeds        (SEEDS="0 1 2" EPOCHS=40 SAMPLES=10000)
set -euo pipefail
one=${1:-moco} other=${2:-mochi} folder=${3:-runs/seeds} epochs=${EPOCHS:-40} samples=${SAMPLES:-10000} seeds=${SEEDS:-0 1 2}

for method in "$one" "$other"; do
    for seed in $seeds; do
        collapse train "$method" --seed "$seed" --epochs "$epochs" --out "$folder/$method-$seed" --quiet >/dev/null
    done
done
collapse compare "$folder/$one"-? "$folder/$other"-? --samples "$samples" --plot "$folder/compare.png"
