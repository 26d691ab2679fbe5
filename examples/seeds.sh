#!/usr/bin/env bash
# Is one method better than another, or was it the seed? Three seeds of each, side by side.
#   bash examples/seeds.sh moco mochi runs/seeds
set -euo pipefail
one=${1:-moco} other=${2:-mochi} folder=${3:-runs/seeds} epochs=${EPOCHS:-40}

for method in "$one" "$other"; do
    for seed in 0 1 2; do
        collapse train "$method" --seed "$seed" --epochs "$epochs" --out "$folder/$method-$seed" --quiet >/dev/null
    done
done
collapse compare "$folder/$one"-? "$folder/$other"-? --plot "$folder/compare.png"
