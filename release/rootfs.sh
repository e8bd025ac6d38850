#!/usr/bin/env bash
# Lays out the root of the container image: rootfs.sh PROGRAM ROOT
#
# It holds the program, the libraries that it and ONNX Runtime are linked with, ONNX Runtime itself where ONNXRUNTIME names its library, and certificates.
set -euo pipefail

program=$1 root=$2
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/etc/ssl/certs" "$root/work" "$root/tmp"
chmod 1777 "$root/tmp" "$root/work"
install -m 755 "$program" "$root/usr/bin/brinell"

linked=("$root/usr/bin/brinell")
if [ -n "${ONNXRUNTIME:-}" ]; then
    install -m 644 "$ONNXRUNTIME" "$root/usr/lib/libonnxruntime.so"
    linked+=("$root/usr/lib/libonnxruntime.so")
fi
# Each library keeps its path, so that the loader finds it without a cache.
ldd "${linked[@]}" | grep -o '/[^ ]*' | grep -v ':$' | sort -u | while read -r library; do
    [ -e "$root$library" ] || install -D -m 755 "$(readlink -f "$library")" "$root$library"
done
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
echo 'brinell:x:1000:1000::/work:/usr/bin/brinell' >"$root/etc/passwd"
du -sm "$root" | cut -f 1
