"""Every known checkpoint layout loads, judged by the output of the code that the layout belongs to."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model
from ivvit.weights import load_weights, read_state_dict
from ivvit.weights.layouts import convert

VIT = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 3, "mlp_ratio": 2}
GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["IV-ViT", "TokenShift", "MSCA", "polyvit"]


def make(name="IV-ViT", classes=None, frames=4, **args):
    return create_model(name, classes or {"A": 3}, num_frames=frames, backbone_args=VIT | args)


def randomised(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def images(size=32):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("spelling", ["mlp.0/mlp.3", "linear_1/linear_2"])
@pytest.mark.parametrize("prefix", ["", "module.", "module.base_model."])
def test_torchvision(spelling, prefix):
    from torchvision.models import VisionTransformer

    reference = randomised(VisionTransformer(32, 16, 2, 3, 24, 48, num_classes=3))
    state = reference.state_dict()
    if spelling != "mlp.0/mlp.3":  # as in the published vit_b_16-c867db91.pth
        state = {k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v for k, v in state.items()}
    model = make().eval()
    report = load_weights(model, {"state_dict": {prefix + name: tensor for name, tensor in state.items()}})
    assert report.unexpected == [f"{prefix}heads.head.weight", f"{prefix}heads.head.bias"]
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    model.heads["A"].load_state_dict(reference.heads.head.state_dict())
    torch.testing.assert_close(model(images(), "A"), reference(images()), atol=1e-5, rtol=1e-5)


def google_arrays(stacked, big_vision, prefix):
    """Random arrays by the names and shapes of Flax's ViT, width 24, 3 heads of 8, 2 blocks."""
    random = np.random.default_rng(0)
    mha, mlp, norm = (0, 0, 1) if big_vision else (1, 3, 2)
    block = {
        "LayerNorm_0/scale": 24,
        "LayerNorm_0/bias": 24,
        f"LayerNorm_{norm}/scale": 24,
        f"LayerNorm_{norm}/bias": 24,
    }
    for part in ("query", "key", "value"):
        block |= {f"MultiHeadDotProductAttention_{mha}/{part}/kernel": (24, 3, 8)}
        block |= {f"MultiHeadDotProductAttention_{mha}/{part}/bias": (3, 8)}
    block |= {f"MultiHeadDotProductAttention_{mha}/out/kernel": (3, 8, 24)}
    block |= {f"MultiHeadDotProductAttention_{mha}/out/bias": 24}
    block |= {f"MlpBlock_{mlp}/Dense_0/kernel": (24, 48), f"MlpBlock_{mlp}/Dense_0/bias": 48}
    block |= {f"MlpBlock_{mlp}/Dense_1/kernel": (48, 24), f"MlpBlock_{mlp}/Dense_1/bias": 24}
    shapes = {"embedding/kernel": (16, 16, 3, 24), "embedding/bias": 24, "cls": (1, 1, 24)}
    shapes |= {"pos_embedding" if big_vision else "Transformer/posembed_input/pos_embedding": (1, 5, 24)}
    shapes |= {"Transformer/encoder_norm/scale": 24, "Transformer/encoder_norm/bias": 24}
    shapes |= {"head/kernel": (24, 10), "head/bias": 10}
    for name, shape in block.items():
        if stacked:
            shapes[f"Transformer/encoderblock/{name}"] = (2, *np.atleast_1d(shape))
        else:
            shapes |= {f"Transformer/encoderblock_{i}/{name}": shape for i in range(2)}
    return {prefix + name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("stacked", "big_vision", "prefix"),
    [(False, False, ""), (False, False, "opt/target/"), (False, True, "params/"), (True, True, "params/img/")],
)
def test_google_npz_as_timm_reads_it(tmp_path, stacked, big_vision, prefix):
    path = tmp_path / "google.npz"
    np.savez(path, **google_arrays(stacked, big_vision, prefix))
    model, reference = make(), make()
    report = load_weights(model, read_state_dict(path))
    reference.backbone.load_pretrained(str(path))
    assert (report.layout, report.unexpected) == ("google", [f"{prefix}head/kernel", f"{prefix}head/bias"])
    for name, tensor in reference.backbone.state_dict().items():
        torch.testing.assert_close(model.backbone.state_dict()[name], tensor, atol=0, rtol=0, msg=name)


