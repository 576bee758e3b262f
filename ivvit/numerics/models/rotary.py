"""Rotary positions in time, row and column, as V-JEPA 2 has them (Assran et al., arXiv 2506.09985, section 2.1)."""

import torch

BASE = 10_000.0


def rotary_positions(times: int, rows: int, columns: int, width: int) -> torch.Tensor:
    """What timm's attentions take as `rope`: sines, then cosines.

    A third of a head's channels, rounded down to an even number, turns with time, a third with the row, a third with
    the column; what is left over does not turn. Channels 2i and 2i + 1 of a third of D channels turn as one plane,
    2i by the angle of frequency number 2i mod D/2, 2i + 1 by that of the next: the published code's own arrangement,
    with which its weights were trained.

    Args:
        times: steps of a clip, 1 for an image.
        rows: of patches.
        columns: of patches.
        width: channels of a head, 6 or more.

    Returns:
        (times * rows * columns, 2 * width), float32, places in the order time, row, column.
    """
    third = width // 3 // 2 * 2
    frequencies = BASE ** -(torch.arange(third // 2, dtype=torch.float32) / (third / 2))
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in (times, rows, columns)), indexing="ij")
    angles = torch.cat([torch.outer(axis.flatten(), frequencies).repeat(1, 2) for axis in axes], 1)
    still = angles.new_zeros(len(angles), width - 3 * third)
    angles = torch.cat([angles, still], 1)
    return torch.cat([angles.sin(), angles.cos()], 1)
