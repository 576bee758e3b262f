"""Imports in a process that begins: no search for garbage."""

import subprocess
import sys

CODE = """
import gc
from ivvit.ground.imports import no_collection

try:
    with no_collection():
        print(gc.isenabled())
        raise ImportError
except ImportError:
    first = gc.get_freeze_count()
    print(gc.isenabled(), first > 0)
with no_collection():
    kept = [[] for _ in range(100)]
print(gc.isenabled(), gc.get_freeze_count() <= first)
"""


def test_collection_pauses_and_what_the_first_imports_made_stays_out_of_it():
    """In a process of its own: what is out of it once stays so."""
    done = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True", "True"]
