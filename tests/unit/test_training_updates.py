"""One iteration against plain computations."""

import io
import math
from typing import get_args

import pytest
import torch
from torch.nn.functional import cross_entropy

from ivvit.config.optimisation import TimmOptimizer
from ivvit.config.resolve import Config
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.layers import freeze, layers_of, without_decay
from ivvit.numerics.models import create_model
from ivvit.numerics.pcgrad import pcgrad
from ivvit.numerics.pixels import PAPER, normalize
from ivvit.numerics.precision import ScaleState
from ivvit.numerics.rng import Rng
from ivvit.numerics.trainer import Trainer
from ivvit.numerics.world import World

TINY = {"name": "vit_tiny_patch16_224", "img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 3}
CLASSES = {"CIFAR100": 3, "UCF101": 2}
THREE = {"CIFAR100": 4, "UCF101": 2, "Kinetics200": 2}


def trainer(compiled: bool = False, **settings) -> Trainer:
    fields = {"datasets": {"CIFAR100": 4, "UCF101": 2}, "precision": "fp32", "num_frames": 2, "backbone": TINY,
              "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0},
              "lr_schedule": "constant", "iterations": 10} | settings  # fmt: skip
    experiment = Config({"experiments": {"e": fields}}, "test").experiment("e")
    torch.manual_seed(0)
    args = experiment.backbone.args
    classes = {name: CLASSES.get(name, 2) for name in experiment.datasets}
    model = create_model("IV-ViT", classes, backbone=experiment.backbone.name, num_frames=2, backbone_args=args)
    return Trainer(model, experiment, 0, torch.device("cpu"), World(), compiled)


def batches(number: int = 0) -> dict[str, Batch]:
    generator = torch.Generator().manual_seed(number)
    result = {}
    for name, shape in {"CIFAR100": (4, 3, 32, 32), "UCF101": (2, 2, 3, 32, 32)}.items():
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, CLASSES[name], shape[:1], generator=generator)
        result[name] = Batch(pixels, labels, [Record(i, f"{name}/{i}") for i in range(shape[0])])
    return result


def plain_loss(training: Trainer, name: str, batch: Batch) -> torch.Tensor:
    return cross_entropy(training.model(normalize(batch.pixels, PAPER), name), batch.labels)


def weights(training: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in training.model.parameters()])


def plain_update(training: Trainer, rule: str, factors: dict[str, float], steps: int = 2) -> torch.Tensor:
    """SGD by hand."""
    parameters = list(training.model.parameters())
    for step in range(steps):
        total = [torch.zeros_like(p) for p in parameters]
        for name, batch in batches(step).items():
            loss = plain_loss(training, name, batch) * factors[name]
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            added = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
            total = added if rule == "sequential" else [t + a for t, a in zip(total, added, strict=True)]
            if rule != "joint":
                descend(parameters, total)
        if rule == "joint":
            descend(parameters, total)
    return weights(training)


