"""The frame store's lock: that every video is there, and what it depends on."""

import hashlib
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.extraction.plan import store_tasks
from ivvit.data.extraction.sound import is_sound
from ivvit.data.manifest import FORMAT
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_json
from ivvit.identity.frame_store import settings_name


def lock_store(name: str, options: DatasetOptions, root: Path, manifest_lock: Path, lock: Path) -> None:
    """Verify that the store has every video of the manifest, complete, and write the lock.

    Raises:
        UserError: videos are missing or cut short.
    """
    tasks = store_tasks(name, options, root, manifest_lock)
    bad = [task for task in tasks if not is_sound(task)]
    if bad:
        raise UserError(
            f"{name}: {len(bad)} of {len(tasks)} videos are not in the frame store, such as {bad[0].target} (of "
            f"{bad[0].source}); run `ivvit extract`, which makes them again"
        )
    settings = settings_name(options.store)
    rows = "\n".join([settings, *(task.sha256 for task in tasks)])
    content = {
        "format": FORMAT, "dataset": name, "digest": hashlib.sha256(rows.encode()).hexdigest(), "settings": settings,
        "codec": options.store.codec, "videos": len(tasks),
    }  # fmt: skip
    write_json(Path(lock), content)
