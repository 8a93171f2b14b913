#!/usr/bin/env bash
# The main job, as a user does it, in a scratch clone of this repository: two models from their folders to answers, and
# one of them on to production and back. `make demo` runs it; nothing in it is special to the demo.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$repository/.venv/bin:$repository/.tools/bin:$PATH
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT
bold= plain=
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }

title() { printf '\n%s── %s%s\n' "$bold" "$*" "$plain"; }
run() { printf '%s$ %s%s\n' "$bold" "$*" "$plain" && "$@"; }
# Waits until the function says that it is ready.
wait_for() { python -c '
import sys, time, urllib.request
deadline = time.monotonic() + 60
while True:
    try: sys.exit(urllib.request.urlopen(sys.argv[1] + "/health/ready", timeout=5).status != 200)
    except OSError:
        if time.monotonic() > deadline: raise
        time.sleep(0.05)' "$1"; }
post() { python -c '
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
print(urllib.request.urlopen(request).read().decode())' "$1" "$2"; }
release_of() { basename "$(ls -d "overlays/$1/$2/v$3-"*)"; }

git clone --quiet "$repository" "$scratch/team"
cd "$scratch/team"
git checkout --quiet -B main
git config user.name Demo && git config user.email demo@example.com
# The models and releases of the team whose repository this is stay its own, and so do its buckets and its registry.
if compgen -G 'overlays/*/' > /dev/null; then git rm -rq overlays/*/; fi
cp "$repository/tests/demo.yaml" slipway.yaml
git add --all
git diff --cached --quiet || git commit -qm 'Start the demo with nothing released'

title 'Train two models for the test environment: check the data, run their tests, fit, evaluate, publish'
run slipway train iris
run slipway train tumor

title 'Release what is due: one folder a release, one route, one commit'
run slipway release
run git --no-pager log --oneline --stat -1
run kustomize build overlays/test/iris --output "$scratch/iris.yaml"
grep -E '^(kind|  name):' "$scratch/iris.yaml"

title 'Serve a model, hold it to its golden predictions, and ask it'
first=$(release_of test iris 1)
port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s$ slipway serve iris --port %s &%s\n' "$bold" "$port" "$plain"
slipway serve iris --port "$port" 2> "$scratch/serve.log" > /dev/null &
server=$!
wait_for "http://127.0.0.1:$port"
run slipway verify "http://127.0.0.1:$port"
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
run post "http://127.0.0.1:$port/predict" "$row"
kill "$server" && wait "$server" || true
server=

title 'Change a parameter and train again: version 2, which gets a tenth of the requests, then all'
run sed -i.before 's/c: 1.0/c: 0.5/' slipway.yaml && rm slipway.yaml.before
run git commit --quiet --all --message 'Regularise iris more'
run slipway train iris
run slipway release iris --traffic 10
run slipway traffic iris --env test v2=100
second=$(release_of test iris 2)
run slipway verify "test/iris/$second"

title 'Promote just that release to production (nothing is built here, so it has to be allowed)'
run slipway promote iris --allow-unbuilt
run slipway status

title 'Second thoughts in test: back to the first release, and nothing newer until the hold is lifted'
run slipway rollback iris --env test --to "$first" --reason 'version 2 is under suspicion'
run slipway status iris
run slipway lift iris --env test

title 'What ran, when, and by whom'
run slipway history iris

cat <<END

${bold}That was all of it: two models from folder to answer, one promotion, one rollback, every step a commit.$plain
Next, in this repository: make your own model and take it the same way.

  source .venv/bin/activate
  slipway new NAME
  slipway train NAME
  slipway serve NAME
END
