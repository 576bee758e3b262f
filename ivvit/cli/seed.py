"""The further options of the authors' code, and what they mean here: docs/from-the-authors-code.md."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from ivvit.ground.errors import UserError

MODELS = {"ViT": "IV-ViT", "tokenshift": "TokenShift"}
PRETRAIN = {"None": "none"}
_PLACES = {"p_K400_2": "Kinetics400", "p_I21K_2": "ImageNet-21k", "p_poly": "polyvit"}
_UNUSED = ("p_K400_1", "p_I21K_1", "p_esK400_1", "p_esK400_2", "comet_tag")


class UseComet(argparse.BooleanOptionalAction):
    """--use_comet, which does what it says: in the authors' code it turned Comet off."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Set it, and say so where the option is spelled as theirs."""
        super().__call__(parser, namespace, values, option_string)
        if option_string == "--use_comet":
            print("note: --use_comet turns Comet on; in the authors' code it turned it off", file=sys.stderr)


def add_seed(parser: argparse.ArgumentParser, mode: str) -> None:
    """The options that are of no use but to run commands of the authors' code."""
    group = parser.add_argument_group("options of the authors' code")
    group.add_argument("--mode", help=f"{mode}, as that is the command's name here")
    group.add_argument("--ex_name", metavar="NAME", help="the experiment's name (command-line)")
    group.add_argument("--cuda", metavar="DEVICE", help="cuda:<number> or cpu; without it, GPUs that nobody has taken")
    group.add_argument("-amp", "--mixed_precision", action="store_true", help="precision fp16 (by default bf16)")
    group.add_argument("--weight_decay", type=float, metavar="X", help="of all optimisers (5e-5)")
    group.add_argument(
        "--sche_list", nargs="+", type=int, metavar="N", help="milestones of MultiStepLR, which it means"
    )
    group.add_argument("--lr_gamma", type=float, metavar="X", help="the factor at each milestone (0.1)")
    group.add_argument(
        "--val_per_iteration", type=int, metavar="N", help="validation.every; needs data sets with a val"
    )
    group.add_argument("--loss_weight_length", type=int, metavar="N", help="loss_weighting.window (500)")
    for option, name in _PLACES.items():
        group.add_argument(f"--{option}", metavar="FILE", help=f"{name}'s weights, under pretrained_weight/")
    for option in _UNUSED:
        group.add_argument(f"--{option}", help="has no effect")
    parser.set_defaults(own_mode=mode)


def translated(args: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Dotted keys of the experiment, and their values. Raises UserError for the other mode."""
    if args.mode not in (None, args.own_mode):
        raise UserError(f"--mode {args.mode}: the command is `ivvit {args.mode}` here, with the same options")
    if args.weight_decay is not None:
        yield "optimizer.weight_decay", args.weight_decay
    if args.sche_list:
        yield "lr_schedule", {"name": "MultiStepLR", "milestones": args.sche_list, "gamma": args.lr_gamma or 0.1}
    elif args.lr_gamma is not None:
        raise UserError("--lr_gamma is of MultiStepLR: give --sche_list, its milestones, as well")
    if args.mixed_precision:
        yield "precision", "fp16"
    if args.val_per_iteration:
        yield "validation.every", args.val_per_iteration
    if args.loss_weight_length:
        yield "loss_weighting.window", args.loss_weight_length
    for option in _UNUSED:
        if getattr(args, option) is not None:
            print(f"note: --{option} has no effect", file=sys.stderr)


def places(args: argparse.Namespace) -> dict[str, dict[str, str]]:
    """`weights:` of the configuration, from the options that name files."""
    given = {name: getattr(args, option) for option, name in _PLACES.items()}
    return {name: {"path": f"pretrained_weight/{file}"} for name, file in given.items() if file is not None}


def choose_device(device: str | None) -> dict[str, int]:
    """Let torch see one GPU, or none: what `runtime:` needs to know. Raises UserError for another word."""
    if device is None:
        return {}
    if device == "cpu":
        return {"gpus": 0}
    if (number := re.fullmatch(r"cuda(?::(\d+))?", device)) is None:
        raise UserError(f"--cuda {device}: write cuda:<number>, cuda or cpu")
    if number[1] is not None:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", number[1])
    return {"gpus": 1}
