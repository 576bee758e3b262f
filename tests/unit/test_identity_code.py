"""The digest of code: what is computed counts, what is written for people and where it lies do not."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ivvit.ground.errors import UserError
from ivvit.identity.closure import PACKAGE, Closure, Code
from ivvit.identity.entries import EXTRACTION, NUMERICS, TRAINING, VALIDATION, WITHIN_EXTRACTION, WITHIN_VALIDATION
from ivvit.identity.models import model_modules
from ivvit.ledger.reasons import reasons

LOOP = '''"""The loop."""

import logging
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import pack.core.helpers
from pack.core import scale
from pack.core.shapes import area, registered
from pack.outside import OutsideError, Refused, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("pack")
__all__ = ["Loop", "train"]

RATE = 0.1
"""Of learning."""
TABLE: dict[str, int] = {}


@dataclass
class Options:
    """What there is to choose."""

    width: int = 3
    """Of the thing."""
    depth: int = 4


class Loop(Options):
    """Runs."""

    def step(self, x: float, power: int = 2) -> float:
        """One step."""
        assert power > 0, "power must be positive"
        if x < 0:
            raise Refused(f"{x} is below zero")
        log.info("x is %s", x)
        y = scale(x, factor=RATE)
        z = math.sqrt(y) + np.float32(y)
        return area(y) ** power - z


def key(name: str) -> str:
    """A name in a table."""
    return f"{name}-key"


def refusal(x: float) -> Refused:
    return Refused(f"{x} is refused")


def failure(x: float) -> OutsideError:
    where = "here" if x else "there"
    return OutsideError(f"{where}: {x} failed")


def train(loop: Loop, draws) -> float:
    """Train."""
    total: float = 0.0
    for _ in range(3):
        total += loop.step(draws.uniform())
    if total > 5:
        warnings.warn(f"{total} is much", stacklevel=2)
    TABLE[key("a")] = round(total)
    return pack.core.helpers.halve(total)


registered(Loop)
MODULES = {"other": "pack.core.other"}
'''
OTHER = """from metrics import SquaredError


def area(r):
    return r * 4


def scale(x, factor=1.0):
    return x + factor


class Box(list):
    pass


class EmptyError(Exception):
    def __init__(self, box):
        super().__init__(f"{box} is empty")
        self.box = box


def boxes():
    return Box("abc"), SquaredError("mean")
