"""What each method does, against a slow and plain computation with the same parameters, at sizes of its own."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model

T = 3
SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 30, "depth": 3, "num_heads": 5, "mlp_ratio": 2}
NAMES = ["IV-ViT", "TokenShift", "MSCA", "polyvit"]


def make(name, backbone="vit_tiny_patch16_224", frames=T, extra=None, **options):
    torch.manual_seed(0)
    if name == "polyvit":
        options.setdefault("tubelet_frames", 1)
    model = create_model(name, {"A": 4, "B": 6}, backbone, frames, SIZES | (extra or {}), **options)
    with torch.no_grad():
        for parameter in model.parameters():  # timm's zeros and 0.02 would hide mistakes
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model


def clips(batch=2, frames=T, seed=1):
    return torch.randn(batch, frames, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def neighbour(x, offset):
    """x (B, T, ...) -> the entry of frame t + offset, zeros beyond the ends; written frame by frame."""
    out = torch.zeros_like(x)
    for t in range(x.shape[1]):
        if 0 <= t + offset < x.shape[1]:
            out[:, t] = x[:, t + offset]
    return out


def plain_token_shift(model, x, fold_div):
    def shift(x):
        x, size = x.clone().unflatten(0, (-1, T)), x.shape[-1] // fold_div
        cls = x[:, :, 0].clone()
        x[:, :, 0, :size] = neighbour(cls, 1)[..., :size]
        x[:, :, 0, size : 2 * size] = neighbour(cls, -1)[..., size : 2 * size]
        return x.flatten(0, 1)

    for block in model.backbone.blocks:
        x = shift(x)
        x = x + block.attn(block.norm1(x))
        x = shift(x)
        x = x + block.mlp(block.norm2(x))
    return x


def plain_msca(model, x, shift, heads):
    for block in model.backbone.blocks:
        attn, y = block.attn, block.norm1(x)
        parts = dict(zip("qkv", attn.qkv(y).unflatten(-1, (3, attn.num_heads, -1)).unbind(2), strict=True))
        parts["q"], parts["k"] = attn.q_norm(parts["q"]), attn.k_norm(parts["k"])
        for name in shift:
            part = parts[name].unflatten(0, (-1, T)).clone()  # (B, T, N, H, K)
            before, after = neighbour(part, -1), neighbour(part, 1)
            part[..., :heads, :] = after[..., :heads, :]
            part[..., heads : 2 * heads, :] = before[..., heads : 2 * heads, :]
            parts[name] = part.flatten(0, 1)
        q, k, v = (parts[name].transpose(1, 2) for name in "qkv")
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        x = x + attn.proj((weights @ v).transpose(1, 2).flatten(2))
        x = x + block.mlp(block.norm2(x))
    return x


def plain_logits(model, encode, *args):
    vit = model.backbone
    tokens = encode(model, vit._pos_embed(vit.patch_embed(clips().flatten(0, 1))), *args)
    return model.heads["B"](vit.norm(tokens)[:, 0]).unflatten(0, (-1, T)).mean(1)


def assert_same_with_gradients(model, plain):
    outputs, gradients = [], []
    for logits in (model(clips(), "B"), plain()):
        model.zero_grad()
        logits.square().sum().backward()
        outputs.append(logits)
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("fold_div", [2, 4, 8])
def test_tokenshift_is_the_plain_computation(fold_div):
    model = make("TokenShift", fold_div=fold_div)
    assert_same_with_gradients(model, lambda: plain_logits(model, plain_token_shift, fold_div))


@pytest.mark.parametrize(
    ("shift", "heads"), [("kv", 1), ("qk", 1), ("qv", 1), ("q", 2), ("k", 1), ("v", 2), ("qkv", 2)]
)
def test_msca_is_the_plain_computation(shift, heads):
    model = make("MSCA", shift=shift, shift_heads=heads)
    assert_same_with_gradients(model, lambda: plain_logits(model, plain_msca, shift, heads))


def test_msca_shifts_normalised_queries_and_keys():
    model = make("MSCA", shift="qk", extra={"qk_norm": True})
    assert_same_with_gradients(model, lambda: plain_logits(model, plain_msca, "qk", 1))


def test_iv_vit_cannot_see_the_order_of_frames():
    model, x = make("IV-ViT").eval(), clips()
    torch.testing.assert_close(model(x, "A"), model(x.flip(1), "A"), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["TokenShift", "MSCA", "polyvit"])
def test_temporal_models_see_the_order_of_frames(name):
    model, x = make(name).eval(), clips()
    assert (model(x, "A") - model(x.flip(1), "A")).abs().max() > 1e-3


def test_polyvit_orders_tokens_by_time_row_and_column():
    model = make("polyvit", frames=6, tubelet_frames=2)
    x = clips(frames=6)
    tokens = model.embed_clip(x)[0] - model.pos_embed_video
    kernel = model.tubelet.weight.flatten(1)
    for time in range(3):
        for row in range(4):
            for column in range(4):
                cube = x[:, 2 * time : 2 * time + 2, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                expected = cube.transpose(1, 2).flatten(1) @ kernel.T + model.tubelet.bias
                found = tokens[:, 1 + 16 * time + 4 * row + column]
                torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tokens[:, 0], model.backbone.cls_token[:, 0].expand(2, -1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_images_are_timms_own_vit(name):
    model = make(name).eval()
    x = clips()[:, 0]
    expected = model.heads["A"](plain_vit(model)(x))
    torch.testing.assert_close(model(x, "A"), expected, atol=1e-6, rtol=1e-5)


def plain_vit(model):
    import timm

    vit = timm.create_model("vit_tiny_patch16_224", num_classes=0, **SIZES).eval()
    vit.load_state_dict(model.backbone.state_dict())  # strict: parameters and names are timm's
    return vit


@pytest.mark.parametrize("name", ["TokenShift", "MSCA", "IV-ViT"])
def test_clips_may_have_any_number_of_frames(name):
    model = make(name)
    for frames in (1, 2, 5):
        assert model(clips(frames=frames), "B").shape == (2, 6)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_checkpointing_changes_nothing(name):
    model, gradients, calls = make(name), [], []
    model.backbone.blocks[0].norm1.register_forward_hook(lambda *_: calls.append(1))
    for enable in (False, True):
        model.zero_grad()
        model.backbone.set_grad_checkpointing(enable)
        model(clips(), "B").square().sum().backward()
        assert len(calls) == (3 if enable else 1)  # computed once more in the backward pass
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    for parameter, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][parameter], atol=0, rtol=0, msg=parameter)


@pytest.mark.parametrize("name", NAMES)
def test_stochastic_depth_is_at_work(name):
    model, x = make(name, extra={"drop_path_rate": 0.9}), clips(batch=8)
    assert not torch.equal(model(x, "A"), model(x, "A"))
    model.eval()
    assert torch.equal(model(x, "A"), model(x, "A"))


class CountingAttention(TorchFunctionMode):
    """Counts fused attentions and softmaxes."""

    fused = softmax = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.fused += function is scaled_dot_product_attention
        self.softmax += "softmax" in getattr(function, "__name__", "")
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["image", "clip"])
def test_all_attention_is_fused(name, kind):
    model, x = make(name), clips()
    with CountingAttention() as count:
        model(x if kind == "clip" else x[:, 0], "A")
    assert (count.fused, count.softmax) == (3, 0)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_stays_near(name):
    model, x = make(name).eval(), clips()
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x, "A")
    torch.testing.assert_close(half.float(), model(x, "A"), atol=0.1, rtol=0.1)


ROTARY = ["eva02_tiny_patch14_224", "vit_small_patch16_dinov3", "vit_small_patch16_rope_mixed_ape_224",
          "eva02_base_patch16_clip_224", "vit_small_patch16_rope_224"]  # fmt: skip


@pytest.mark.parametrize("backbone", ROTARY)
def test_eva_computes_what_timm_does(backbone):
    """Images through IV-ViT, and through MSCA, whose attention is its own."""
    for name in ("IV-ViT", "MSCA", "TokenShift"):
        model = make(name, backbone, extra={"patch_size": 8, "embed_dim": 40}).eval()
        x = clips()[:, 0]
        vit = model.backbone
        tokens = IV_VIT_OF[name](model, x)
        expected = model.heads["A"](vit.forward_head(tokens, pre_logits=True))
        torch.testing.assert_close(model(x, "A"), expected, atol=1e-5, rtol=1e-5)


def timm_features(model, x):
    """timm's own forward, with modules of timm's own classes."""
    plain = make("IV-ViT", model.backbone.default_cfg["architecture"], extra={"patch_size": 8, "embed_dim": 40}).eval()
    plain.backbone.load_state_dict(model.backbone.state_dict())
    return plain.backbone.forward_features(x)


IV_VIT_OF = dict.fromkeys(("IV-ViT", "MSCA", "TokenShift"), timm_features)


@pytest.mark.parametrize("backbone", ROTARY)
def test_msca_on_eva_shifts_heads_and_keeps_positions(backbone):
    """A clip of equal frames differs from an image at its ends only: a shift that moved positions would show inside."""
    model = make("MSCA", backbone, frames=9, extra={"patch_size": 8, "embed_dim": 40}, shift="kv", shift_heads=1).eval()
    image = clips()[:, 0]
    one = model.features(image)
    many = model.features(image[:, None].expand(-1, 9, -1, -1, -1).flatten(0, 1), frames=9).unflatten(0, (-1, 9))
    torch.testing.assert_close(many[:, 4], one, atol=1e-5, rtol=1e-5)  # three blocks reach three frames far
    assert not torch.allclose(many[:, 0], one, atol=1e-3)


def test_token_shift_on_eva_is_the_plain_computation():
    model = make("TokenShift", "eva02_tiny_patch14_224", extra={"patch_size": 8, "embed_dim": 40}, fold_div=4).eval()
    vit, x = model.backbone, clips()
    tokens, rope = vit._pos_embed(vit.patch_embed(x.flatten(0, 1)))
    for block in vit.blocks:
        for half in (
            lambda x, block=block: block.attn(block.norm1(x), rope=rope),
            lambda x, block=block: block.mlp(block.norm2(x)),
        ):
            cls = tokens.unflatten(0, (-1, T))[:, :, 0]
            shifted = cls.clone()
            shifted[..., :10], shifted[..., 10:20] = neighbour(cls, 1)[..., :10], neighbour(cls, -1)[..., 10:20]
            tokens = torch.cat([shifted.flatten(0, 1)[:, None], tokens[:, 1:]], 1)
            tokens = tokens + half(tokens)
    features = vit.forward_head(vit.norm(tokens), pre_logits=True)
    expected = model.heads["B"](features).unflatten(0, (-1, T)).mean(1)
    torch.testing.assert_close(model(x, "B"), expected, atol=1e-5, rtol=1e-5)


def test_aim_is_the_plain_computation():
    model, x = make("AIM", bottleneck=0.5, mlp_scale=0.7).eval(), clips()
    vit = model.backbone
    tokens = vit._pos_embed(vit.patch_embed(x.flatten(0, 1))).unflatten(0, (2, T)) + model.adapters.time_embed
    for block, adapters in zip(vit.blocks, model.adapters, strict=True):
        over_time = torch.stack(
            [adapters.time(block.attn(block.norm1(tokens[:, :, n]))) for n in range(tokens.shape[2])], 2
        )
        tokens = tokens + over_time
        over_space = torch.stack([block.attn(block.norm1(tokens[:, t])) for t in range(T)], 1)
        tokens = tokens + over_space + adapters.space(over_space)
        y = block.norm2(tokens)
        tokens = tokens + block.mlp(y) + 0.7 * adapters.mlp(y)
    expected = model.heads["B"](vit.norm(tokens)[:, :, 0]).mean(1)
    torch.testing.assert_close(model(x, "B"), expected, atol=1e-5, rtol=1e-5)


def test_st_adapter_is_the_plain_computation():
    model, x = make("ST-Adapter", bottleneck=6, kernel=(3, 1, 1)).eval(), clips()
    vit = model.backbone
    tokens = vit._pos_embed(vit.patch_embed(x.flatten(0, 1))).unflatten(0, (2, T))
    for block, adapter in zip(vit.blocks, model.adapters, strict=True):
        y = adapter.down(tokens[:, :, 1:])
        kernel = adapter.conv.weight[:, 0, :, 0, 0]  # (K, 3): the frame before, the frame, the one after
        y = sum(neighbour(y, offset) * kernel[:, offset + 1] for offset in (-1, 0, 1)) + adapter.conv.bias
        tokens = torch.cat([tokens[:, :, :1], tokens[:, :, 1:] + adapter.up(y)], 2)
        tokens = block(tokens.flatten(0, 1)).unflatten(0, (2, T))
    expected = model.heads["B"](vit.norm(tokens)[:, :, 0]).mean(1)
    torch.testing.assert_close(model(x, "B"), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["AIM", "ST-Adapter"])
def test_adapters_begin_as_the_image_model(name):
    torch.manual_seed(0)
    adapted = create_model(name, {"A": 4}, "vit_tiny_patch16_224", T, SIZES).eval()
    plain = create_model("IV-ViT", {"A": 4}, "vit_tiny_patch16_224", T, SIZES).eval()
    plain.load_state_dict({k: v for k, v in adapted.state_dict().items() if not k.startswith("adapters.")})
    torch.testing.assert_close(adapted(clips(), "A"), plain(clips(), "A"), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_training_spares_the_last_mlp_what_no_head_looks_at(name):
    """Logits and gradients stay, as evaluation's computation for all tokens shows."""
    model, x, tokens, gradients = make(name), clips(), [], []
    model.backbone.blocks[-1].mlp.register_forward_hook(lambda _, __, out: tokens.append(out.shape[1]))
    for training in (True, False):
        model.train(training).zero_grad()
        model(x, "B").square().sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert tokens[0] == 1 < tokens[1]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_an_attentive_head_sees_all_tokens_of_all_frames(name):
    model, x = make(name, head="attentive").eval(), clips()
    tokens = model.encode(*model.embed_clip(x)) if name == "polyvit" else model.features(x.flatten(0, 1), frames=T)
    head = model.heads["B"]
    keys, values = head.pool.kv(head.norm(tokens.reshape(2, -1, 30))).unflatten(-1, (2, 5, 6)).permute(2, 0, 3, 1, 4)
    query = head.pool.q(head.pool.latent).unflatten(-1, (5, 6)).transpose(1, 2)
    y = ((query @ keys.transpose(-1, -2) / 6**0.5).softmax(-1) @ values).transpose(1, 2).flatten(2)
    y = head.pool.proj(y)
    expected = head.linear((y + head.pool.mlp(head.pool.norm(y)))[:, 0])
    torch.testing.assert_close(model(x, "B"), expected, atol=1e-5, rtol=1e-5)


