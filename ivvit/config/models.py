"""The models' names and options: one small class per model; a new model adds its class to `ModelOptions`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.backbone import check_backbone
from ivvit.config.base import Section, named, off


class CommonOptions(Section):
    """What all models have."""

    head: Literal["linear", "attentive"] = Field("linear", json_schema_extra=off("linear"))
    """linear: on the class token (or what timm pools), a clip's logits averaged; attentive: a learnt query attends to
    all tokens of all frames (V-JEPA's evaluation), best with `freeze: all`."""


class IVViTOptions(CommonOptions):
    """IV-ViT: a clip's frames go through the ViT as images, logits are averaged (MVA 2023, section 3)."""

    name: Literal["IV-ViT"] = "IV-ViT"


class TokenShiftOptions(CommonOptions):
    """TokenShift (arXiv 2108.02432): class tokens exchange channels with the neighbouring frames."""

    name: Literal["TokenShift"] = "TokenShift"
    fold_div: int = Field(8, ge=2)
    """1/fold_div of the class token's channels come from the next frame and as many from the previous one. 8 in the
    IV-ViT authors' code, 4 in TokenShift's own configurations and so in its Kinetics400 checkpoint."""


class MSCAOptions(CommonOptions):
    """MSCA (arXiv 2204.00452): some attention heads take shifted operands from the neighbouring frames."""

    name: Literal["MSCA"] = "MSCA"
    shift: str = "kv"
    """Which operands are shifted: any of q, k and v. The paper reports kv best; the IV-ViT authors' code uses qk."""
    shift_heads: int = Field(1, ge=1)
    """Heads per direction that are shifted."""

    @field_validator("shift")
    @classmethod
    def _canonical_operands(cls, value: str) -> str:
        if not value or set(value) - set("qkv") or len(set(value)) != len(value):
            raise ValueError("must be one to three different letters of q, k, v; for instance kv")
        return "".join(sorted(value, key="qkv".index))


class PolyViTOptions(CommonOptions):
    """polyvit (arXiv 2111.12993): a tokeniser per modality and one shared encoder."""

    name: Literal["polyvit"] = "polyvit"
    tubelet_frames: int = Field(2, ge=1)
    """Frames per tubelet; the number of frames must be a multiple of it. Scenic's own polyvit has 4."""
    class_tokens: Literal["shared", "per-tokeniser"] = Field("shared", json_schema_extra=off("shared"))
    """One class token for images and clips, or one of each tokeniser (Scenic's)."""
    positions: Literal["learnt", "rotary"] = Field("learnt", json_schema_extra=off("learnt"))
    """learnt: a table for images and one for clips; rotary: queries and keys are turned by time, row and column, as
    V-JEPA 2 does, an image being at time 0."""


class AIMOptions(CommonOptions):
    """AIM (arXiv 2302.03024): adapters in the blocks of an image model, and its attention used over time as well."""

    name: Literal["AIM"] = "AIM"
    bottleneck: float = Field(0.25, gt=0, le=1)
    """The adapters' inner width, as a share of the backbone's."""
    mlp_scale: float = Field(0.5, gt=0)
    """Factor on the adapter beside the MLP."""


class STAdapterOptions(CommonOptions):
    """ST-Adapter (arXiv 2206.13559): bottlenecks with a depthwise convolution over time and space before the attention
    of each block."""

    name: Literal["ST-Adapter"] = "ST-Adapter"
    bottleneck: int = Field(384, ge=1)
    """The adapters' inner width."""
    kernel: tuple[int, int, int] = (3, 1, 1)
    """The convolution's extent in time, rows and columns; odd numbers."""

    @field_validator("kernel")
    @classmethod
    def _odd(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if any(size < 1 or size % 2 == 0 for size in value):
            raise ValueError(f"must be odd numbers, found {list(value)}")
        return value


ModelOptions = IVViTOptions | TokenShiftOptions | MSCAOptions | PolyViTOptions | AIMOptions | STAdapterOptions
MODELS: dict[str, type[Section]] = {cls.model_fields["name"].default: cls for cls in get_args(ModelOptions)}


ModelField = Annotated[ModelOptions, BeforeValidator(named), Field(discriminator="name")]
"""`IV-ViT`, or `{name: MSCA, shift: qk}`."""


def backbone_parts(value: Any) -> Any:
    """Spell out `name` and `{name: ..., img_size: 32}` as {name, args}."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and not isinstance(value.get("args"), dict):
        args = {key: inner for key, inner in value.items() if key != "name"}
        return {**({"name": value["name"]} if "name" in value else {}), **({"args": args} if args else {})}
    return value


class BackboneOptions(Section):
    """A VisionTransformer or Eva of timm by name; further keys are passed on to `timm.create_model`."""

    name: str = "vit_base_patch16_224"
    """Any VisionTransformer of timm (vit_*, deit_*), or Eva (eva02_*, vit_*_dinov3, vit_*_rope_*, vit_pe_*)."""
    args: dict[str, Any] = {}
    """Keywords of timm.create_model (img_size, embed_dim, depth, ...); may be written beside `name`."""

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, value: Any) -> Any:
        return backbone_parts(value)

    @model_validator(mode="after")
    def _possible(self) -> "BackboneOptions":
        check_backbone(self.name, self.args)
        return self