"""
FILES = {
    "__init__.py": "",
    "outside.py": (
        "class Refused(ValueError):\n    pass\n\n\nclass Stop(Refused):\n    pass\n\n\n"
        "class OutsideError(Exception):\n    pass\n"
    ),
    "core/__init__.py": '"""Core."""\n\nfrom pack.core.helpers import scale\n',
    "core/loop.py": LOOP,
    "core/helpers.py": (
        "def scale(x, factor=1.0):\n    return x * factor\n\n\ndef halve(x):\n    return x / 2\n\n\n"
        "def double(x):\n    return x * 2\n"
    ),
    "core/shapes.py": (
        "from pack.core.helpers import double\n\nKNOWN = []\n\n\ndef area(r):\n    return double(r) * 3\n\n\n"
        "def registered(cls):\n    KNOWN.append(cls)\n    return cls\n"
    ),
    "core/other.py": OTHER,
    "core/table.json": "{}",
}
WITHIN = ("pack.core",)


def write(folder: Path, files: dict[str, str] = FILES) -> Path:
    package = folder / "pack"
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def closure(package: Path) -> Closure:
    return Code(package).closure(entries(package), WITHIN)


def entries(package: Path) -> tuple[str, ...]:
    """The loop, and what it finds by importlib."""
    other = next(
        name
        for name in ("core.other", "core.deep.other")
        if package.joinpath(*name.split(".")).with_suffix(".py").is_file()
    )
    return "pack.core.loop", f"pack.{other}"


def in_loop(old: str, new: str) -> dict[str, str]:
    assert LOOP.count(old) == 1, old
    return {"core/loop.py": LOOP.replace(old, new)}


def in_file(name: str, old: str, new: str) -> dict[str, str]:
    assert FILES[name].count(old) == 1, old
    return {name: FILES[name].replace(old, new)}


INFO = '        log.info("x is %s", x)\n'
COUNTS = {
    "a constant": in_loop("RATE = 0.1", "RATE = 0.2"),
    "a default": in_loop("power: int = 2", "power: int = 3"),
    "an operator": in_loop("** power", "* power"),
    "a comparison": in_loop("x < 0", "x <= 0"),
    "a decorator": in_loop("@dataclass\n", "@dataclass(frozen=True)\n"),
    "a decorator taken away": in_loop("@dataclass\n", ""),
    "an f-string that is a key": in_loop('{name}-key"', '{name}_key"'),
    "an assert": in_loop("assert power > 0", "assert power > 1"),
    "an assert taken away": in_loop('        assert power > 0, "power must be positive"\n', ""),
    "a field's default": in_loop("width: int = 3", "width: int = 5"),
    "a field's type": in_loop("width: int = 3", "width: float = 3"),
    "the order of fields": in_loop(
        'width: int = 3\n    """Of the thing."""\n    depth: int = 4', "depth: int = 4\n    width: int = 3"
    ),
    "a base": in_loop("class Loop(Options)", "class Loop"),
    "an exception's type": in_loop('raise Refused(f"{x}', 'raise Stop(f"{x}'),
    "an exception's cause": in_loop('is below zero")', 'is below zero") from None'),
    "an exception's argument that is no text": in_loop('raise Refused(f"{x} is below zero")', "raise Refused(x)"),
    "a built exception's type": in_loop("return Refused(", "return Stop("),
    "a keyword": in_loop("factor=RATE", "x=RATE"),
    "an argument": in_loop("factor=RATE", "RATE"),
    "the order of statements": in_loop(
        "        y = scale(x, factor=RATE)\n        z = math.sqrt(y) + np.float32(y)\n",
        "        z = math.sqrt(y) + np.float32(y)\n        y = scale(x, factor=RATE)\n",
    ),
    "another thing of the same name": in_loop(
        "from pack.core.shapes import area, registered",
        "from pack.core.other import area\nfrom pack.core.shapes import registered",
    ),
    "another thing through a package": in_file("core/__init__.py", "pack.core.helpers", "pack.core.other"),
    "another function outside": in_loop("import math\n", "import cmath as math\n"),
    "another attribute outside": in_loop("np.float32", "np.float64"),
    "another module by importlib": in_loop('"pack.core.other"', '"pack.core.shapes"'),
    "an attribute of a module": in_loop("helpers.halve", "helpers.double"),
    "a log line with an effect": in_loop('log.info("x is %s", x)', 'log.info("x is %s", self.next())'),
    "a log line that assigns": in_loop('log.info("x is %s", x)', 'log.info("x is %s", x := 2)'),
    "a warning with an effect": in_loop('f"{total} is much"', 'f"{draws.uniform()} is much"'),
    "a message with an effect": in_loop('f"{x} is below zero"', 'f"{self.next()} is below zero"'),
    "a builtin that is another": {
        "core/loop.py": LOOP.replace('"x is %s", x', '"x is %s", round(x)') + "round = print\n"
    },
    "what is no logger": in_loop('log = logging.getLogger("pack")', "log = np.random"),
    "what an exception keeps": in_file("core/other.py", "self.box = box", "self.box = list(box)"),
    "a text of what is no exception": in_file("core/other.py", '"abc"', '"abd"'),
    "a text of what is an error elsewhere": in_file("core/other.py", '"mean"', '"sum"'),
    "a registration": in_loop("registered(Loop)\n", "registered(Options)\n"),
    "a registration taken away": in_loop("\n\nregistered(Loop)\n", "\n"),
    "a helper of a helper": in_file("core/helpers.py", "x * 2", "x * 3"),
    "a data file": {"core/table.json": '{"a": 1}'},
    "a new data file": {"core/more.json": "{}"},
    "an annotation that a decorator sees": {
        "core/shapes.py": FILES["core/shapes.py"].replace("def area(r):", "@double\ndef area(r: int):")
    },
}
MOVED_AREA = {
    "core/shapes.py": FILES["core/shapes.py"]
    .replace("from pack.core.helpers import double\n\n", "")
    .replace("def area(r):\n    return double(r) * 3\n\n\n", ""),
    "core/helpers.py": FILES["core/helpers.py"] + "\n\ndef area(r):\n    return double(r) * 3\n",
    "core/loop.py": LOOP.replace(
        "from pack.core.shapes import area, registered",
        "from pack.core.helpers import area\nfrom pack.core.shapes import registered",
    ),
}
MOVED_OTHER = {
    "core/other.py": None,
    "core/deep/__init__.py": "",
    "core/deep/other.py": FILES["core/other.py"],
    "core/loop.py": LOOP.replace("pack.core.other", "pack.core.deep.other"),
}
MOVED_HELPERS = {
    "core/helpers.py": None,
    "core/deep/__init__.py": "",
    "core/deep/tools.py": FILES["core/helpers.py"],
    "core/__init__.py": "from .deep.tools import scale\n",
    "core/shapes.py": FILES["core/shapes.py"].replace("pack.core.helpers", "pack.core.deep.tools"),
    "core/loop.py": LOOP.replace("core.helpers", "core.deep.tools"),
}
SPLIT_HELPERS = {
    "core/helpers.py": FILES["core/helpers.py"].partition("\n\n\ndef double")[0] + "\n",
    "core/twice.py": "def double(x):\n    return x * 2\n",
    "core/shapes.py": FILES["core/shapes.py"].replace("core.helpers", "core.twice"),
}
SAME = {
    "a comment": in_loop("RATE = 0.1", "RATE = 0.1  # as in the paper"),
    "a docstring": in_loop('"""One step."""', '"""A step forward."""'),
    "no docstring": in_loop('        """One step."""\n', ""),
    "a docstring that was all": in_loop('class Loop(Options):\n    """Runs."""\n', "class Loop(Options):\n    pass\n"),
    "an attribute's docstring": in_loop('    """Of the thing."""\n', ""),
    "a constant's docstring": in_loop('"""Of learning."""\n', '"""Of the weights."""\n'),
    "layout": in_loop(
        "return area(y) ** power - z", "return (\n            area(y)\n            ** power - z\n        )"
    ),
    "quotes": in_loop('key("a")', "key('a')"),
    "a message": in_loop("is below zero", "is negative"),
    "a message of another value": in_loop('f"{x} is below zero"', 'f"{x:.3f} of {len(str(power))} is negative"'),
    "a message that is joined": in_loop('f"{x} is below zero"', '", ".join(map(str, [x, power])) + " are bad"'),
    "a message given up": in_loop('raise Refused(f"{x} is below zero")', "raise Refused"),
    "a message made before": in_loop(
        '            raise Refused(f"{x} is below zero")',
        '            text = f"{x} is"\n            text += " low"\n            raise Refused(text)',
    ),
    "a message that is built": in_loop("is refused", "is not taken"),
    "what only a message used": in_loop(' = "here" if x else "there"', ' = "in" if x > 1 else "out"'),
    "a log line": in_loop("x is %s", "now x is %s"),
    "a log line added": in_loop(
        "    total: float = 0.0\n", '    total: float = 0.0\n    log.debug("begins %s", len(TABLE))\n'
    ),
    "a log line taken away": in_loop(INFO, ""),
    "a log line in a branch": in_loop(
        INFO, INFO + '        if x > 9 and not power:\n            log.warning("%s", x)\n'
    ),
    "a logger's name": in_loop('getLogger("pack")', "getLogger(__name__)"),
    "logging taken away": {
        "core/loop.py": LOOP.replace(INFO, "")
        .replace('log = logging.getLogger("pack")\n', "")
        .replace("import logging\n", "")
    },
    "a logger added": {
        "core/other.py": "from logging import getLogger\n\nlogger = getLogger(__name__)\n\n\n"
        + FILES["core/other.py"].replace("    return r", '    logger.error("area of %r", r)\n    return r')
    },
    "a logger's annotation": in_loop("log = logging", "log: logging.Logger = logging"),
    "a message that an exception makes": in_file("core/other.py", "is empty", "holds nothing"),
    "an overload": in_file(
        "core/other.py",
        "class Box",
        "@overload\ndef area(r: int) -> int: ...\n@overload\ndef area(r: float) -> float: ...\n\n\nclass Box",
    ),
    "a warning": in_loop("is much", "is a lot"),
    "a warning taken away": in_loop('    if total > 5:\n        warnings.warn(f"{total} is much", stacklevel=2)\n', ""),
    "an assert's message": in_loop(', "power must be positive"', ""),
    "annotations": in_loop(
        "def step(self, x: float, power: int = 2) -> float:", "def step(self, x, power: float = 2):"
    ),
    "a variable's annotation": in_loop("total: float = 0.0", "total = 0.0"),
    "a constant's annotation": in_loop("TABLE: dict[str, int] = {}", "TABLE = {}"),
    "a type checker's import": in_loop(
        "import Iterator\n", "import Iterator\n\n    from pack.outside import Refused as R\n"
    ),
    "no type checker's import": in_loop("if TYPE_CHECKING:\n    from collections.abc import Iterator\n\n", ""),
    "an import from": {
        "core/loop.py": LOOP.replace("import numpy as np", "from numpy import float32").replace("np.float32", "float32")
    },
    "an import under another name": {
        "core/loop.py": LOOP.replace("import math\n", "import math as m\n").replace("math.", "m.")
    },
    "an import of the module": {
        "core/loop.py": LOOP.replace("import pack.core.helpers\n", "from pack.core import helpers\n").replace(
            "pack.core.helpers.halve", "helpers.halve"
        )
    },
    "an import of a name": {
        "core/loop.py": LOOP.replace("import pack.core.helpers\n", "")
        .replace("from pack.core import scale\n", "from pack.core.helpers import halve\nfrom .helpers import scale\n")
        .replace("pack.core.helpers.halve", "halve")
    },
    "an import inside a function": {
        "core/loop.py": LOOP.replace("import area, registered", "import registered")
        .replace("        y = scale", "        from pack.core.shapes import area as a\n\n        y = scale")
        .replace("area(y)", "a(y)")
    },
    "an unused import": in_loop("import math\n", "import json\nimport math\nimport pack.core.other\n"),
    "the order of imports": in_loop("import math\nimport warnings\n", "import warnings\nimport math\n"),
    "the list of public names": in_loop('"Loop", "train"', '"train"'),
    "the order of definitions": {"core/helpers.py": "\n\n".join(sorted(FILES["core/helpers.py"].split("\n\n\n")))},
    "a definition in another module": MOVED_AREA,
    "a module in another package": MOVED_HELPERS,
    "a module that importlib finds": MOVED_OTHER,
    "a module in two": SPLIT_HELPERS,
    "what is outside": {"outside.py": FILES["outside.py"] + "\n\nVALUE = 1\n"},
    "a data file outside": {"table.json": "{}"},
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_computes_counts(name: str, tmp_path: Path) -> None:
    before = closure(write(tmp_path))
    after = closure(write(tmp_path, COUNTS[name]))
    assert after.digest != before.digest
    assert list(code_reasons(before, after))


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_compute_does_not_count(name: str, tmp_path: Path) -> None:
    before = closure(write(tmp_path))
    for file, text in SAME[name].items():
        if text is None:
            (tmp_path / "pack" / file).unlink()
    after = closure(write(tmp_path, {file: text for file, text in SAME[name].items() if text is not None}))
    assert after.digest == before.digest
    assert code_reasons(before, after) == []


def test_the_tables_are_edits_of_valid_programs(tmp_path: Path) -> None:
    for number, files in enumerate([*COUNTS.values(), *SAME.values()]):
        for name, text in files.items():
            if name.endswith(".py") and text is not None:
                compile(text, f"{number}/{name}", "exec")


def code_reasons(before: Closure, after: Closure) -> list[str]:
    parts = [{"spec": {}, "code": c.modules, "data": {}, "classes": {}, "frames": {}, "weights": None}
             for c in (before, after)]  # fmt: skip
    return [reason.text for reason in reasons(*parts)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("an operator", "core/loop.py: Loop.step changed"),
        ("a constant", "core/loop.py: RATE changed"),
        ("a helper of a helper", "core/helpers.py: double changed"),
        ("a registration", "core/loop.py: module level changed"),
        ("a data file", "core/__init__.py: table.json changed"),
        ("another thing of the same name", "core/loop.py: Loop.step uses another definition of the same name"),
    ],
)
def test_reasons_name_what_was_edited_alone(name: str, sentence: str, tmp_path: Path) -> None:
    before = closure(write(tmp_path))
    assert code_reasons(before, closure(write(tmp_path, COUNTS[name]))) == [sentence]


def test_what_moved_and_was_edited_is_named_alone(tmp_path: Path) -> None:
    before = closure(write(tmp_path))
    files = {**MOVED_HELPERS, "core/deep/tools.py": FILES["core/helpers.py"].replace("x / 2", "x / 3")}
    (tmp_path / "pack/core/helpers.py").unlink()
    after = closure(write(tmp_path, {file: text for file, text in files.items() if text is not None}))
    assert code_reasons(before, after) == ["core/deep/tools.py: halve added", "core/helpers.py: halve removed"]


def test_a_star_import_is_refused(tmp_path: Path) -> None:
    package = write(tmp_path, {**FILES, **in_loop("import math\n", "from math import *\n")})
    with pytest.raises(UserError, match=r"loop\.py:4: `from math import \*` hides"):
        closure(package)


def test_a_module_that_cannot_be_parsed_is_an_error(tmp_path: Path) -> None:
    package = write(tmp_path, {**FILES, "core/other.py": "def (\n"})
    with pytest.raises(UserError, match=r"other\.py:1: cannot be parsed"):
        closure(package)


def test_an_edit_of_equal_length_and_time_is_seen(tmp_path: Path) -> None:
    """As with a tool that sets times back; the inode's own time tells."""
    package = write(tmp_path)
    before, path = closure(package), package / "core/helpers.py"
    stat = path.stat()
    path.write_text(FILES["core/helpers.py"].replace("x / 2", "x / 3"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert closure(package) != before


def test_what_is_remembered_is_what_is_read(tmp_path: Path) -> None:
    package = write(tmp_path)
    first = closure(package)
    assert list((package / "__pycache__").iterdir())
    assert closure(package) == first
    shutil.rmtree(package / "__pycache__")
    assert closure(package) == first


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    """Digests hang on no order of sets."""
    package = write(tmp_path)
    code = (
        f"from pathlib import Path; from ivvit.identity.closure import Code;"
        f"print(Code(Path({str(package)!r})).closure({entries(package)!r}, {WITHIN!r}).digest)"
    )
    found = set()
    for seed in ("1", "2"):
        shutil.rmtree(package / "__pycache__", ignore_errors=True)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(PACKAGE.parent)}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(ran.stdout.strip())
    assert found == {closure(package).digest}


def paths(entries: tuple[str, ...], within: tuple[str, ...]) -> set[str]:
    return set(Code().closure(entries, within).modules)


def path_of(module: str) -> str:
    return module.replace(".", "/").removeprefix("ivvit/") + ".py"


def test_the_closure_of_training_has_what_computes_and_nothing_else() -> None:
    modules = paths(TRAINING, NUMERICS)
    assert {
        "numerics/trainer.py",
        "numerics/transforms.py",
        "numerics/models/registry.py",
        "numerics/fit.py",
    } <= modules
    assert all(module.startswith("numerics/") for module in modules)
    assert not {path_of(module) for module in model_modules().values()} & modules


def test_every_model_has_a_module_of_its_own() -> None:
    for module in model_modules().values():
        assert path_of(module) in paths((module,), NUMERICS)


def test_readers_are_validations_and_not_extractions() -> None:
    assert "data/layouts/ucf101.py" in paths(VALIDATION, WITHIN_VALIDATION)
    assert not any("layouts" in name for name in paths(EXTRACTION, WITHIN_EXTRACTION))


Edit = Callable[[str], str]


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return edit


REAL: dict[str, tuple[str, Edit, bool]] = {
    "a comment": ("numerics/trainer.py", lambda text: f"# a remark\n{text}", False),
    "a message": ("numerics/finite.py", replaced("is not finite in iteration", "became infinite in iteration"), False),
    "a model's message": ("numerics/models/common.py", replaced("a clip has at least one frame", "too few"), False),
    "a built message": ("numerics/models/registry.py", replaced("it has no options of its own", "none"), False),
    "a log line": (
        "numerics/initial.py",
        replaced('log = logging.getLogger("ivvit")', "log = logging.getLogger()"),
        False,
    ),
    "an operator": ("numerics/optimizers.py", replaced("options.lr * (layer_decay", "options.lr / (layer_decay"), True),
    "a constant": ("numerics/pixels.py", replaced("PAPER = Pixels((0.45", "PAPER = Pixels((0.5"), True),
    "a default": ("numerics/world.py", replaced("size: int = 1", "size: int = 2"), True),
}


@pytest.mark.parametrize("name", REAL)
def test_edits_of_the_real_package(name: str, tmp_path: Path) -> None:
    file, edit, counts = REAL[name]
    package = copy_of_package(tmp_path)
    before = Code(package).closure(TRAINING, NUMERICS)
    (package / file).write_text(edit((package / file).read_text()))
    after = Code(package).closure(TRAINING, NUMERICS)
    assert (after.digest != before.digest) == counts


def copy_of_package(folder: Path) -> Path:
    return shutil.copytree(PACKAGE, folder / "ivvit", ignore=shutil.ignore_patterns("*.pyc"))


def test_reasons_are_sentences() -> None:
    old = {
        "spec": {"optimizer": {"A": {"lr": 1e-5}, "B": {"lr": 1e-5}}, "iterations": 5},
        "code": {"models/msca.py": {"shift": "1-1", "gone": "1-2"}},
        "data": {"A": {"train": "1"}, "B": {"train": "2"}},
        "classes": {"A": 3, "B": 2},
        "frames": {},
        "weights": None,
    }
    new = {
        "spec": {"optimizer": {"A": {"lr": 3e-5}, "B": {"lr": 3e-5}}, "iterations": 5},
        "code": {"models/msca.py": {"shift": "2-1"}},
        "data": {"A": {"train": "9"}, "B": {"train": "2"}},
        "classes": {"A": 4, "B": 2},
        "frames": {},
        "weights": "abcdef0123",
    }
    assert [r.text for r in reasons(old, new, lambda name, *_: "2 files changed, 1 added")] == [
        "optimizer.lr: 1e-05 -> 3e-05",
        "models/msca.py: gone removed, shift changed",
        "A: 2 files changed, 1 added",
        "A: 3 -> 4 classes",
        "weights: none -> abcdef01",
    ]
    assert reasons(new, new) == []
