"""Work on many files in threads: a bounded number of them under way, and a line with the rate and the time left."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

AHEAD = 64
"""Pieces of work handed to each thread at a time: of 14 million, all would take gigabytes."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def worked(
    work: Callable[[Item], Result], items: Iterable[Item], total: int, workers: int, title: str
) -> Iterator[tuple[Item, Result]]:
    """(item, what `work` makes of it), as they are finished. Threads suffice where work leaves the interpreter's lock.

    Raises:
        BaseException: whatever `work` raises; what has not begun is then left.
    """
    with ThreadPoolExecutor(max(1, workers)) as pool, _line(not total) as progress:
        task = progress.add_task(title, total=total)
        waiting: dict[Future[Result], Item] = {}
        try:
            for item in items:
                waiting[pool.submit(work, item)] = item
                if len(waiting) >= AHEAD * max(1, workers):
                    yield from _finished(waiting, progress, task)
            while waiting:
                yield from _finished(waiting, progress, task)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _finished(waiting: dict[Future[Result], Item], progress: Progress, task: TaskID) -> Iterator[tuple[Item, Result]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        item, result = waiting.pop(future), future.result()
        progress.advance(task)
        yield item, result


def _line(hidden: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, disable=hidden)


class _Rate(ProgressColumn):
    """Files a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")