@torch.no_grad()
def descend(parameters: list[torch.Tensor], gradients: list[torch.Tensor]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter -= 0.1 * gradient


GENTLE: ScaleState = {"scale": 256.0, "growth_tracker": 0, "overflows": 0}
"""A loss scale at which nothing overflows."""
FIXED = {"CIFAR100": {"batch_size": 4, "loss_weight": 0.5}, "UCF101": {"batch_size": 2, "loss_weight": 2.0}}


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("rule", ["cumulative", "sequential", "joint"])
def test_rules_agree_with_plain_descent(rule, precision, accumulate):
    """fp16's scaler at work between optimisers that share gradients: a wrong scale would be off by thousands."""
    settings = {"datasets": FIXED, "loss_weighting": "fixed", "precision": precision, "accumulate": accumulate}
    training = trainer(update_rule=rule, **settings)
    training.precision.load_state_dict(GENTLE)
    before = weights(training)
    for step in range(2):
        training.run(step, batches(step))
    expected = plain_update(trainer(), rule, {"CIFAR100": 0.5, "UCF101": 2.0})
    moved = (expected - before).abs().max().item()
    tolerance = {"fp32": 2e-5, "fp16": 0.02, "bf16": 0.1}[precision]
    assert (weights(training) - expected).abs().max().item() < tolerance * moved


def test_fp16_overflow_leaves_the_weights_and_lowers_the_scale():
    training = trainer(precision="fp16")
    before, scale = weights(training), training.state_dict()["precision"]["scale"]
    training.precision.load_state_dict(training.state_dict()["precision"] | {"scale": 2.0**60})
    training.run(0, batches())
    assert torch.equal(weights(training), before)
    assert training.state_dict()["precision"]["scale"] == 2.0**59
    training.precision.load_state_dict(training.state_dict()["precision"] | {"scale": scale})
    training.run(1, batches())
    assert not torch.equal(weights(training), before) and weights(training).isfinite().all()


def test_gradients_are_clipped():
    training, free = trainer(grad_clip=0.01), trainer()
    before = weights(training)
    one = {"CIFAR100": batches()["CIFAR100"]}
    training.run(0, one)
    free.run(0, one)
    assert (weights(free) - before).norm() > 0.01
    assert (weights(training) - before).norm().item() == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_clipping_bounds_each_step_and_leaves_the_sum_alone():
    """`cumulative` by hand: the second step is along the true sum of both gradients."""
    training = trainer(grad_clip=0.5)
    before, parameters = weights(training), list(training.model.parameters())
    training.run(0, batches())
    plain, total = trainer(), [torch.zeros_like(p) for p in parameters]
    norms = []
    for name, batch in batches().items():
        mine = list(plain.model.parameters())
        gradients = torch.autograd.grad(plain_loss(plain, name, batch), mine, allow_unused=True)
        total = [t if g is None else t + g for t, g in zip(total, gradients, strict=True)]
        norm = torch.cat([t.flatten() for t in total]).norm()
        norms.append(norm.item())
        descend(mine, [t * (0.5 / norm) for t in total])
    assert min(norms) > 1  # both steps are clipped
    torch.testing.assert_close(weights(training) - before, weights(plain) - before, atol=1e-6, rtol=1e-4)


def test_clipping_that_does_not_apply_changes_no_bit():
    clipped, free = trainer(grad_clip=1e6), trainer()
    for iteration in range(2):
        clipped.run(iteration, batches(iteration))
        free.run(iteration, batches(iteration))
    assert torch.equal(weights(clipped), weights(free))


@pytest.mark.parametrize("rule", ["cumulative", "sequential", "joint"])
@pytest.mark.parametrize("lost", ["CIFAR100", "UCF101"])
def test_a_data_set_that_overflows_in_fp16_is_left_out_alone_and_counted(rule, lost):
    training, other = trainer(precision="fp16", update_rule=rule), trainer(precision="fp16", update_rule=rule)
    for each in (training, other):
        each.precision.load_state_dict(GENTLE)
    training.model.heads[lost].weight.register_hook(lambda gradient: gradient * math.inf)
    training.run(0, batches())
    left = {name: batch for name, batch in batches().items() if name != lost}
    other.run(0, left)
    torch.testing.assert_close(weights(training), weights(other), atol=1e-6, rtol=1e-5)
    assert (training.skipped, other.skipped) == (1, 0)
    assert (training.state_dict()["precision"]["scale"], other.state_dict()["precision"]["scale"]) == (128, 256)


def test_uncertainty_learns_its_log_variances():
    """Against Adam on L exp(-s) + s / 2 through autograd."""
    training = trainer(loss_weighting={"name": "uncertainty", "lr": 0.1})
    s = {name: torch.zeros((), requires_grad=True) for name in CLASSES}
    adam = torch.optim.Adam(s.values(), lr=0.1)
    for iteration in range(3):
        step = training.run(iteration, batches(iteration))
        for name, count in {"CIFAR100": 4, "UCF101": 2}.items():
            assert step.weights[name].item() == pytest.approx(math.exp(-s[name].item()), rel=1e-5)
            (step.sums[name][0] / count * torch.exp(-s[name]) + s[name] / 2).backward()
        adam.step()
        adam.zero_grad()


def test_dynamic_weight_average_follows_the_last_two_windows():
    training = trainer(loss_weighting={"name": "dwa", "window": 2, "temperature": 2.0})
    steps = [training.run(iteration, batches(iteration)) for iteration in range(5)]
    mean = {n: [sum(s.sums[n][0].item() / len(batches()[n].labels) for s in steps[w : w + 2]) / 2 for w in (0, 2)]
            for n in CLASSES}  # fmt: skip
    ratios = torch.tensor([mean[name][1] / mean[name][0] for name in CLASSES])
    expected = 2 * torch.softmax(ratios / 2, 0)
    assert [steps[3].weights[name].item() for name in CLASSES] == [1, 1]
    assert [steps[4].weights[name].item() for name in CLASSES] == pytest.approx(expected.tolist(), rel=1e-5)


def test_frozen_layers_stay_and_layer_decay_slows_the_early_ones():
    training = trainer(freeze=1, layer_decay=0.5, optimizer={"name": "SGD", "lr": 0.1, "momentum": 0.0})
    before = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    training.run(0, batches())
    moved = {name for name, p in training.model.named_parameters() if not torch.equal(p, before[name])}
    frozen = {name for name in before if "blocks.1" not in name and "norm." not in name and "heads" not in name}
    assert moved == set(before) - {n for n in frozen if not n.startswith("backbone.norm")} - {
        n for n in before if "blocks.0" in n
    }
    groups = training.state_dict()["optimizers"]["CIFAR100"]["param_groups"]
    assert [group["lr"] for group in groups] == pytest.approx([0.05, 0.1])


def test_a_hybrids_convolutions_and_deits_token_are_of_the_embedding():
    for backbone, args, parts in (
        ("vit_small_r26_s32_224", {"img_size": 64, "depth": 2}, ("cls_token", "pos_embed", "patch_embed")),
        ("deit_tiny_distilled_patch16_224", {"depth": 2}, ("cls_token", "pos_embed", "patch_embed", "dist_token")),
        ("eva02_tiny_patch14_224", {"depth": 2}, ("cls_token", "pos_embed", "patch_embed")),
    ):
        model = create_model("IV-ViT", {"A": 2}, backbone, 2, args)
        layers = layers_of(model)
        first = {name for name, layer in layers.items() if layer == 0}
        assert first == {name for name in layers if name.split(".")[1] in parts}
        freeze(model, 1)
        still = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        assert still == first | {name for name in layers if name.startswith("backbone.blocks.0.")}


@pytest.mark.parametrize(
    ("backbone", "args"),
    [
        ("vit_small_r26_s32_224", {"img_size": 64}),
        ("deit_tiny_distilled_patch16_224", {}),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 28}),
        ("vit_base_patch16_siglip_224", {}),
        ("vit_small_patch16_dinov3", {"img_size": 32}),
    ],
)
def test_layers_and_decay_are_those_of_timms_own_optimiser_groups(backbone, args):
    from timm.optim import param_groups_layer_decay  # after ivvit.numerics.compat

    model = create_model("IV-ViT", {"A": 2}, backbone, 2, args | {"depth": 2})
    vit, layers, spared = model.backbone, layers_of(model), without_decay(model)
    names = {id(parameter): f"backbone.{name}" for name, parameter in vit.named_parameters()}
    last = max(layers[name] for name in names.values())
    for group in param_groups_layer_decay(vit, 0.1, vit.no_weight_decay(), layer_decay=0.5):
        for name in (names[id(parameter)] for parameter in group["params"]):
            assert 0.5 ** (last - layers[name]) == group["lr_scale"], name
            assert (name in spared) == (group["weight_decay"] == 0), name


