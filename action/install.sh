#!/usr/bin/env bash
# Puts brinell into the path of the steps that follow: a program that is there, a release archive, or a build of this repository.
set -euo pipefail

bin="$RUNNER_TEMP/brinell/bin"
mkdir -p "$bin"

if [ -n "${BRINELL_BINARY:-}" ]; then
    install -m 755 "$BRINELL_BINARY" "$bin/brinell"
elif [ -n "${BRINELL_ARCHIVE:-}" ]; then
    name=$(basename "$BRINELL_ARCHIVE")
    work=$(mktemp -d)
    for file in "$name" SHA256SUMS; do
        source="$(dirname "$BRINELL_ARCHIVE")/$file"
        case "$source" in
        http://* | https://* | file://*) curl --fail --silent --show-error --location --output "$work/$file" "$source" ;;
        *) cp "$source" "$work/$file" ;;
        esac
    done
    # The sum of this archive must be listed, and right.
    (cd "$work" && grep --fixed-strings "  $name" SHA256SUMS | sha256sum --check --strict --quiet)
    case "$name" in
    *.zip) unzip -q "$work/$name" -d "$work" ;;
    *) tar -xzf "$work/$name" -C "$work" ;;
    esac
    find "$work" -name 'brinell*' -type f -perm -u+x -exec install -m 755 {} "$bin/" \;
else
    cargo install --locked --path "$BRINELL_ACTION/../crates/cli" --root "$RUNNER_TEMP/brinell"
fi

if [ "${BRINELL_ONNXRUNTIME:-true}" = true ]; then
    python3 -m pip install --quiet onnxruntime || echo "::warning::ONNX Runtime could not be installed; models run on rten"
fi

echo "$bin" >>"$GITHUB_PATH"
"$bin/brinell" --version
