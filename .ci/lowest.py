"""Print pip constraints that pin each dependency of labcheck to the lowest version allowed by pyproject.toml.

The extras `test` and `services` are left out: only the tests need their packages, not the users of labcheck.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
extras = [extra for name, extra in project["optional-dependencies"].items() if name not in ("test", "services")]
for requirement in sorted({*project["dependencies"], *(each for extra in extras for each in extra)}):
    if match := re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement):
        print(f"{match[1]}=={match[2]}")