def test_freezing_all_leaves_heads_and_adapters():
    model = create_model("AIM", {"A": 2}, "vit_tiny_patch16_224", 2, {"depth": 2})
    freeze(model, "all")
    trained = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"heads", "adapters"}


def test_weight_decay_is_left_out_where_timm_leaves_it_out():
    training = trainer(optimizer={"name": "AdamW", "no_decay": True, "weight_decay": 0.1}, layer_decay=0.5)
    decayed = {
        id(parameter)
        for group in training._optimizers["CIFAR100"].param_groups
        if group["weight_decay"] > 0
        for parameter in group["params"]
    }
    names = {name for name, parameter in training.model.named_parameters() if id(parameter) in decayed}
    weights_alone = {"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight"}
    assert names == (
        {f"backbone.blocks.{i}.{name}" for i in range(2) for name in weights_alone}
        | {"backbone.patch_embed.proj.weight", "heads.CIFAR100.weight", "heads.UCF101.weight"}
    )


def test_too_many_frozen_blocks_are_refused():
    with pytest.raises(UserError, match="freeze is 3, but the backbone has 2 blocks"):
        trainer(freeze=3)


def test_the_average_follows_the_weights():
    training = trainer(ema=0.75)
    expected = weights(training)
    for iteration in range(3):
        training.run(iteration, batches(iteration))
        expected = 0.75 * expected + 0.25 * weights(training)
    now = weights(training)
    with training.result_weights():
        torch.testing.assert_close(weights(training), expected, atol=1e-6, rtol=1e-5)
    assert torch.equal(weights(training), now)


