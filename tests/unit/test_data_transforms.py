"""Transforms: the authors' validation, augmentation that is consistent within a clip, every kind of image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data_sets import options
from PIL import Image

from ivvit.ground.errors import UserError
from ivvit.numerics.compat import import_torchvision
from ivvit.numerics.images import read_image
from ivvit.numerics.pixels import PAPER, Pixels, normalize
from ivvit.numerics.rng import Rng
from ivvit.numerics.sampling import subsample
from ivvit.numerics.sizes import short_side_range
from ivvit.numerics.transforms import ASPECT, Resize, _random_box, clip_crop, eval_views, train_image

LEVEL = 1 / (255 * 0.225)
"""One grey level after normalisation."""


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "golden/ops.npz"))


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def test_validation_of_clips_equals_the_authors(golden: dict[str, np.ndarray]) -> None:
    video = torch.from_numpy(golden["tf_video_val/in_uint8"]).transpose(0, 1)[subsample(10, 4)]
    expected = torch.from_numpy(golden["tf_video_val/out_every7"]).transpose(0, 1)
    in_floats = normalize(eval_views(video.float(), 224, 256, 1)[0], PAPER)[..., ::7, ::7]
    torch.testing.assert_close(in_floats, expected, atol=1e-4, rtol=0)
    in_bytes = normalize(eval_views(video, 224, 256, 1)[0], PAPER)[..., ::7, ::7]
    torch.testing.assert_close(in_bytes, expected, atol=1.01 * LEVEL, rtol=0)  # the kernel rounds to a grey level


def test_validation_of_images_equals_the_authors(golden: dict[str, np.ndarray]) -> None:
    image = torch.from_numpy(golden["tf_image_val/in_uint8"]).permute(2, 0, 1)
    views = normalize(eval_views(image, 224, 256, 1)[0], PAPER)[..., ::7, ::7]
    torch.testing.assert_close(views, torch.from_numpy(golden["tf_image_val/out_every7"]), atol=1e-4, rtol=0)


def train_clip(clip: torch.Tensor, img_size: int, short_side: tuple[int, int], flip: bool, rng: Rng) -> torch.Tensor:
    crop = clip_crop(img_size, short_side, flip, rng)
    top, left, height, width = crop.box(*clip.shape[-2:])
    return crop.finish(clip[..., top : top + height, left : left + width])


@pytest.mark.parametrize("std", [(0.225, 0.225, 0.225), (0.229, 0.224, 0.225)])
def test_normalize(std: tuple[float, float, float]) -> None:
    pixels, mean = noise(2, 3, 4, 4), (0.485, 0.456, 0.406)
    expected = (pixels.double() / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(normalize(pixels, Pixels(mean, std)), expected.float(), atol=1e-6, rtol=0)
    assert normalize(pixels, PAPER, torch.bfloat16).dtype == torch.bfloat16 and pixels.dtype == torch.uint8


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resizing_is_torchvision_s(interpolation: str) -> None:
    import_torchvision()
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    clip = noise(2, 45, 61, 3)
    for antialias in (True, False):
        for pixels in (clip.permute(0, 3, 1, 2), clip[0].permute(2, 0, 1), clip.permute(0, 3, 1, 2).contiguous()):
            mode, size = InterpolationMode(interpolation), (70, 32)
            mine = Resize(interpolation, antialias)(pixels, *size)
            if torch.backends.cpu.get_cpu_capability() == "DEFAULT":  # there torchvision goes by way of floats
                pixels = pixels.float()
            theirs = functional.resize(pixels, list(size), mode, antialias=antialias)
            torch.testing.assert_close(mine, theirs.clamp(0, 255).round().byte(), atol=1, rtol=0)
            assert theirs.is_floating_point() or (mine == theirs).all()


def test_clips_without_antialias_are_as_pytorchvideo_has_them() -> None:
    """A clip that is made smaller: torch's bilinear interpolation of two by two pixels."""
    clip = noise(2, 3, 96, 128).float()
    expected = torch.nn.functional.interpolate(clip, size=(48, 64), mode="bilinear", align_corners=False)
    views = eval_views(clip, 48, 48, 1, Resize(antialias=False))[0]
    torch.testing.assert_close(views, expected[..., 8:56], atol=1e-3, rtol=0)
    assert (eval_views(clip, 48, 48, 1)[0] - expected[..., 8:56]).abs().max() > 10


def test_a_clip_is_augmented_as_one() -> None:
    still = noise(1, 3, 60, 90).expand(5, -1, -1, -1)
    for i in range(20):
        out = train_clip(still, 32, (40, 50), True, Rng(i))
        assert out.shape == (5, 3, 32, 32) and (out == out[0]).all()


