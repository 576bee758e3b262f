"""Exact frames: whatever the codec and container, the frames chosen are those of a full decode, bit for bit."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_videos import CASES, FRAMES, IRREGULAR, picture

from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction.encode import write_stored
from ivvit.data.validation.probe_video import probe_video
from ivvit.numerics.decode import RGB, UnreadableError, _known_frames, open_video, read_frames, read_intra_frames
from ivvit.numerics.motion_jpeg import read_jpegs
from ivvit.numerics.timeline import Timeline

REAL = ("hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi", "TrumanShow_wave_f_nm_np1_fr_med_26.avi")
"""Of odd-videos; the cartwheel's metadata is not UTF-8."""
LARGE = ("R6llTwEh07w.mp4", "RATRACE_wave_f_nm_np1_fr_goo_37.avi", "SOX5yA1l24A.mp4", "basketball.mp4",
         "SchoolRulesHowTheyHelpUs_wave_f_nm_np1_ba_med_0.avi", "v_SoccerJuggling_g23_c01.avi")  # fmt: skip


def timeline_of(path: Path) -> Timeline:
    facts = probe_video(path, path.stat().st_size)
    pts, keys = facts["pts"], facts["keys"]
    return Timeline(
        facts["frames"], facts["fps"], Fraction(facts["time_base"]), facts["first_pts"], facts["pts_step"],
        np.array(pts) if pts else None, np.array(keys).reshape(-1, 4) if keys else None,
        facts["stamped"],
    )  # fmt: skip


def full_decode(path: Path) -> list[np.ndarray]:
    """Every frame by the plainest code there is, on as many threads as FFmpeg likes."""
    with av.open(str(path), metadata_errors="ignore") as container:
        container.streams.video[0].thread_type = "AUTO"
        return [np.rot90(f.to_ndarray(format="rgb24"), f.rotation // 90) for f in container.decode(video=0)]


@pytest.fixture(scope="module", params=[*CASES, *REAL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param in CASES:
        return CASES[request.param](tmp_path_factory.mktemp("made") / request.param)
    return request.getfixturevalue("shared") / "data/odd-videos" / request.param


def choices(frames: int) -> list[list[int]]:
    """Places that go wrong elsewhere: the ends, single frames, repeated ones, and random ones."""
    rng = np.random.default_rng(0)
    random = [np.sort(rng.integers(0, frames, 4)).tolist() for _ in range(8)]
    return [[0], [frames - 1], [0, frames - 1], [3, 3, 3], *([i] for i in range(1, min(frames, 40), 3)), *random]


def test_frames_equal_those_of_a_full_decode(case: Path, tmp_path: Path) -> None:
    timeline, full = timeline_of(case), full_decode(case)
    assert timeline.frames == len(full)
    for indices in choices(timeline.frames):
        frames = read_frames(case, timeline, indices)
        assert all((got == full[i]).all() for got, i in zip(frames, indices, strict=True)), indices
    stored = tmp_path / "stored.mp4"
    write_stored(case, stored, timeline, StoreOptions(codec="ffv1", short_side=1000))
    for indices in choices(timeline.frames):
        frames = read_intra_frames(stored, timeline, indices)
        assert all((got == full[i]).all() for got, i in zip(frames, indices, strict=True)), indices


def test_the_store_keeps_times_and_nearly_the_pixels(case: Path, tmp_path: Path) -> None:
    timeline, full = timeline_of(case), full_decode(case)
    stored = tmp_path / "stored.mp4"
    write_stored(case, stored, timeline, StoreOptions(short_side=1000))
    with av.open(str(stored)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * stream.time_base for frame in container.decode(stream)]
        assert stream.codec_context.name == "mjpeg"
    assert times == [timeline.pts_of(i) * timeline.time_base for i in range(timeline.frames)]
    indices = list(range(0, timeline.frames, 7))
    for index, pixels in zip(indices, read_jpegs(stored, timeline, indices), strict=True):
        errors = {i: np.mean((pixels - full[i].astype(np.float32)) ** 2) for i in near(index, timeline.frames)}
        assert errors[index] < min(30, 1.01 * min(errors.values()))  # above 33 dB, and of no other frame


def test_frames_are_known_by_stamps_where_these_are_sound(tmp_path: Path) -> None:
    sound, unsound = CASES["b-frames.mp4"](tmp_path / "sound.mp4"), CASES["h264.avi"](tmp_path / "unsound.avi")
    timeline, full = timeline_of(sound), full_decode(sound)
    assert timeline.stamped and not timeline_of(unsound).stamped
    stamps = {timeline.pts_of(index): index for index in (3, 40)}
    with open_video(sound) as (container, stream):
        found = {index: RGB()(frame) for index, frame in _known_frames(stamps, container, stream, None)}
    assert all((pixels == full[index]).all() for index, pixels in found.items()) and list(found) == [3, 40]


def near(index: int, frames: int) -> range:
    return range(max(0, index - 2), min(frames, index + 3))


def test_variable_rate_and_start_are_kept(tmp_path: Path) -> None:
    irregular = timeline_of(CASES["vfr.mkv"](tmp_path / "vfr.mkv"))
    assert [irregular.seconds(i) * 1000 for i in range(FRAMES)] == pytest.approx(IRREGULAR)
    late = timeline_of(CASES["late-start.mp4"](tmp_path / "late.mp4"))
    assert late.pts_of(0) * late.time_base == Fraction(7, 25) and late.seconds(25) == 1.0


def test_a_rotated_video_stands_upright(tmp_path: Path) -> None:
    path = CASES["rotated.mp4"](tmp_path / "r.mp4")
    timeline = timeline_of(path)
    frame = read_frames(path, timeline, [20])[0].astype(np.float32)
    assert np.abs(frame - np.rot90(picture(20)).astype(np.float32)).mean() < 12


def test_key_frames_are_used_where_they_are_sound(tmp_path: Path) -> None:
    for name, count in (("b-frames.mp4", 5), ("open-gop.mp4", 5), ("h264.avi", 5), ("intra-refresh.mp4", 0)):
        keys = timeline_of(CASES[name](tmp_path / name)).keys
        assert (0 if keys is None else len(keys)) == count, name


def test_key_frames_that_moved_are_no_obstacle(tmp_path: Path) -> None:
    path = CASES["b-frames.mp4"](tmp_path / "b.mp4")
    timeline, full = timeline_of(path), full_decode(path)
    timeline.keys[:, 1] += 1  # no packet begins there
    assert (read_frames(path, timeline, [40])[0] == full[40]).all()


def test_damage_has_a_reason(tmp_path: Path) -> None:
    path = CASES["b-frames.mp4"](tmp_path / "b.mp4")
    timeline = timeline_of(path)
    with pytest.raises(UnreadableError, match="No such file"):
        read_frames(tmp_path / "gone.mp4", timeline, [0])
    short = CASES["vp9.webm"](tmp_path / "s.webm")
    longer = Timeline(200, 25.0, Fraction(1, 25))
    with pytest.raises(UnreadableError, match="frame 150 is not in the file"):
        read_frames(short, longer, [3, 150])
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 900] = bytes(900)
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        read_frames(path, timeline, list(range(FRAMES)))
