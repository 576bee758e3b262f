"""What is found out about one file."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One file's facts; `damage` says why it cannot be used, `remarks` what is odd but harmless.

    Time stamps are in units of `time_base` seconds; `pts` is empty where `first_pts` and `pts_step` say it all. `keys`
    are the rows (index, pos, pts, dts) of key frames, one after the other; `stamped` as in `Timeline`.
    """

    size: int
    mtime_ns: int
    sha256: str = ""
    damage: str = ""
    no_access: bool = False
    """The damage is not the file's: it could not be read this time, which is not remembered."""
    remarks: list[str] = field(default_factory=list)
    frames: int = 1
    fps: float = 0.0
    width: int = 0
    height: int = 0
    time_base: str = "1"
    first_pts: int = 0
    pts_step: int = 1
    pts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    stamped: bool = False

    @property
    def duration(self) -> float:
        """Seconds; 0 for images."""
        return self.frames / self.fps if self.fps else 0.0
