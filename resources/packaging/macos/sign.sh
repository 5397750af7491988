#!/bin/sh
# Signs "dist/GEB Chat.app", packs it into a disk image, has Apple notarise it and staples the
# ticket to it. Without SIGNING_IDENTITY the image is built unsigned, for one's own computer.
#
#   SIGNING_IDENTITY  "Developer ID Application: …"
#   NOTARY_PROFILE    a profile that `xcrun notarytool store-credentials` made
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
app="$root/dist/GEB Chat.app"
version=$(cd "$root" && python3 -c 'import engine; print(engine.__version__)')
image="$root/dist/GEB-Chat-$version-macos-$(uname -m).dmg"

if [ -n "${SIGNING_IDENTITY:-}" ]; then
    # From the inside out: the signature of the bundle covers those of its libraries.
    find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) -print0 |
        xargs -0 codesign --force --timestamp --options runtime --sign "$SIGNING_IDENTITY"
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" \
        --sign "$SIGNING_IDENTITY" "$app"
    codesign --verify --deep --strict "$app"
fi
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
cp -R "$app" "$staging/"
ln -s /Applications "$staging/Applications"
hdiutil create -quiet -ov -volname "GEB Chat" -srcfolder "$staging" -format ULFO "$image"
if [ -n "${SIGNING_IDENTITY:-}" ]; then
    codesign --timestamp --sign "$SIGNING_IDENTITY" "$image"
    xcrun notarytool submit "$image" --keychain-profile "$NOTARY_PROFILE" --wait
    xcrun stapler staple "$image"
fi
echo "$image"
