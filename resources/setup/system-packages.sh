#!/bin/sh
# Installs the Debian or Ubuntu packages that are missing: system-packages.sh PACKAGE…
# Asks for sudo only where something is missing and we are not root, and says why.
set -eu
command -v dpkg-query >/dev/null 2>&1 || {
    echo "This is not Debian or Ubuntu: please install the Qt 6 libraries for your system yourself." >&2
    exit 0
}
missing=""
for package in "$@"; do
    # A 64-bit-time package (t64) provides the old name, so ask what provides it as well.
    dpkg-query -W -f='${Status} ${Package} ${Provides}\n' "$package" "${package}t64" 2>/dev/null |
        grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
else
    command -v sudo >/dev/null 2>&1 || {
        echo "These system packages are missing:$missing. Ask an administrator to run: apt-get install$missing" >&2
        exit 1
    }
    echo "GEB Chat needs these system packages, which only an administrator can install:$missing"
    echo "sudo may ask for your password."
    as_root="sudo"
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 ||
    { $as_root apt-get update -qq && $as_root apt-get install -qq -y --no-install-recommends $missing >/dev/null; }
