#!/usr/bin/env bash
# Makes the release archive of one target: archive.sh TARGET PROGRAM FOLDER
#
# PROGRAM must run on this machine, since it writes its own completions and manual pages; for another target, give one that does in HOST_PROGRAM.
set -euo pipefail

target=$1 program=$2 out=$3
root=$(cd "$(dirname "$0")/.." && pwd)
host=${HOST_PROGRAM:-$program}
version=$("$host" --version | sed -n 's/^brinell //p')
name="brinell-$version-$target"

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$out" "$work/$name/completions" "$work/$name/man"
cp "$program" "$work/$name/"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$work/$name/"
"$host" completions bash >"$work/$name/completions/brinell.bash"
"$host" completions zsh >"$work/$name/completions/_brinell"
"$host" completions fish >"$work/$name/completions/brinell.fish"
"$host" man --out "$work/$name/man"

case "$target" in
*windows*)
    archive="$name.zip"
    if command -v zip >/dev/null; then pack=(zip -qr); else pack=(7z a -bd -bso0); fi
    (cd "$work" && "${pack[@]}" "$archive" "$name")
    ;;
*)
    archive="$name.tar.gz"
    # The same files give the same bytes, where tar can.
    order=()
    if tar --version | grep -q GNU; then
        order=(--sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}")
    fi
    tar -C "$work" ${order[@]+"${order[@]}"} -cf - "$name" | gzip -n >"$work/$archive"
    ;;
esac
mv "$work/$archive" "$out/"
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
(cd "$out" && "${sum[@]}" "$archive" >>SHA256SUMS)
echo "$out/$archive"
