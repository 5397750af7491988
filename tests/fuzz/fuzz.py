"""A program: one target under atheris (see run.py, which starts it).

python tests/fuzz/fuzz.py TARGET [libFuzzer's options] CORPUS…
"""

import atexit
import io
import sys
import zipfile

import atheris

with atheris.instrument_imports(include=["engine", "jinja2"], enable_loader_override=False):
    import targets

_ARCHIVES = ("docx", "pptx", "xlsx", "odt", "epub")
_LARGEST = 1 << 20


def spoil_archive(data: bytes, max_size: int, seed: int) -> bytes:
    """Change one member of an archive; what is no archive any more is changed as it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 (it may be spoilt in any way)
        members = {}
    if not members or seed % 8 == 0:
        return bytes(atheris.Mutate(data, max_size))
    name = list(members)[(seed // 8) % len(members)]
    members[name] = bytes(atheris.Mutate(members[name], min(max_size, _LARGEST)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return out.getvalue()


def main() -> None:
    """Run a target until its time is over."""
    name = sys.argv.pop(1)
    atexit.register(targets.remove_folders)
    mutator = {"custom_mutator": spoil_archive} if name in _ARCHIVES else {}
    atheris.Setup(sys.argv, targets.TARGETS[name], **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
