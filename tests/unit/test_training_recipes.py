"""Mixing, label smoothing, RandAugment, erasing and repeats: what they do, and that they depend on positions alone."""

from collections import Counter

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from ivvit.config.recipe import RecipeOptions
from ivvit.numerics.erasing import erase
from ivvit.numerics.losses import Target, batch_sums
from ivvit.numerics.mixing import mixed
from ivvit.numerics.rand_augment import SIGNED, UNSIGNED, rand_augment
from ivvit.numerics.rng import Rng

KEY = (3, "UCF101", 7)
LABELS = torch.arange(6)


def clips(rows=6, seed=0):
    return torch.randn(rows, 4, 3, 16, 12, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("recipe", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}])
def test_samples_and_labels_are_mixed_by_the_same_share(recipe):
    x = torch.stack([torch.full((4, 3, 16, 12), float(row)) for row in range(6)])
    out, target = mixed(x, LABELS, RecipeOptions(**recipe), KEY, 0, 6)
    assert target.others.tolist() == [1, 0, 3, 2, 5, 4]
    own = target.share * LABELS + (1 - target.share) * target.others
    torch.testing.assert_close(out.mean((1, 2, 3, 4)), own, atol=1e-5, rtol=1e-5)
    assert torch.equal(out, out[:, :1].expand_as(out))  # the same in all frames
    assert target.share.min() > 0 and target.share[0] == target.share[1] != target.share[2]


def test_mixing_is_the_same_however_a_batch_is_shared_out():
    recipe = RecipeOptions(mixup=0.5, cutmix=1.0)
    whole, target = mixed(clips(), LABELS, recipe, KEY, 0, 6)
    for first in (0, 2, 4):
        part, of_part = mixed(clips()[first : first + 2], LABELS[first : first + 2], recipe, KEY, first, 6)
        assert torch.equal(part, whole[first : first + 2])
        assert torch.equal(of_part.share, target.share[first : first + 2])
    assert not torch.equal(mixed(clips(), LABELS, recipe, (3, "UCF101", 8), 0, 6)[0], whole)


def test_without_mixing_nothing_is_touched():
    x = clips()
    out, target = mixed(x, LABELS, RecipeOptions(), KEY, 0, 6)
    assert out is x and target.others is None


def test_an_odd_last_row_stays():
    out, target = mixed(clips(5), LABELS[:5], RecipeOptions(mixup=1.0), KEY, 0, 5)
    assert torch.equal(out[4], clips(5)[4]) and target.share[4] == 1


def test_the_loss_of_mixed_and_smoothed_labels_is_that_of_the_mixed_distribution():
    logits = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    share = torch.tensor([0.3, 0.3, 0.9, 0.9, 1.0, 1.0])
    target = Target(LABELS, LABELS.flip(0), share)
    soft = share[:, None] * one_hot(LABELS, 6) + (1 - share[:, None]) * one_hot(LABELS.flip(0), 6)
    soft = 0.9 * soft + 0.1 / 6
    expected = cross_entropy(logits, soft, reduction="sum")
    assert batch_sums(logits, target, smoothing=0.1)[0].item() == pytest.approx(expected.item(), rel=1e-5)
    plain = batch_sums(logits, Target(LABELS), smoothing=0.1)[0].item()
    assert plain == pytest.approx(cross_entropy(logits, LABELS, reduction="sum", label_smoothing=0.1).item(), rel=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_beta_numbers_have_mean_and_variance_of_their_distribution(alpha):
    rng = Rng("beta")
    numbers = torch.tensor([rng.beta(alpha) for _ in range(20_000)])
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.01)
    assert numbers.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.04)


def test_normal_numbers_have_mean_variance_and_tails_of_theirs():
    rng = Rng("normal")
    numbers = torch.tensor([rng.normal() for _ in range(20_000)])
    assert numbers.mean().item() == pytest.approx(0, abs=0.02)
    assert numbers.var().item() == pytest.approx(1, rel=0.03)
    assert (numbers.abs() > 1.96).float().mean().item() == pytest.approx(0.05, abs=0.006)


def pixels(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_rand_augment_changes_all_frames_alike_and_only_by_its_stream():
    still = pixels(1, 3, 32, 32).expand(4, -1, -1, -1)
    for seed in range(30):
        out = rand_augment(still, 9, 2, Rng(seed))
        assert out.shape == still.shape and out.dtype == torch.uint8
        assert torch.equal(out, out[:1].expand_as(out))
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        assert torch.equal(rand_augment(still, 9, 2, Rng(seed)), out)
        torch.set_rng_state(state)


def test_changes_are_those_of_torchvision():
    """Each operation against the one that torchvision's class applies for its name at this magnitude."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import RandAugment

    names = ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness",
             "Identity", "Posterize", "Solarize", "AutoContrast", "Equalize"]  # fmt: skip
    reference, image = RandAugment(), pixels(3, 40, 56)
    for change, name in zip((*SIGNED, *UNSIGNED), names, strict=True):
        magnitudes, signed = reference._AUGMENTATION_SPACE[name]
        values = magnitudes(31, 40, 56)
        magnitude = float(values[12]) if values is not None else 0.0
        expected = reference._apply_image_or_video_transform(
            image, name, magnitude, InterpolationMode.NEAREST, reference._fill
        )
        assert signed == (name in names[:9])
        different = (change(image, 12 / 30) != expected).float().mean().item()
        assert different < 0.02, name  # torchvision's float32 magnitude may choose another neighbour


def test_erasing_takes_one_rectangle_of_all_frames_for_the_mean_colour():
    clip, areas = pixels(4, 3, 40, 60), []
    for seed in range(50):
        out = erase(clip, (0.5, 0.4, 0.3), Rng(seed))
        changed = (out == torch.tensor([128, 102, 76]).view(3, 1, 1)).all(1)
        rows, columns = changed[0].any(1), changed[0].any(0)
        assert torch.equal(changed, (rows[:, None] & columns[None]).expand(4, -1, -1))
        assert torch.equal(out.masked_fill(changed[:, None], 0), clip.masked_fill(changed[:, None], 0))
        areas.append(changed[0].float().mean().item())
    assert min(areas) > 0.01 and max(areas) < 0.36


def test_repeats_show_each_sample_of_a_batch_several_times(data):
    from ivvit.config.datasets import DatasetOptions
    from ivvit.runs.inputs import open_train

    options = DatasetOptions(kind="image-folder", path="shades", crop_scale=(0.3, 0.6))
    manifest, size = data / "manifests" / "shades.json", {"img_size": 16, "num_frames": 2, "seed": 0}
    plain = open_train("shades", options, data, manifest, **size)
    repeated = open_train("shades", options, data, manifest, **size, recipe=RecipeOptions(repeats=2))
    seen = []
    for step in range(3):
        batch = repeated.batch(step, 6)
        rows = [record.index for record in batch.records]
        assert set(Counter(rows).values()) == {2} and rows[:3] == rows[3:]
        assert rows[0] != rows[1]  # neighbours, which are mixed, differ
        assert not torch.equal(batch.pixels[0], batch.pixels[3])
        seen += rows[:3]
    assert seen == [record.index for step in range(3) for record in plain.batch(step, 3).records]
    augmented = open_train("shades", options, data, manifest, **size,
                           recipe=RecipeOptions(rand_augment=9, random_erasing=0.5))  # fmt: skip
    assert torch.equal(augmented.batch(1, 6).pixels[2:4], augmented.batch(1, 6, slice(2, 4)).pixels)
    assert not torch.equal(augmented.batch(1, 6).pixels, plain.batch(1, 6).pixels)
