"""docs/extending.md, done: its code is put where it says, and used."""

import re
import shutil

import pytest
from workspace import PROJECT, Workspace

CONFIG = """\
root_path: data
datasets:
  named: {kind: by-name, path: datasets/named, grey: 0.5}
  walks: {kind: video-folder, path: datasets/walks, flip: false, clip_seconds: 0.24, frames: original}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 2, num_heads: 3}
  num_frames: 2
  iterations: 3
  precision: fp32
  loss_weighting: balanced
  datasets: {named: 2, walks: 2}
experiments:
  extended: {model: late-max}
runtime: {workers: 0, gpus: 0, memory_gb: 1}
"""


def insert(workspace: Workspace, file: str, anchor: str, text: str, *, before: bool = False) -> None:
    """Put text behind (or before) the one place that a pattern matches."""
    path = workspace / "ivvit" / file
    found = list(re.finditer(anchor, path.read_text(), re.MULTILINE))
    assert len(found) == 1, f"{anchor!r} is found {len(found)} times in {file}"
    place = found[0].start() if before else found[0].end()
    path.write_text(path.read_text()[:place] + text + path.read_text()[place:])


@pytest.mark.slow
def test_the_four_extensions_of_the_page(tmp_path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/extending.md").read_text(), re.DOTALL)
    model, options, entry, layout, reader, weighting, case, transform, call, field = blocks
    workspace = Workspace.make(tmp_path / "work", CONFIG)
    (workspace / "ivvit/numerics/models/late_max.py").write_text(model)
    insert(workspace, "config/models.py", r"^ModelOptions = ", f"{options}\n\n", before=True)
    insert(workspace, "config/models.py", r"^ModelOptions = .*$", " | LateMaxOptions")
    insert(workspace, "numerics/models/registry.py", r"^MODEL_MODULES = \{\n", entry)
    (workspace / "ivvit/data/layouts/by_name.py").write_text(layout)
    insert(workspace, "data/layouts/listing.py", r"^READERS.*\{\n", reader)
    imported = "from ivvit.data.layouts.by_name import read_by_name\n"
    insert(workspace, "data/layouts/listing.py", r"^from ivvit.data.layouts.cifar", imported, before=True)
    insert(workspace, "config/datasets.py", r"^Kind = Literal\[", '"by-name", ')
    insert(workspace, "numerics/loss_weighting.py", r"^def make_weighting", f"{weighting}\n\n", before=True)
    insert(workspace, "numerics/loss_weighting.py", r"^        case _:", case, before=True)
    insert(workspace, "config/optimisation.py", r'Literal\["equal", ', '"balanced", ')
    path = workspace / "ivvit/numerics/transforms.py"
    path.write_text(f"{path.read_text()}\n\n{transform}")
    insert(workspace, "numerics/train_data.py", r"^ +pixels, start = self._read\(.*\n", call)
    insert(workspace, "numerics/train_data.py", r"^from ivvit.numerics.transforms import ", "lose_colours, ")
    insert(workspace, "config/datasets.py", r"^    flip: bool", field, before=True)
    for image in sorted((workspace / "data/datasets/shades").rglob("*.png")):
        split = {"train": "train", "val": "test"}[image.parts[-3]]
        target = workspace / "data/datasets/named" / split / f"{image.parts[-2]}-{image.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)
    ran = workspace.run()
    assert ran.status == 0, ran.text
    assert workspace.states()["extended/0"]["state"] == "fresh"
