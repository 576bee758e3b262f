"""create_model: names, options, heads, and every kind of timm VisionTransformer."""

import copy
import subprocess
import sys

import pytest
import torch

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import MODEL_MODULES, register

TINY = {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 4}
SHRINK = {"embed_dim": 32, "depth": 2, "num_heads": 4}
BACKBONES = {
    "vit_tiny_patch16_224": ("Ti", 32),
    "vit_small_patch16_224": ("S", 32),
    "vit_large_patch16_224": ("L", 32),
    "deit_small_patch16_224": ("DeiT", 32),
    "deit_small_distilled_patch16_224": ("a distillation token", 32),
    "deit3_small_patch16_224": ("LayerScale, class token without position", 32),
    "vit_small_patch14_reg4_dinov2": ("registers and LayerScale", 28),
    "vit_base_patch16_clip_224": ("norm before the blocks, no patch bias", 32),
    "vit_base_patch16_siglip_224": ("no class token, attention pooling", 32),
    "vit_medium_patch16_gap_256": ("no class token, mean", 32),
    "eva02_tiny_patch14_224": ("Eva: rotary and learnt positions, SwiGLU, mean", 28),
    "eva02_base_patch16_clip_224": ("Eva: norms inside, separate projections", 32),
    "eva_giant_patch14_224": ("Eva: learnt positions only", 28),
    "vit_small_patch16_dinov3": ("Eva: rotary positions only, registers, no bias", 32),
    "vit_small_patch16_rope_mixed_ape_224": ("Eva: rotary positions by block and head, and learnt ones", 32),
    "vit_pe_core_tiny_patch16_384": ("Eva: attention pooling", 32),
}
ROTARY_ONLY = {"vit_small_patch16_dinov3"}
WITHOUT_CLASS_TOKEN = {"vit_base_patch16_siglip_224", "vit_medium_patch16_gap_256"}
NAMES = ["IV-ViT", "TokenShift", "MSCA", "polyvit", "AIM", "ST-Adapter"]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", NAMES)
def test_any_vision_transformer(name, backbone):
    size = BACKBONES[backbone][1]
    args = SHRINK | {"img_size": size}
    if name == "TokenShift" and backbone in WITHOUT_CLASS_TOKEN:
        with pytest.raises(UserError, match="class token"):
            create_model(name, {"A": 3}, backbone, 4, args)
        return
    if name == "polyvit" and backbone in ROTARY_ONLY:
        with pytest.raises(UserError, match="do not tell frames apart"):
            create_model(name, {"A": 3}, backbone, 4, args)
        return
    model = create_model(name, {"A": 3, "B": 5}, backbone, 4, args)
    assert model(torch.randn(2, 3, size, size), "A").shape == (2, 3)
    clip = torch.randn(2, 4, 3, size, size)
    logits = model(clip, "B")
    assert logits.shape == (2, 5)
    torch.testing.assert_close(model.eval()(clip, "B"), logits, atol=1e-5, rtol=1e-5)
    logits.sum().backward()
    assert all(block.attn.proj.weight.grad is not None for block in model.backbone.blocks)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("resnet18", "VisionTransformer"),
        ("beit_base_patch16_224", "Beit; supported are timm's VisionTransformer .* and Eva"),
        ("vit_tinny_patch16_224", "not a model of timm"),
    ],
)
def test_unsupported_backbone(backbone, message):
    with pytest.raises(UserError, match=message):
        create_model("IV-ViT", {"A": 3}, backbone)


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        ("TokenShift", "vit_small_patch16_18x2_224"),
        ("MSCA", "vit_base_patch16_rpn_224"),
        ("polyvit", "vit_small_r26_s32_224"),
    ],
)
def test_unsupported_kind_of_block_or_patch(name, backbone):
    with pytest.raises(UserError, match=r"ParallelThingsBlock|ResPostBlock|HybridEmbed"):
        create_model(name, {"A": 3}, backbone, backbone_args={"depth": 1})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("IVViT", {}, "did you mean IV-ViT.*TokenShift"),
        ("MSCA", {"shifts": "qk"}, "unknown option 'shifts'.*did you mean shift[?].*shift_heads"),
        ("IV-ViT", {"fold_div": 8}, "unknown option 'fold_div'.*its options are head"),
        ("MSCA", {"shift": "qx"}, "'shift'.*letters of q, k, v"),
        ("MSCA", {"shift_heads": 3}, "shift_heads is 3.*has 4"),
        ("TokenShift", {"fold_div": 1}, "'fold_div'"),
        ("TokenShift", {"fold_div": 1000}, "width 24"),
        ("polyvit", {"tubelet_frames": 3}, "num_frames is 4.*tubelet_frames = 3"),
    ],
)
def test_wrong_names_and_options(name, options, message):
    with pytest.raises(UserError, match=message):
        create_model(name, {"A": 3}, num_frames=4, backbone_args=TINY, **options)