def test_hugging_face_vit():
    reference = randomised(make())
    names = {
        "cls_token": "vit.embeddings.cls_token",
        "pos_embed": "vit.embeddings.position_embeddings",
        "patch_embed.proj.": "vit.embeddings.patch_embeddings.projection.",
        "norm.": "vit.layernorm.",
        "blocks.": "vit.encoder.layer.",
        ".norm1.": ".layernorm_before.",
        ".norm2.": ".layernorm_after.",
        ".attn.proj.": ".attention.output.dense.",
        ".mlp.fc1.": ".intermediate.dense.",
        ".mlp.fc2.": ".output.dense.",
    }
    state = {"classifier.weight": torch.zeros(3, 24)}
    for name, tensor in reference.backbone.state_dict().items():
        for ours, theirs in names.items():
            name = (
                theirs + name[len(ours) :]
                if name.startswith(ours)
                else name.replace(ours, theirs, 1)
                if ours[0] == "."
                else name
            )
        if ".attn.qkv." in name:
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                state[name.replace("attn.qkv", f"attention.attention.{part}")] = piece
        else:
            state[name] = tensor
    model = make().eval()
    report = load_weights(model, state)
    assert (report.layout, report.unexpected) == ("huggingface", ["classifier.weight"])
    torch.testing.assert_close(model.backbone(images()), reference.backbone(images()), atol=0, rtol=0)


