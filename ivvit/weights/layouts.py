"""Checkpoint layouts -> timm's names, one adapter a layout; no tensor is dropped silently.

Converted names are timm's (`blocks.0.attn.qkv.weight`), `heads.<data set>.weight` for classifiers of a named data set,
and polyvit's `tubelet.weight`, `tubelet.bias`, `pos_embed_video`.
"""

import re
from typing import TYPE_CHECKING

from ivvit.ground.errors import UserError
from ivvit.weights.converted import Converted, join_qkv
from ivvit.weights.google import convert_google, is_google
from ivvit.weights.rules import LAYOUTS, UNFIT, Rules

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = re.compile(r"^(?:(?:module|base_model|model|_orig_mod)\.)+")


def convert(state_dict: "dict[str, Tensor]") -> Converted:
    """Recognise the layout and give every tensor timm's name.

    Raises:
        UserError: the layout is none of those known, or fits none of the models; or a tensor is not of finite numbers.
    """
    if is_google(state_dict):
        return convert_google(state_dict)
    names = {name: PREFIX.sub("", name) for name in state_dict}
    for mark, reason in UNFIT:
        if any(re.fullmatch(mark, name) for name in names.values()):
            raise UserError(f"these weights fit none of the models: {reason}")
    for mark, layout, rules in LAYOUTS:
        if any(re.fullmatch(mark, name) for name in names.values()):
            converted = Converted(layout)
            names = _without_text(names)
            for source, name in names.items():
                _enter(converted, source, _rename(name, rules), state_dict[source])
            _check_numbers(converted)
            join_qkv(converted)
            _spell_as_timm(converted)
            if layout == "omnimae":
                _split_times(converted)
            return converted
    some = ", ".join(sorted(state_dict)[:4])
    known = ", ".join(dict.fromkeys(layout for _, layout, _ in LAYOUTS))
    raise UserError(f"unknown checkpoint layout (names such as {some}); known are {known} and Google's npz")


def _check_numbers(converted: Converted) -> None:
    """Integers would be taken for weights, and a value that is not finite spreads to all that it meets."""
    for name, tensor in converted.tensors.items():
        source = ", ".join(converted.origin[name])
        if not tensor.is_floating_point():
            raise UserError(f"{source} ({name}) is of {str(tensor.dtype).removeprefix('torch.')}, not of real numbers")
        if not tensor.isfinite().all():
            raise UserError(f"{source} ({name}) has values that are not finite; get the weights again")


def _spell_as_timm(converted: Converted) -> None:
    """CLIP's token and positions lack the dimension of the batch."""
    for name, shape in (("cls_token", (1, 1, -1)), ("pos_embed", None)):
        tensor = converted.tensors.get(name)
        if tensor is not None and tensor.dim() < 3:
            converted.tensors[name] = tensor.reshape(shape) if shape else tensor[None]


def _split_times(converted: Converted) -> None:
    """OmniMAE's positions are a clip's of 16 frames, by tubelets of 2; an image has those of the first step."""
    positions = converted.tensors.get("pos_embed")
    if positions is not None:
        converted.tensors["pos_embed_video"] = positions
        converted.origin["pos_embed_video"] = converted.origin["pos_embed"]
        converted.tensors["pos_embed"] = positions[:, : positions.shape[1] // 8]


def _without_text(names: dict[str, str]) -> dict[str, str]:
    """In a whole CLIP, the text tower's blocks have the names that an image tower alone has."""
    if not any(name.startswith("visual.") for name in names.values()):
        return names
    return {source: name if name.startswith("visual.") else f"text.{name}" for source, name in names.items()}


def _rename(name: str, rules: Rules) -> str | None:
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return _escape_head(match.expand(replacement))
    return None


def _escape_head(name: str) -> str:
    """A data set's dots are escaped as `ivvit.numerics.models.heads` does; other layouts write them plainly."""
    match = re.fullmatch(r"heads\.(.+)\.(weight|bias)", name)
    if not match or "." not in match[1]:
        return name
    return f"heads.{match[1].replace('%', '%25').replace('.', '%2E')}.{match[2]}"


def _enter(converted: Converted, source: str, name: str | None, tensor: "Tensor") -> None:
    if name is None or name in converted.tensors:
        converted.leftover.append(source)
    else:
        converted.tensors[name] = tensor
        converted.origin[name] = [source]
