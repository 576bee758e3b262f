"""Where a process computes: a GPU of its own, leased by a file lock that ends with the process, or the CPU."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ivvit.config.runtime import RuntimeOptions
from ivvit.ground.errors import Failure, UserError
from ivvit.ground.ranks import local_world_size, node_rank
from ivvit.numerics.world import World

log = logging.getLogger("ivvit")

_POLL_SECONDS = 2.0
_REMIND_SECONDS = 60.0


@contextmanager
def lease_device(runtime: RuntimeOptions, world: World) -> Iterator[torch.device]:
    """A device for this process alone; waits while others have leased what its job needs.

    Every process takes one GPU: torchrun's processes on a node take one each.
    """
    if runtime.gpus == 0 or not torch.cuda.is_available():
        torch.set_num_threads(runtime.threads)
        if world.is_main:
            reason = "runtime.gpus is 0" if runtime.gpus == 0 else "no GPU found"
            log.info("%s: training on the CPU with %d threads", reason, runtime.threads)
        yield torch.device("cpu")
        return
    with ExitStack() as leases:
        index = lease(_uuids(), world, leases)
        torch.cuda.set_device(index)
        log.info("training on GPU %d (%s)", index, torch.cuda.get_device_name(index))
        yield torch.device("cuda", index)


def lease(names: list[str], world: World, leases: ExitStack) -> int:
    """The number of this process's device among the named ones of its machine; all processes call it together.

    The first process of each node takes all devices that the node needs, or none: two jobs that each held a part would
    deadlock. All processes exchange their state in every round, so that waiting for days runs into no timeout.

    Raises:
        UserError: this machine has fewer devices than the job has processes here.
    """
    count = local_world_size()
    if count > len(names):
        raise UserError(f"{count} processes were started here, where {len(names)} GPUs can be seen; set runtime.gpus")
    node, mine, reminded = node_rank(), None, -_REMIND_SECONDS
    while True:
        if mine is None and world.local_rank == 0:
            mine = _take(names, count, leases)
        answers = world.gather((node, mine))
        taken = {number: indices for number, indices in answers if indices is not None}
        if len(taken) == len({number for number, _ in answers}):
            return taken[node][world.local_rank]
        if world.is_main and time.monotonic() - reminded > _REMIND_SECONDS:
            reminded = time.monotonic()
            log.info("other training jobs hold too many of the %d GPUs; waiting", len(names))
        time.sleep(_POLL_SECONDS)


def _take(names: list[str], count: int, leases: ExitStack) -> list[int] | None:
    """The numbers of `count` free devices, leased until `leases` ends; None, and nothing leased, if fewer are free."""
    with ExitStack() as found, _lock("all"):
        indices = []
        for index, name in enumerate(names):
            lock = _lock(name)
            try:
                found.enter_context(lock.acquire(blocking=False))
            except Timeout:
                continue
            indices.append(index)
            if len(indices) == count:
                leases.enter_context(found.pop_all())
                return indices
    return None


def _lock(name: str) -> FileLock:
    lock = lease_folder() / f"{name}.lock"
    if lock.is_symlink():  # what it points to would be opened for writing
        raise Failure(f"{lock} is a link, in whose place a GPU is leased; remove it")
    return FileLock(lock, mode=0o666)


def lease_folder() -> Path:
    """The machine's folder of leases, shared by its users.

    Raises:
        UserError: something else is in its place.
    """
    folder = Path(tempfile.gettempdir()) / "ivvit-gpus"
    with suppress(FileExistsError):
        folder.mkdir()
        os.chmod(folder, 0o777)  # not sticky: in a sticky folder, other users' locks are refused
    if folder.is_symlink() or not folder.is_dir():
        kind = "link" if folder.is_symlink() else "file"
        raise Failure(f"{folder} is a {kind}, but GPUs are leased in a folder of that name; remove it, or set TMPDIR")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise Failure(
            f"{folder} belongs to user {folder.stat().st_uid} and is closed to you, but all users lease their GPUs "
            "there; let them make it open to all (chmod 777), or set TMPDIR, if the GPUs are yours alone"
        )
    return folder


def _uuids() -> list[str]:
    """The visible GPUs by names that are the same in every process, whatever its CUDA_VISIBLE_DEVICES."""
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]