def test_crops_scales_and_flips_vary_as_they_should() -> None:
    ramp = torch.arange(180, dtype=torch.uint8).expand(1, 3, 120, 180).contiguous()  # brightness says the column
    spans, flips, lefts = [], 0, []
    for i in range(600):
        row = train_clip(ramp, 64, (72, 96), True, Rng(i))[0, 0, 30].int()
        spans.append(abs(int(row[-1] - row[0])) / 63 * 64)
        flips += bool(row[-1] < row[0])
        lefts.append(int(row.min()))
    # A short side of 120 scaled to 72 ... 96 makes a crop of 64 pixels take 80 ... 107 of the source's.
    assert 78 <= min(spans) < 82 and 104 < max(spans) <= 109
    assert 250 < flips < 350 and min(lefts) <= 1 and max(lefts) > 90


def test_no_flip_where_direction_counts() -> None:
    ramp = torch.arange(96, dtype=torch.uint8).expand(2, 3, 64, 96).contiguous()
    for i in range(50):
        for out in (
            train_clip(ramp, 32, (40, 50), False, Rng(i)),
            train_image(ramp[0], 32, (0.2, 1.0), False, Rng(i)),
        ):
            assert (out[..., -1].int() > out[..., 0].int()).all()


def test_the_whole_frame_is_left_alone() -> None:
    clip = noise(8, 3, 32, 32)
    assert (train_clip(clip, 32, (32, 32), False, Rng(0)) == clip).all()
    assert (eval_views(clip, 32, 32, 1)[0] == clip).all()


def test_random_resized_crops_are_drawn_as_torchvision_draws_them() -> None:
    import_torchvision()
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    image, count = torch.empty(3, 100, 150), 3000
    theirs = np.array([RandomResizedCrop.get_params(image, [0.08, 1.0], list(ASPECT)) for _ in range(count)])
    ours = np.array([_random_box(100, 150, (0.08, 1.0), Rng(i)) for i in range(count)])
    for column in range(4):  # top, left, height, width: the same deciles
        deciles = np.arange(5, 100, 10)
        np.testing.assert_allclose(*(np.percentile(x[:, column], deciles) for x in (ours, theirs)), atol=3.5)
    assert (ours[:, 0] + ours[:, 2] <= 100).all() and (ours[:, 1] + ours[:, 3] <= 150).all()
    assert _random_box(10, 1000, (0.9, 1.0), Rng(0))[2:] == (10, 13)  # no box fits: the middle, at 4:3


@pytest.mark.parametrize(("height", "width"), [(60, 100), (100, 60), (50, 50), (37, 41)])
def test_views_are_spread_along_the_long_side(height: int, width: int) -> None:
    column = torch.linspace(0, 255, width).to(torch.uint8).expand(3, height, width).contiguous()
    views = eval_views(column, 32, 36, 3)
    assert views.shape == (3, 3, 32, 32)
    means = views.float().mean((1, 2, 3))
    if width > height:
        assert means[0] < means[1] < means[2]
    centre = eval_views(column, 32, 36, 1)[0]
    torch.testing.assert_close(centre, views[1])


def test_short_side_follows_the_model() -> None:
    assert short_side_range("D", options("UCF101"), 224) == (256, 320)
    assert short_side_range("D", options("UCF101"), 32) == (37, 46)
    assert short_side_range("D", options("UCF101", short_side=[32, 32]), 32) == (32, 32)
    with pytest.raises(UserError, match=r"datasets.D.short_side: \[200, 320\] is below the model's img_size 224"):
        short_side_range("D", options("UCF101", short_side=[200, 320]), 224)


def test_images_of_every_mode_become_upright_rgb(tmp_path: Path) -> None:
    pixels = noise(16, 20, 3).numpy()
    rgb = Image.fromarray(pixels)
    rgb.save(tmp_path / "rgb.png")
    assert (np.asarray(read_image(tmp_path / "rgb.png")) == pixels).all()
    grey = rgb.convert("L")
    grey.save(tmp_path / "grey.png")
    assert (np.asarray(read_image(tmp_path / "grey.png")) == np.asarray(grey)[..., None]).all()
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.png")
    assert (np.asarray(read_image(tmp_path / "deep.png")) == np.asarray(grey)[..., None]).all()
    rgb.convert("CMYK").save(tmp_path / "cmyk.tif")
    assert np.abs(np.asarray(read_image(tmp_path / "cmyk.tif")).astype(int) - pixels).max() <= 1
    palette = rgb.convert("P")
    palette.save(tmp_path / "palette.png")
    assert (np.asarray(read_image(tmp_path / "palette.png")) == np.asarray(palette.convert("RGB"))).all()
    alpha = rgb.convert("RGBA")
    alpha.putalpha(Image.fromarray(np.repeat(np.arange(16) // 8 * 255, 20).reshape(16, 20).astype(np.uint8)))
    alpha.save(tmp_path / "alpha.png")
    seen = np.asarray(read_image(tmp_path / "alpha.png"))
    assert (seen[:8] == 255).all() and (seen[8:] == pixels[8:]).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(tmp_path / "turned.png", exif=exif)
    assert (np.asarray(read_image(tmp_path / "turned.png")) == np.rot90(pixels, -1)).all()
