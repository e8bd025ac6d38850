#!/usr/bin/env bash
# Takes new files into the claims, decides them, and hands the exit code on, so that reports are uploaded before the job fails.
set -euo pipefail

code=0
# Claims may be several paths.
read -r -a claims <<<"$BRINELL_CLAIMS"

case "$BRINELL_UPDATE" in
none) ;;
all) brinell claim update "${claims[@]}" --yes || code=$? ;;
model | data) brinell claim update "${claims[@]}" --yes --only "$BRINELL_UPDATE" || code=$? ;;
*) echo "::error::update is '$BRINELL_UPDATE'; use model, data, all or none" && exit 4 ;;
esac

# A file that was not accepted makes its claims stale, which the check says.
if [ "$code" = 0 ] || [ "$code" = 3 ]; then
    code=0
    brinell check "${claims[@]}" --budget "$BRINELL_BUDGET" \
        --report sarif=brinell.sarif --report markdown=brinell.md --report junit=brinell.xml || code=$?
fi

echo "code=$code" >>"$GITHUB_OUTPUT"
if [ -f brinell.md ]; then cat brinell.md >>"$GITHUB_STEP_SUMMARY"; fi
