"""One safe file name for each name; the nearest of the known names."""

import pytest

from ivvit.ground.names import did_you_mean, nearest, safe_name, unknown
from ivvit.weights.sources import find_source


@pytest.mark.parametrize("name", ["Kinetics400", "ImageNet-21k", "a.b_c+d=e", "0", "a" * 120])
def test_safe_names_stay_as_they_are(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-rf", "a/b", "a b", "a:b", "~", "ü", "a\nb", "a\0", "a" * 300]
)
def test_other_names_become_safe(name):
    safe = safe_name(name)
    assert safe and safe[0] not in ".-" and safe.isascii() and len(safe) <= 120
    assert not set(safe) & set("/\\: \n\0~*?\"'") and safe_name(safe) == safe


def test_no_two_names_share_a_file():
    names = ["a/b", "a-b", "a_b", "a//b", "a/b/", "a b", "/a/b", "a:b", "x" * 299 + "y", "x" * 300, "", "_", "-", "."]
    assert len({safe_name(name) for name in names}) == len(names)


def test_two_addresses_are_never_one_file():
    addresses = ["https://h/a/b.pth", "https://h/a-b.pth", "https://h/a_b.pth", "https://h/a/b.pth?version=2"]
    files = [find_source(address).file for address in addresses]
    assert len(set(files)) == len(files), "the second would silently get the first's weights"
    assert all(file.endswith(".pth") for file in files[:3])


def test_capitals_do_not_matter_for_the_nearest_name():
    assert nearest("ucf101", ["UCF101", "CIFAR100"]) == "UCF101" and nearest("xyz", ["UCF101"]) is None
    assert did_you_mean("CIFAR10", ["CIFAR100"]) == "did you mean CIFAR100? "
    assert unknown("data set", "q", []) == "unknown data set 'q'; known: none"