def test_polyvit_with_a_class_token_of_each_tokeniser():
    model = make("polyvit", frames=4, tubelet_frames=4, class_tokens="per-tokeniser").eval()
    x, before = clips(frames=4), {}
    for kind, pixels in (("clip", x), ("image", x[:, 0])):
        before[kind] = model(pixels, "A")
    with torch.no_grad():
        model.cls_token_video.normal_()
    assert torch.equal(model(x[:, 0], "A"), before["image"])
    assert not torch.allclose(model(x, "A"), before["clip"], atol=1e-3)


def test_polyvit_on_rotary_positions_has_those_of_the_image_at_all_times():
    model = make("polyvit", "eva02_tiny_patch14_224", extra={"patch_size": 8, "embed_dim": 40}).eval()
    rope = model.embed_clip(clips())[1]
    assert torch.equal(rope.unflatten(0, (T, 16)), model.embed(clips()[:, 0])[1].expand(T, -1, -1))


ROTARY_ARGS = {"patch_size": 8, "embed_dim": 40, "num_heads": 2, "init_values": None}


def test_polyvits_rotary_positions_turn_by_time_row_and_column():
    """Planes of channels 2i and 2i + 1 of each third of a head, by V-JEPA 2's frequencies; two channels stay."""
    model = make("polyvit", "vit_small_patch16_rope_224", extra=ROTARY_ARGS, positions="rotary")
    tokens, rope = model.embed_clip(clips())
    assert tokens.shape == (2, 1 + T * 16, 40) and rope.shape == (T * 16, 40) and model.pos_embed_video is None
    sines, cosines = rope.chunk(2, 1)
    for place, (time, row, column) in enumerate((t, r, c) for t in range(T) for r in range(4) for c in range(4)):
        for third, position in enumerate((time, row, column)):
            for channel in range(6):
                angle = position * 10_000 ** (-(channel % 3) / 3)
                assert sines[place, 6 * third + channel].item() == pytest.approx(math.sin(angle), abs=1e-5)
                assert cosines[place, 6 * third + channel].item() == pytest.approx(math.cos(angle), abs=1e-5)
    assert (sines[:, 18:] == 0).all() and (cosines[:, 18:] == 1).all()