@pytest.mark.parametrize("prefix", ["", "base_model.", "module.base_model."])
def test_tokenshifts_prefixes(prefix):
    with np.load(GOLDEN / "tokenshift.npz") as arrays:
        golden = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    state = {name.removeprefix("sd/base_model."): tensor for name, tensor in golden.items() if name.startswith("sd/")}
    model = make("TokenShift", {"CIFAR100": 5, "UCF101": 7}, embed_dim=96, num_heads=12).eval()
    state = {prefix + name: tensor for name, tensor in state.items()} | {f"{prefix}new_fc.bias": torch.zeros(2)}
    report = load_weights(model, {"state_dict": state, "epoch": 3})
    assert (report.layout, report.missing, report.unexpected) == ("tokenshift", [], [f"{prefix}new_fc.bias"])
    found = model(golden["in/video"], "UCF101")
    torch.testing.assert_close(found, golden["out/video"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_timm(wrapper):
    reference = randomised(make())
    state = reference.backbone.state_dict() | {"head.weight": torch.zeros(1000, 24), "head.bias": torch.zeros(1000)}
    model = make().eval()
    report = load_weights(model, {wrapper: state, "epoch": 3} if wrapper else state)
    assert report.unexpected == ["head.weight", "head.bias"]
    assert len(report.loaded) == len(reference.backbone.state_dict())
    torch.testing.assert_close(model.backbone(images()), reference.backbone(images()), atol=0, rtol=0)


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_our_own_between_all_models(tmp_path, source, target):
    from safetensors.torch import save_file

    reference = randomised(make(source, {"A.1": 3, "B": 5}))
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    model = make(target, {"A.1": 3, "B": 4, "C": 2}).eval()
    report = load_weights(model, read_state_dict(tmp_path / "model.safetensors"))
    assert report.layout == "ivvit"
    assert report.missing == [f"heads.{name}.{kind}" for name in "BC" for kind in ("weight", "bias")]
    clip_parts = ["pos_embed_video", "tubelet.weight", "tubelet.bias"] if source == "polyvit" != target else []
    assert sorted(report.unexpected) == sorted(["heads.B.weight", "heads.B.bias", *clip_parts])
    assert any("heads.B.weight: left out, 5 classes in the checkpoint, 4 in the model" in n for n in report.notes)
    torch.testing.assert_close(model(images(), "A.1"), reference(images(), "A.1"), atol=0, rtol=0)
    if source == target:
        clip = torch.randn(2, 4, 3, 32, 32)
        torch.testing.assert_close(model(clip, "A.1"), reference(clip, "A.1"), atol=0, rtol=0)


def test_names_of_compiled_and_distributed_models():
    reference = randomised(make())
    state = {f"module._orig_mod.{name}": tensor for name, tensor in reference.state_dict().items()}
    assert load_weights(make(), state).missing == []


def test_names_of_data_sets_with_dots_in_foreign_layouts():
    heads = {"heads.head.my.data.weight": torch.zeros(3, 24), "class_token": torch.zeros(1, 1, 24)}
    converted = convert({"encoder.pos_embedding": torch.zeros(1, 5, 24)} | heads)
    assert "heads.my%2Edata.weight" in converted.tensors


def test_nothing_is_skipped_silently():
    state = make().backbone.state_dict() | {"blocks.7.norm1.weight": torch.zeros(24), "ema.decay": torch.zeros(1)}
    report = load_weights(make(), state)
    assert report.unexpected == ["blocks.7.norm1.weight", "ema.decay"]
    assert "unexpected: ema.decay" in str(report)


def test_a_second_tensor_of_the_same_name_is_reported():
    state = make().backbone.state_dict()
    assert load_weights(make(), state | {"module.cls_token": torch.ones(1, 1, 24)}).unexpected == ["module.cls_token"]


def test_less_than_the_backbone_is_an_error_unless_allowed():
    model, state = randomised(make()), make().backbone.state_dict()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    del state["blocks.1.mlp.fc2.bias"]
    with pytest.raises(UserError, match=r"lack 1 of the backbone's parameters.*backbone.blocks.1.mlp.fc2.bias"):
        load_weights(model, state)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    report = load_weights(model, state, allow_partial=True)
    assert "backbone.blocks.1.mlp.fc2.bias" in report.missing


def test_another_width_is_an_error_that_changes_nothing():
    model = randomised(make())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(UserError, match=r"another backbone.*cls_token is \(1, 1, 48\), the model's \(1, 1, 24\)"):
        load_weights(model, make(embed_dim=48).backbone.state_dict())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_unknown_layout_is_named():
    with pytest.raises(UserError, match=r"unknown checkpoint layout \(names such as conv1.weight"):
        load_weights(make(), {"conv1.weight": torch.zeros(3), "layer1.0.conv1.weight": torch.zeros(3)})


def golden(layout):
    """A small checkpoint of the public code's own classes with random weights, an input, and their output.

    Those of Hugging Face are transformers 5.24's; the authors' are of facebookresearch/{omnivore@1d55abd, jepa@51c59d5,
    vjepa2@c2963a4}, openai/CLIP@d05afc4, MCG-NJU/VideoMAE@14ef8d8 and OpenGVLab/VideoMAEv2@29eab1e.
    """
    with np.load(GOLDEN / f"layout_{layout}.npz") as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    return {k.removeprefix("sd/"): v for k, v in arrays.items() if k.startswith("sd/")}, arrays["x"], arrays["out"]


HUB = {
    "vitmae": ("vit_tiny_patch16_224", VIT),
    "dinov2": ("vit_small_patch14_dinov2", VIT | {"img_size": 28, "patch_size": 14}),
    "dinov2-registers": ("vit_small_patch14_reg4_dinov2", VIT | {"img_size": 28, "patch_size": 14}),
    "clip": ("vit_base_patch16_clip_quickgelu_224", VIT),
}


@pytest.mark.parametrize("layout", HUB)
def test_layouts_of_hugging_face(layout):
    state, x, out = golden(layout)
    backbone, args = HUB[layout]
    model = create_model("IV-ViT", {"A": 3}, backbone, 4, args).eval()
    report = load_weights(model, state)
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    assert all("decoder" in name or "mask_token" in name for name in report.unexpected)
    torch.testing.assert_close(model.pool(model.features(x)), out, atol=1e-4, rtol=1e-4)


def test_hugging_face_vit_as_transformers_5_has_it_in_memory():
    state, x, out = golden("huggingface-vit")
    model = create_model("IV-ViT", {"A": 5}, "vit_tiny_patch16_224", 4, VIT).eval()
    report = load_weights(model, state)
    assert (report.layout, report.unexpected) == ("huggingface", ["classifier.weight", "classifier.bias"])
    model.heads["A"].load_state_dict({part: state[f"classifier.{part}"] for part in ("weight", "bias")})
    torch.testing.assert_close(model(x, "A"), out, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("alone", [False, True], ids=["with the text tower", "alone"])
def test_openais_clip(alone):
    state, x, out = golden("openai-clip")
    image = {name.removeprefix("visual."): tensor for name, tensor in state.items() if name.startswith("visual.")}
    args = VIT | {"img_size": 16, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 1, "mlp_ratio": 4}
    model = create_model("IV-ViT", {"A": 3}, HUB["clip"][0], 4, args).eval()
    report = load_weights(model, image if alone else state)
    assert (report.layout, report.missing) == ("clip", ["heads.A.weight", "heads.A.bias"])
    assert len(report.unexpected) == 1 + (0 if alone else len(state) - len(image))  # the projection, and the text
    torch.testing.assert_close(model.pool(model.features(x)) @ image["proj"], out, atol=1e-4, rtol=1e-4)


MEAN_POOLED = VIT | {"class_token": False, "global_pool": "avg"}


def as_in_memory(state):
    """As transformers 5 has VideoMAE in memory."""
    return {name.replace("q_bias", "query.bias").replace("v_bias", "value.bias"): t for name, t in state.items()}


@pytest.mark.parametrize("spell", [lambda state: state, as_in_memory], ids=["file", "memory"])
def test_hugging_faces_videomae_into_polyvit(spell):
    state, x, out = golden("videomae")
    model = create_model("polyvit", {"A": 5}, num_frames=4, backbone_args=MEAN_POOLED, tubelet_frames=2).eval()
    report = load_weights(model, spell(state))
    assert report.missing == ["heads.A.weight", "heads.A.bias"] and len(report.unexpected) == 2
    model.heads["A"].load_state_dict({part: state[f"classifier.{part}"] for part in ("weight", "bias")})
    torch.testing.assert_close(model(x, "A"), out, atol=1e-4, rtol=1e-4)


def test_videomae2_into_polyvit():
    """Fine-tuned, by the authors' names; VideoMAE's are the same."""
    state, x, out = golden("videomae2-authors")
    model = create_model("polyvit", {"A": 5}, num_frames=16, backbone_args=MEAN_POOLED, tubelet_frames=2).eval()
    report = load_weights(model, {"module": state})
    assert report.missing == ["heads.A.weight", "heads.A.bias"] and report.unexpected == ["head.weight", "head.bias"]
    model.heads["A"].load_state_dict({part: state[f"head.{part}"] for part in ("weight", "bias")})
    torch.testing.assert_close(model(x.float(), "A"), out, atol=1e-4, rtol=1e-4)


def test_videomaes_pretraining_into_polyvit():
    """Its encoder alone, as it is without masks."""
    state, x, out = golden("videomae-pretraining")
    args = MEAN_POOLED | {"fc_norm": False}
    model = create_model("polyvit", {"A": 5}, num_frames=16, backbone_args=args, tubelet_frames=2).eval()
    report = load_weights(model, {"model": state, "epoch": 3})
    assert (report.layout, report.missing) == ("videomae", ["heads.A.weight", "heads.A.bias"])
    assert not any(name.startswith("encoder.") for name in report.unexpected)
    torch.testing.assert_close(model.encode(*model.embed_clip(x.float())), out, atol=1e-4, rtol=1e-4)


def test_videomae_into_a_model_of_frames_sees_a_still_clips_patches():
    state, x, _ = golden("videomae")
    still = x[:, :1].expand(-1, 2, -1, -1, -1)
    tubelets = torch.nn.functional.conv3d(
        still.transpose(1, 2), state["videomae.embeddings.patch_embeddings.projection.weight"],
        state["videomae.embeddings.patch_embeddings.projection.bias"], stride=(2, 16, 16),
    )  # fmt: skip
    model = create_model("MSCA", {"A": 5}, num_frames=4, backbone_args=MEAN_POOLED).eval()
    report = load_weights(model, state)
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    torch.testing.assert_close(
        model.backbone.patch_embed(x[:, 0]), tubelets[:, :, 0].flatten(2).mT, atol=1e-5, rtol=1e-5
    )


def test_what_does_not_fit_is_named_and_no_key_is_advised_that_there_is_not():
    state, _, _ = golden("videomae")
    with pytest.raises(
        UserError, match=r"lack 1 .*cls_token; .*backbone \{class_token: false, global_pool: avg\}"
    ) as error:
        load_weights(make("polyvit"), state)
    assert "allow_partial" not in str(error.value)
    for name, reason in (
        ("module.backbone.video_mod_embed", "V-JEPA 2.1 embeds images and clips"),
        ("blocks.0.attn.relative_position_bias_table", "BEiT"),
    ):
        with pytest.raises(UserError, match=f"fit none of the models: {reason}"):
            convert({name: torch.zeros(1)})


def test_omnimae_into_polyvit():
    state, x, out = golden("omnimae")
    model = create_model("polyvit", {"A": 5}, num_frames=16, backbone_args=MEAN_POOLED, tubelet_frames=2).eval()
    report = load_weights(model, state)
    assert (report.layout, report.missing) == ("omnimae", ["heads.A.weight", "heads.A.bias"])
    assert report.unexpected == ["head.weight", "head.bias"]
    model.heads["A"].load_state_dict({part: state[f"head.{part}"] for part in ("weight", "bias")})
    torch.testing.assert_close(model(x.float(), "A"), out, atol=1e-4, rtol=1e-4)
    with np.load(GOLDEN / "layout_omnimae.npz") as file:
        image = torch.from_numpy(file["out_image"])
    torch.testing.assert_close(model(x[:, 0].float(), "A"), image, atol=1e-4, rtol=1e-4)
    frames = create_model("MSCA", {"A": 5}, num_frames=16, backbone_args=MEAN_POOLED).eval()
    assert load_weights(frames, state).missing == ["heads.A.weight", "heads.A.bias"]
    assert frames.load_state_dict(model.state_dict(), strict=False).missing_keys == []
    torch.testing.assert_close(frames(x[:, 0].float(), "A"), image, atol=1e-4, rtol=1e-4)


TOKENS = VIT | {"class_token": False, "global_pool": "avg"}


def test_vjepa_into_polyvit():
    """As its authors save it: encoder, its average, and a predictor."""
    state, x, out = golden("vjepa")
    file = {"encoder": {k: torch.zeros_like(v) for k, v in state.items()}, "target_encoder": state, "epoch": 3}
    model = create_model("polyvit", {"A": 5}, num_frames=16, backbone_args=TOKENS | {"fc_norm": False})
    assert load_weights(model, file).missing == ["heads.A.weight", "heads.A.bias"]
    torch.testing.assert_close(model.eval().encode(*model.embed_clip(x.float())), out, atol=1e-4, rtol=1e-4)


JEPA2 = TOKENS | {"img_size": 48, "embed_dim": 32, "num_heads": 2, "init_values": None, "use_fc_norm": False}


def rotary(frames=8):
    return create_model(
        "polyvit", {"A": 5}, "vit_small_patch16_rope_224", frames, JEPA2, tubelet_frames=2, positions="rotary"
    )


@pytest.mark.parametrize("layout", ["vjepa2", "huggingface-vjepa2"])
def test_vjepa2_into_polyvit(layout):
    state, x, out = golden(layout)
    model = rotary().eval()
    report = load_weights(model, state)
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    assert all(name.startswith("predictor.") for name in report.unexpected)
    torch.testing.assert_close(model.encode(*model.embed_clip(x.float())), out, atol=1e-4, rtol=1e-4)
    if layout == "huggingface-vjepa2":
        with np.load(GOLDEN / "layout_huggingface-vjepa2.npz") as file:
            image = torch.from_numpy(file["out_image"])  # of a clip of one frame, which is doubled
        torch.testing.assert_close(model.features(x[:, 0].float()), image, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", ["vjepa2", "huggingface-vjepa2"])
def test_vjepa2_into_other_models_names_what_does_not_fit(name, layout):
    state, _, _ = golden(layout)
    model = make(name, img_size=48, embed_dim=32, num_heads=2)
    with pytest.raises(UserError, match=r"rotary positions in time, row and column.*polyvit, positions: rotary"):
        load_weights(model, state)


def test_positions_that_vjepa2_does_not_use_are_not_taken_for_vjepas():
    """Its own files hold those of 256 pixels."""
    state, _, _ = golden("vjepa2")
    state["module.backbone.pos_embed"] = torch.zeros(1, 8 * 16 * 16, 32)
    with pytest.raises(UserError, match=r"only `\{name: polyvit, positions: rotary\}` does"):
        load_weights(make("polyvit", img_size=48, embed_dim=32, num_heads=2), state)
    report = load_weights(rotary(), state)
    assert "pos_embed: left out, V-JEPA 2 does not use it" in report.notes
    assert report.missing == ["heads.A.weight", "heads.A.bias"]


@pytest.mark.parametrize("layout", ["videomae", "omnimae", "vjepa"])
def test_added_positions_do_not_fit_rotary_ones(layout):
    with pytest.raises(UserError, match="positions that are added to the patches"):
        load_weights(rotary(), golden(layout)[0])


def test_timms_eva_keeps_its_biases():
    args = VIT | {"embed_dim": 24, "num_heads": 3}
    models = [
        create_model("IV-ViT", {"A": 3}, "eva02_tiny_patch14_224", 4, args | {"patch_size": 16}) for _ in range(2)
    ]
    randomised(models[0])
    report = load_weights(models[1], models[0].backbone.state_dict())
    assert report.missing == ["heads.A.weight", "heads.A.bias"] and not report.unexpected
    assert torch.equal(models[1].backbone.blocks[0].attn.q_bias, models[0].backbone.blocks[0].attn.q_bias)
