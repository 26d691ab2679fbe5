#!/usr/bin/env bash
# Train a run, and fail where its projections have collapsed completely: the verdict is read from the JSON answer.
#
#     bash examples/gate.sh [moco|mochi|positive-only] [FOLDER]
set -euo pipefail
method=${1:-moco}
run=${2:-$(mktemp -d)/run}

collapse train "$method" --epochs 6 --out "$run" --quiet
collapse spectrum "$run" --json > "$run/spectrum.json"
python - "$run/spectrum.json" <<'PYTHON'
import json, sys

answer = json.load(open(sys.argv[1]))
projections = next(one for one in answer["results"] if one["of"].endswith("· z"))
print(projections["verdict"]["sentence"])
sys.exit(projections["verdict"]["status"] == "complete collapse")
PYTHON
