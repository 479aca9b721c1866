#!/usr/bin/env bash
# A new user's path, from an installed wheel to the trace of a session that failed.
#
# Usage: newcomer.sh README.md
#
# `odyssey` and `python` are those of the environment that the wheel was installed in, and it works in the
# present folder. The commands are those of README and the tutorial, which tests/test_distribution.py holds;
# only ports are any that are free, and no browser is opened.
set -euo pipefail
readme=$1

step() {
    printf '\n== %s (%s s)\n' "$1" "$SECONDS"
}

# Prints a command's output as it comes, and keeps it to be looked at.
seen() {
    tee seen.txt
}

# Starts what goes on, and waits for a line that begins so.
started() {
    local line=$1
    shift
    "$@" >said.txt &
    running=$!
    until grep -q "^$line" said.txt; do
        kill -0 "$running"
        sleep 0.1
    done
}

# Starts a service, and points the environment at it.
service() {
    started export "$@"
    cat said.txt
    eval "$(grep ^export said.txt)"
}

stopped() {
    kill "$running"
    wait "$running" || [ $? -eq 143 ]
}

trap 'kill "${running:-}" 2>/dev/null || true' EXIT

step "the demo"
python -m odyssey demo
[ -s odyssey-demo/clip.mp4 ] && [ -s odyssey-demo/sheet.png ]

step "a service to develop against"
service python -m odyssey serve

step "Quick Start, as it stands"
sed -n '/^## Quick Start/,/^## The/p' "$readme" | sed -n '/^```python/,/^```/p' | grep -v '^```' >quick_start.py
python quick_start.py | seen
grep -q '^Frame: 704x1280$' seen.txt
grep -q '^Ready: ' seen.txt

step "a stream into a file"
odyssey stream "A cat" --seconds 3 --out cat.mp4 </dev/null | seen
grep -q '^cat.mp4: [1-9][0-9]* frames' seen.txt
[ -s cat.mp4 ]
stopped

step "a page to look at it"
started http odyssey view --local --no-open
python - "$(grep ^http said.txt)" >page.html <<'PROGRAM'
import sys
from urllib.request import HTTPCookieProcessor, build_opener

# As a browser does: the address is good once, for a cookie.
print(build_opener(HTTPCookieProcessor()).open(sys.argv[1]).read().decode())
PROGRAM
grep -q '<title>Odyssey</title>' page.html
stopped

step "a service that is broken"
service odyssey serve --fault lost-media
if odyssey doctor --trace doctor.trace >verdict.txt; then
    echo "the doctor found nothing" >&2
    exit 1
fi
cat verdict.txt
grep -q '^media connection: it came up, and was lost later: the streamer closed a data channel.$' verdict.txt

step "the trace of what failed"
odyssey trace show doctor.trace >transcript.txt
grep -q 'media.channel_closed: the data channel' transcript.txt
odyssey trace html doctor.trace
grep -q 'media.channel_closed' doctor.html
stopped

step "there"
