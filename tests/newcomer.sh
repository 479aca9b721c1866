#!/usr/bin/env bash
# A new user's path, from an installed wheel to the trace of a session that failed.
#
# Usage: newcomer.sh README.md
#
# `odyssey` and `python` are those of the environment that the wheel was installed in, and it works in the
# present folder. The commands are those of README and the tutorial, which tests/test_distribution.py holds;
# only the port is any that is free.
set -euo pipefail
readme=$1

step() {
    printf '\n== %s (%s s)\n' "$1" "$SECONDS"
}

# Prints a command's output as it comes, and keeps it to be looked at.
seen() {
    tee seen.txt
}

# Starts what goes on, a service, and points the environment at it.
started() {
    "$@" >service.txt &
    service=$!
    until grep -q ^export service.txt; do
        kill -0 "$service"
        sleep 0.1
    done
    cat service.txt
    eval "$(grep ^export service.txt)"
}

stopped() {
    kill "$service"
    wait "$service" || [ $? -eq 143 ]
}

trap 'kill "${service:-}" 2>/dev/null || true' EXIT

step "the demo"
python -m odyssey demo
[ -s odyssey-demo/clip.mp4 ] && [ -s odyssey-demo/sheet.png ]

step "a service to develop against"
started python -m odyssey serve

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

step "a service that is broken"
started odyssey serve --fault lost-media
if odyssey doctor --trace doctor.trace >verdict.txt; then
    echo "the doctor found nothing" >&2
    exit 1
fi
cat verdict.txt
grep -q '^media connection: the streamer closed a data channel.$' verdict.txt

step "the trace of what failed"
odyssey trace show doctor.trace >transcript.txt
grep -q 'media.channel_closed: the data channel' transcript.txt
odyssey trace html doctor.trace
grep -q 'media.channel_closed' doctor.html
stopped

step "there"
