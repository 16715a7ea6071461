#!/usr/bin/env bash
# Make .venv in the checkout and install trigsim with the extras named, exact versions from constraints.txt.
# Usage: tools/setup.sh EXTRA[,EXTRA…]   Safe to repeat: does nothing when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: $python is older than 3.11; install a newer one or set PYTHON=python3.12" >&2; exit 2; }
command -v g++ > /dev/null || {
    echo "setup: g++ is missing; install it (Debian: apt-get install g++)" >&2; exit 2; }

wanted=$(cat pyproject.toml constraints.txt tools/setup.sh | sha256sum | cut -d' ' -f1)
stamp=.venv/installed-${extras//,/-}
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

echo "setup: making .venv with extras [$extras] (about 2 GB and two minutes the first time)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt)

# torch as a CPU build. The package index's own Linux wheel is a CUDA build of gigabytes; where the index offers
# no CPU build, PyTorch's index of CPU wheels is asked.
if ! .venv/bin/python -c 'import torch' 2> /dev/null; then
    torch=$(grep '^torch==' constraints.txt)
    report=$(mktemp)
    "${pip[@]}" --dry-run --no-deps --report "$report" "$torch"
    index=()
    if .venv/bin/python - "$report" <<'PY'
import json, platform, sys
version = json.load(open(sys.argv[1]))["install"][0]["metadata"]["version"]
sys.exit(platform.system() != "Linux" or version.endswith("+cpu") or platform.machine() == "aarch64")
PY
    then index=(--index-url https://download.pytorch.org/whl/cpu); fi
    rm -f "$report"
    "${pip[@]}" ${index[@]+"${index[@]}"} "$torch"
fi
"${pip[@]}" -e ".[$extras]"
echo "$wanted" > "$stamp"