@pytest.mark.parametrize("class_tokens", ["shared", "per-tokeniser"])
def test_an_image_is_at_time_0_of_rotary_positions(class_tokens):
    model = make(
        "polyvit", "vit_small_patch16_rope_224", frames=2, extra=ROTARY_ARGS, positions="rotary", tubelet_frames=2,
        class_tokens=class_tokens,
    ).eval()  # fmt: skip
    with torch.no_grad():
        model.backbone.patch_embed.proj.weight.copy_(model.tubelet.weight.sum(2))
        model.backbone.patch_embed.proj.bias.copy_(model.tubelet.bias)
    x = clips()[:, :1].expand(-1, 2, -1, -1, -1)
    assert torch.equal(model.embed(x[:, 0])[1], model.embed_clip(x)[1])
    if class_tokens == "shared":
        torch.testing.assert_close(model(x[:, 0], "A"), model(x, "A"), atol=1e-5, rtol=1e-4)
    else:
        with torch.no_grad():
            before = model(x[:, 0], "A"), model(x, "A")
            model.cls_token_video.normal_()
        assert torch.equal(model(x[:, 0], "A"), before[0]) and not torch.allclose(model(x, "A"), before[1])


def test_rotary_positions_see_the_order_of_frames():
    model = make("polyvit", "vit_small_patch16_rope_224", extra=ROTARY_ARGS, positions="rotary").eval()
    x = clips()
    assert (model(x, "A") - model(x.flip(1), "A")).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("backbone", "args", "reason"),
    [
        ("vit_tiny_patch16_224", {}, "is a VisionTransformer, whose attention takes no rotary positions"),
        ("eva02_tiny_patch14_224", {"patch_size": 8}, "use_abs_pos_emb: false"),
        ("vit_small_patch16_rope_mixed_224", {}, "learns its rotary frequencies"),
        ("vit_small_patch16_dinov3", {}, "turns halves of a head's channels"),
        ("vit_small_patch16_rope_224", {"embed_dim": 20, "num_heads": 5}, "fewer than 6 channels"),
    ],
)
def test_backbones_whose_attention_cannot_turn_are_refused(backbone, args, reason):
    sizes = {"embed_dim": 40, "num_heads": 2}
    with pytest.raises(UserError, match=reason):
        make("polyvit", backbone, extra=sizes | args, positions="rotary")
