"""Which samples, which frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ivvit.numerics.rng import Rng
from ivvit.numerics.sampling import random_clip, sample_at, subsample, uniform_clips
from ivvit.numerics.timeline import Timeline


def regular(frames: int, fps: Fraction = Fraction(25)) -> Timeline:
    return Timeline(frames, float(fps), 1 / fps)


def test_subsampling_equals_the_authors(shared: Path) -> None:
    golden = np.load(shared / "golden/ops.npz")
    names = [name for name in golden.files if name.startswith("subsample/")]
    assert len(names) > 20
    for name in names:
        frames, count = name.removeprefix("subsample/t").split("_n")
        assert subsample(int(frames), int(count)).tolist() == golden[name].tolist(), name


def test_as_many_frames_as_wanted_are_consecutive() -> None:
    for count in (1, 2, 8, 16, 64, 1000):
        assert subsample(count, count).tolist() == list(range(count))


@pytest.mark.parametrize(
    ("seconds", "fps", "window"),
    [(8 / 25, 25, 8), (0.32, 25, 8), (64 / 25, 25, 64), (80 / 30, 30, 80), (80 / 30, Fraction(30000, 1001), 80),
     (64 / 25, Fraction(30000, 1001), 77), (0.001, 25, 1), (0.1, 30, 3), (0.7, 10, 7)],
)  # fmt: skip
def test_windows_are_not_at_the_mercy_of_floats(seconds: float, fps: Fraction, window: int) -> None:
    constant = regular(300, Fraction(fps))
    listed = Timeline(300, float(fps), 1 / Fraction(fps), 0, 0, np.arange(300))
    for timeline in (constant, listed):
        assert timeline.window(0, seconds) == timeline.window(150, seconds) == window
        assert timeline.last_start(seconds) == 300 - window
        assert timeline.window(timeline.last_start(seconds), seconds) == window


def test_a_window_of_a_variable_rate_holds_what_is_shown_in_it() -> None:
    pts = np.array([0, 10, 20, 30, 100, 110, 120, 200])  # hundredths of a second
    timeline = Timeline(8, float(Fraction(700, 200)), Fraction(1, 100), 0, 0, pts)
    for start in range(8):
        inside = (pts >= pts[start]) & (pts < pts[start] + 100 - 50 / timeline.fps)
        assert timeline.window(start, 1.0) == inside.sum()


def test_random_clips_cover_the_video_and_stay_inside() -> None:
    timeline = regular(100)
    clips = [random_clip(timeline, 8 / 25, 8, Rng(0, "D", "x", i)) for i in range(3000)]
    starts = np.bincount([int(c.indices[0]) for c in clips], minlength=93)
    assert len(starts) == 93 and starts.min() > 5 and starts.max() < 70  # 0 ... 92, about 32 times each
    assert all((np.diff(c.indices) == 1).all() for c in clips)
    assert clips[0].start_seconds == clips[0].indices[0] / 25


def test_a_short_video_is_used_whole() -> None:
    clip = random_clip(regular(5), 64 / 25, 16, Rng(0))
    assert clip.indices.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4]
    assert [c.indices.tolist() for c in uniform_clips(regular(1), 1.0, 3, 2)] == [[0, 0, 0]] * 2


def test_evaluation_spreads_its_clips() -> None:
    assert [c.indices[0] for c in uniform_clips(regular(101), 1.0, 5, 3)] == [0, 38, 76]
    assert [c.indices[0] for c in uniform_clips(regular(101), 1.0, 5, 1)] == [38]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_epoch_has_every_sample_once(size: int) -> None:
    for epoch in range(3):
        drawn = [sample_at(5, "D", epoch * size + i, size) for i in range(size)]
        assert sorted(drawn) == list(range(size))


def test_order_depends_on_seed_data_set_and_epoch() -> None:
    orders = {
        key: tuple(sample_at(key[0], key[1], key[2] * 50 + i, 50) for i in range(50))
        for key in [(0, "A", 0), (1, "A", 0), (0, "B", 0), (0, "A", 1)]
    }
    assert len(set(orders.values())) == 4


def test_draws_are_a_fixed_function_of_their_key() -> None:
    rng = Rng(3, "UCF101", "augment", 17)
    assert [rng.integer(1000) for _ in range(5)] == FIXED
    values = np.array([Rng(0, i).uniform() for i in range(4000)])
    assert values.min() >= 0 and values.max() < 1 and abs(values.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.05
    assert Rng(1, "1").uniform() != Rng("1", 1).uniform()


FIXED = [436, 567, 528, 535, 577]
"""What every version must draw: a change here would silently change every run."""