def test_unknown_backbone_argument():
    with pytest.raises(UserError, match="embed_dims"):
        create_model("IV-ViT", {"A": 3}, backbone_args={"embed_dims": 24})


def test_null_is_nothing_where_timm_would_take_its_default():
    args = SHRINK | {"img_size": 32, "init_values": None}
    for name in ("vit_small_patch16_rope_224", "vit_small_patch16_rope_224.naver_in1k", "deit3_small_patch16_224"):
        block = create_model("IV-ViT", {"A": 3}, name, backbone_args=args).backbone.blocks[0]
        assert not [key for key in block.state_dict() if "gamma" in key]
    with pytest.raises(UserError, match="not a model of timm"):
        create_model("IV-ViT", {"A": 3}, "vit_tinny", backbone_args=args)
    with pytest.raises(UserError, match="does not accept"):
        create_model("IV-ViT", {"A": 3}, "vit_tiny_patch16_224", backbone_args={"mlp_ratio": None})


def test_a_name_is_registered_once():
    create_model("IV-ViT", {"A": 3}, backbone_args=TINY)
    with pytest.raises(ValueError, match=r"already registered.*IVViT"):
        register("IV-ViT")(type("Other", (JointModel,), {}))


def test_only_the_asked_models_module_is_imported():
    code = (
        "import sys; from ivvit.numerics.models import create_model\n"
        f"create_model('IV-ViT', {{'A': 3}}, backbone_args={TINY})\n"
        f"print([m for m in {list(MODEL_MODULES.values())} if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "['ivvit.numerics.models.iv_vit']"


def test_wrong_inputs():
    model = create_model("polyvit", {"A": 3}, num_frames=4, backbone_args=TINY)
    with pytest.raises(UserError, match="no head for data set 'B'; it has A"):
        model(torch.zeros(1, 3, 32, 32), "B")
    with pytest.raises(UserError, match=r"shape \(3, 32, 32\)"):
        model(torch.zeros(3, 32, 32), "A")
    with pytest.raises(UserError, match="clips of 4 frames, got 6"):
        model(torch.zeros(1, 6, 3, 32, 32), "A")


def test_heads_take_any_name_and_keep_their_order():
    classes = {"Tiny-ImageNet": 3, "v1.2": 4, "type": 5, "keys": 6, "v1%2E2": 7}
    model = create_model("IV-ViT", classes, backbone_args=TINY)
    assert list(model.heads) == list(classes)
    assert {name: head.out_features for name, head in model.heads.items()} == classes
    assert "v1.2" in model.heads and "v1" not in model.heads
    x = torch.zeros(2, 3, 32, 32)
    assert {name: model(x, name).shape[1] for name in classes} == classes
    again = create_model("IV-ViT", classes, backbone_args=TINY)
    again.load_state_dict(model.state_dict())
    assert "heads.v1%2E2.weight" in model.state_dict()


@pytest.mark.parametrize("name", NAMES)
def test_the_global_seed_decides_all_parameters(name):
    def state(seed):
        torch.manual_seed(seed)
        return create_model(name, {"A": 3}, num_frames=4, backbone_args=TINY).state_dict()

    first, second, other = state(1), state(1), state(2)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["heads.A.weight"], other["heads.A.weight"])


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_same_model(name):
    model = create_model(name, {"A": 3}, num_frames=4, backbone_args=TINY).eval()
    x = torch.randn(1, 4, 3, 32, 32)
    assert torch.equal(copy.deepcopy(model)(x, "A"), model(x, "A"))


def test_no_class_is_an_error():
    with pytest.raises(UserError, match="at least one data set"):
        create_model("IV-ViT", {}, backbone_args=TINY)
    with pytest.raises(UserError, match=r"'A'.*at least one class"):
        create_model("IV-ViT", {"A": 0}, backbone_args=TINY)