def test_the_average_warms_up():
    training = trainer(ema=0.9998, ema_warmup=True)
    expected = weights(training)
    for iteration, decay in enumerate((1 / 10, 2 / 11, 3 / 12)):
        training.run(iteration, batches(iteration))
        expected = decay * expected + (1 - decay) * weights(training)
    with training.result_weights():
        torch.testing.assert_close(weights(training), expected, atol=1e-6, rtol=1e-5)


def test_gradient_checkpointing_changes_no_bit():
    rates = TINY | {"drop_path_rate": 0.4, "proj_drop_rate": 0.2}
    plain, recomputed = trainer(backbone=rates), trainer(backbone=rates)
    recomputed.model.backbone.grad_checkpointing = True
    for iteration in range(2):
        plain.run(iteration, batches(iteration))
        recomputed.run(iteration, batches(iteration))
    assert torch.equal(weights(plain), weights(recomputed))


JOINT = {"update_rule": "joint", "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}}


def test_one_optimiser_with_a_learning_rate_factor_per_data_set():
    uses = {"CIFAR100": {"batch_size": 4}, "UCF101": {"batch_size": 2, "lr_factor": 0.25}}
    training = trainer(**JOINT, datasets=uses, task_schedule="alternating")
    free = trainer(**JOINT, task_schedule="alternating")
    for name, factor in {"CIFAR100": 1, "UCF101": 0.25}.items():
        before = weights(training), weights(free)
        one = {name: batches()[name]}
        step, _ = training.run(0, one), free.run(0, one)
        assert step.learning_rates[name] == pytest.approx(0.1 * factor)
        if name == "CIFAR100":
            assert torch.equal(weights(training), weights(free))
        else:
            moved, free_moved = weights(training) - before[0], weights(free) - before[1]
            torch.testing.assert_close(moved, 0.25 * free_moved, atol=1e-7, rtol=1e-3)


def test_conflicting_gradients_are_projected():
    """Algorithm 1 of PCGrad on two data sets, in which the order cannot matter."""
    training = trainer(**JOINT, gradient_surgery="pcgrad")
    before, parameters = weights(training), dict(training.model.named_parameters())
    gradients = {}
    for name, batch in batches().items():
        found = torch.autograd.grad(plain_loss(training, name, batch), list(parameters.values()), allow_unused=True)
        gradients[name] = dict(zip(parameters, found, strict=True))
    one, two = (
        torch.cat([gradients[name][key].flatten() for key in parameters if not key.startswith("heads.")])
        for name in CLASSES
    )
    dot = one @ two
    if dot < 0:
        one, two = one - dot / (two @ two) * two, two - dot / (one @ one) * one
    training.run(0, batches())
    moved = (weights(training) - before) / -0.1
    shared = torch.cat([torch.full((p.numel(),), not key.startswith("heads.")) for key, p in parameters.items()])
    torch.testing.assert_close(moved[shared], one + two, atol=1e-5, rtol=1e-3)
    own = torch.cat([
        next(gradients[name][key] for name in CLASSES if key.startswith(f"heads.{name}")).flatten()
        for key in parameters if key.startswith("heads.")
    ])  # fmt: skip
    torch.testing.assert_close(moved[~shared], own, atol=1e-5, rtol=1e-3)


def test_surgery_removes_a_conflict_and_nothing_else():
    parts = [[torch.tensor([1.0, 0.0]), None], [torch.tensor([-1.0, 1.0]), torch.tensor([5.0])]]
    shared, own = pcgrad(parts, Rng(0))
    torch.testing.assert_close(shared, torch.tensor([0.5, 0.5]) + torch.tensor([0.0, 1.0]))
    assert own.item() == 5
    agreeing = [[torch.tensor([1.0, 0.0])], [torch.tensor([1.0, 1.0])]]
    assert pcgrad(agreeing, Rng(0))[0].tolist() == [2, 1]


@pytest.mark.parametrize("name", get_args(TimmOptimizer))
def test_timms_optimisers_step_and_go_on_from_their_state(name):
    settings = {"optimizer": {"name": name, "lr": 0.01, "weight_decay": 0.05}}
    whole, first, second = (trainer(**settings) for _ in range(3))
    for iteration in range(3):
        whole.run(iteration, batches(iteration))
    for iteration in range(2):
        first.run(iteration, batches(iteration))
    stream = io.BytesIO()
    torch.save(first.state_dict(), stream)
    stream.seek(0)
    second.load_state_dict(torch.load(stream, weights_only=True))
    second.run(2, batches(2))
    assert torch.equal(weights(second), weights(whole)) and weights(whole).isfinite().all()


def test_optimisers_that_write_into_gradients_leave_the_sum_alone():
    """LAMB scales gradients to a common norm in place; the second data set's step sees the plain sum."""
    seen, training = [], trainer(optimizer={"name": "lamb", "lr": 0.0001})
    for optimizer in training._optimizers.values():
        optimizer.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["params"][3].grad.clone()))
    training.run(0, batches())
    training, plain = trainer(optimizer={"name": "SGD", "lr": 1e-12, "momentum": 0.0}), []
    for optimizer in training._optimizers.values():
        optimizer.register_step_pre_hook(lambda o, *_: plain.append(o.param_groups[0]["params"][3].grad.clone()))
    training.run(0, batches())
    torch.testing.assert_close(seen[1], plain[1], atol=1e-4, rtol=1e-2)


