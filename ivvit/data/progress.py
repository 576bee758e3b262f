"""Work on many files in threads: a bounded number of them under way, and a line with the rate and the time left."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
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
    here = ((item, work(item)) for item in items)  # a thread that another waits for costs half a small image's time
    with _line(not total) as progress:
        task = progress.add_task(title, total=total)
        for item, result in here if workers < 2 else _in_threads(work, items, workers):
            progress.advance(task)
            yield item, result


def _in_threads(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    finished: SimpleQueue[tuple[Item, Future[Result]]] = SimpleQueue()

    def begin(item: Item) -> None:
        pool.submit(work, item).add_done_callback(lambda future: finished.put((item, future)))

    def end() -> tuple[Item, Result]:
        item, future = finished.get()
        return item, future.result()

    with ThreadPoolExecutor(workers) as pool:
        try:
            under_way = 0
            for item in items:
                begin(item)
                under_way += 1
                if under_way == AHEAD * workers:
                    yield end()
                    under_way -= 1
            for _ in range(under_way):
                yield end()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _line(hidden: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, disable=hidden)


class _Rate(ProgressColumn):
    """Files a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")
