"""Whether a path that a foreign file names stays inside a folder."""

import os
from pathlib import Path


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether `path`, its links followed, lies in `folder`; never raises for its name.

    A link that leads to itself stays where it is (Path.resolve raises for it); a name that no
    file can have lies nowhere.
    """
    if "\0" in str(path):
        return False
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