def spoil(training: Trainer) -> None:
    """Make every clip's loss infinite."""
    training.model.heads["UCF101"].bias.data[:] = math.nan


def test_a_loss_that_is_not_finite_stops_training_and_names_everything():
    training = trainer()
    spoil(training)
    with pytest.raises(UserError, match=r"loss of UCF101 is not finite in iteration 8 \(samples: UCF101/0, UCF101/1\)"):
        training.run(7, batches())


@pytest.mark.parametrize("accumulate", [1, 2])
def test_so_many_steps_may_be_skipped_and_no_more(accumulate):
    training, other = trainer(max_skipped=2, accumulate=accumulate), trainer(accumulate=accumulate)
    spoil(training)
    training.run(0, batches(0))
    other.run(0, {"CIFAR100": batches(0)["CIFAR100"]})
    same = [torch.equal(a, b) for a, b in zip(training.model.parameters(), other.model.parameters(), strict=True)]
    assert sum(same) == len(same) - 1  # all but the spoilt bias
    training.run(1, batches(1))
    assert training.skipped == 2
    with pytest.raises(UserError, match="2 steps were skipped before, max_skipped is 2"):
        training.run(2, batches(2))


@pytest.mark.parametrize("weighting", ["uncertainty", "dwa"])
def test_a_skipped_loss_does_not_reach_the_loss_weighting(weighting):
    training = trainer(
        max_skipped=1, loss_weighting={"name": weighting} | ({"window": 1} if weighting == "dwa" else {})
    )
    good = training.model.heads["UCF101"].bias.detach().clone()
    spoil(training)
    training.run(0, batches(0))
    training.model.heads["UCF101"].bias.data[:] = good
    for iteration in range(1, 4):
        step = training.run(iteration, batches(iteration))
        assert all(weight.isfinite() for weight in step.weights.values())
    assert training.skipped == 1 and weights(training).isfinite().all()


def test_gradients_before_a_skipped_part_keep_their_scale():
    """The second half of the second data set's batch is lost; the third one's step sees the first one's gradients."""
    moved = {}
    for precision in ("fp32", "fp16"):
        training = trainer(datasets=THREE, precision=precision, max_skipped=1, accumulate=2)
        training.precision.load_state_dict(GENTLE)
        before, calls = weights(training), []

        def spoil_second(model, inputs, logits, calls=calls):
            calls.append(inputs[1])
            return logits * math.nan if calls.count("UCF101") == 2 and inputs[1] == "UCF101" else logits

        training.model.register_forward_hook(spoil_second)
        training.run(0, batches() | {"Kinetics200": batches(1)["UCF101"]})
        assert training.skipped == 1
        moved[precision] = weights(training) - before
    assert (moved["fp16"] - moved["fp32"]).abs().max() < 0.02 * moved["fp32"].abs().max()


@pytest.mark.slow
def test_compiled_blocks_compute_the_same():
    training, compiled = trainer(), trainer(compiled=True)
    for iteration in range(2):
        training.run(iteration, batches(iteration))
        compiled.run(iteration, batches(iteration))
    torch.testing.assert_close(weights(compiled), weights(training), atol=1e-5, rtol=1e-4)
    assert list(compiled.state_dict()["model"]) == list(training.state_dict()["model"])
