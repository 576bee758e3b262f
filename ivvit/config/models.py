"""The models' names and options: one small class per model; a new model adds its class to `ModelOptions`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.base import Section


class IVViTOptions(Section):
    """IV-ViT: a clip's frames go through the ViT as images, logits are averaged (MVA 2023, section 3)."""

    name: Literal["IV-ViT"] = "IV-ViT"


class TokenShiftOptions(Section):
    """TokenShift (arXiv 2108.02432): class tokens exchange channels with the neighbouring frames."""

    name: Literal["TokenShift"] = "TokenShift"
    fold_div: int = Field(8, ge=2)
    """1/fold_div of the class token's channels come from the next frame and as many from the previous one."""


class MSCAOptions(Section):
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


class PolyViTOptions(Section):
    """polyvit (arXiv 2111.12993): a tokeniser per modality and one shared encoder."""

    name: Literal["polyvit"] = "polyvit"
    tubelet_frames: int = Field(2, ge=1)
    """Frames per tubelet; the number of frames must be a multiple of it."""


ModelOptions = IVViTOptions | TokenShiftOptions | MSCAOptions | PolyViTOptions
MODELS: dict[str, type[Section]] = {cls.model_fields["name"].default: cls for cls in get_args(ModelOptions)}


def _by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


ModelField = Annotated[ModelOptions, BeforeValidator(_by_name), Field(discriminator="name")]
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
    """A timm VisionTransformer by name; further keys are passed on to `timm.create_model`."""

    name: str = "vit_base_patch16_224"
    """Any VisionTransformer of timm, for instance vit_base_patch16_224."""
    args: dict[str, Any] = {}
    """Keywords of timm.create_model (img_size, embed_dim, depth, ...); may be written beside `name`."""

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, value: Any) -> Any:
        return backbone_parts(value)
