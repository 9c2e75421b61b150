"""Print pip constraints that pin each dependency of labcheck to the lowest version pyproject.toml promises.

The extra `test` is left out: its packages test labcheck, and no user of labcheck has them.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
extras = [extra for name, extra in project["optional-dependencies"].items() if name != "test"]
for requirement in sorted({*project["dependencies"], *(each for extra in extras for each in extra)}):
    if match := re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement):
        print(f"{match[1]}=={match[2]}")
