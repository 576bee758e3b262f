"""Which names belong to which checkpoint layout, and what timm calls them."""

Rules = list[tuple[str, str]]
TIMM: Rules = [
    (
        r"(?:backbone\.)?((?:cls_token|dist_token|reg_token|pos_embed|patch_embed|norm_pre|blocks|norm|fc_norm|attn_pool|rope)\b.*)",
        r"\1",
    ),
    (r"(heads\..+|tubelet\..+|adapters\..+|pos_embed_video|cls_token_video)", r"\1"),
]

TORCHVISION: Rules = [
    (r"class_token", "cls_token"),
    (r"conv_proj\.(.+)", r"patch_embed.proj.\1"),
    (r"conv3d_proj\.(.+)", r"tubelet.\1"),
    (r"encoder\.pos_embedding", "pos_embed"),
    (r"encoder\.pos_embedding_video", "pos_embed_video"),
    (r"encoder\.ln\.(.+)", r"norm.\1"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(.+)", r"blocks.\1.attn.qkv.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_1|0)\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_2|3)\.(.+)", r"blocks.\1.mlp.fc2.\2"),
    (r"heads\.head\.(.+)\.(weight|bias)", r"heads.\1.\2"),
]

TOKENSHIFT: Rules = [
    (r"transformer\.embeddings\.cls_token", "cls_token"),
    (r"transformer\.embeddings\.position_embeddings", "pos_embed"),
    (r"transformer\.embeddings\.patch_embeddings\.(.+)", r"patch_embed.proj.\1"),
    (r"transformer\.encoder\.encoder_norm\.(.+)", r"norm.\1"),
    (r"transformer\.encoder\.layer\.(\d+)\.attention_norm\.(.+)", r"blocks.\1.norm1.\2"),
    (r"transformer\.encoder\.layer\.(\d+)\.ffn_norm\.(.+)", r"blocks.\1.norm2.\2"),
    (r"transformer\.encoder\.layer\.(\d+)\.ffn\.(fc[12])\.(.+)", r"blocks.\1.mlp.\2.\3"),
    (r"transformer\.encoder\.layer\.(\d+)\.attn\.(query|key|value)\.(.+)", r"blocks.\1.attn.\2.\3"),
    (r"transformer\.encoder\.layer\.(\d+)\.attn\.out\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"head\.head\.(.+)\.(weight|bias)", r"heads.\1.\2"),
]

# ViT, ViTMAE, VideoMAE and DINOv2 of Hugging Face: a prefix of the model's, blocks under `encoder.layer`. In memory,
# transformers 5 has other names for some of them than in files.
_HF = r"(?:\w+\.)?(?:encoder\.layer|layers)\.(\d+)\."
HUGGING_FACE: Rules = [
    (r"(?:\w+\.)?embeddings\.cls_token", "cls_token"),
    (r"(?:\w+\.)?embeddings\.register_tokens", "reg_token"),
    (r"(?:\w+\.)?embeddings\.position_embeddings", "pos_embed"),
    (r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.(.+)", r"patch_embed.proj.\1"),
    (r"(?:\w+\.)?layernorm\.(.+)", r"norm.\1"),
    (r"fc_norm\.(.+)", r"fc_norm.\1"),
    (_HF + r"layernorm_before\.(.+)", r"blocks.\1.norm1.\2"),
    (_HF + r"layernorm_after\.(.+)", r"blocks.\1.norm2.\2"),
    (_HF + r"norm([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (_HF + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
    (_HF + r"attention\.attention\.(query|key|value)\.(.+)", r"blocks.\1.attn.\2.\3"),
    (_HF + r"attention\.attention\.([qv]_bias)", r"blocks.\1.attn.\2"),
    (_HF + r"attention\.q_proj\.(.+)", r"blocks.\1.attn.query.\2"),
    (_HF + r"attention\.k_proj\.(.+)", r"blocks.\1.attn.key.\2"),
    (_HF + r"attention\.v_proj\.(.+)", r"blocks.\1.attn.value.\2"),
    (_HF + r"attention\.(?:output\.dense|o_proj)\.(.+)", r"blocks.\1.attn.proj.\2"),
    (_HF + r"intermediate\.dense\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (_HF + r"output\.dense\.(.+)", r"blocks.\1.mlp.fc2.\2"),
    (_HF + r"mlp\.(?:fc1|weights_in)\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (_HF + r"mlp\.(?:fc2|weights_out)\.(.+)", r"blocks.\1.mlp.fc2.\2"),
]

# CLIP's image tower as OpenAI and open_clip save it (in a whole model under `visual.`), and as Hugging Face does.
_RES = r"(?:visual\.)?transformer\.resblocks\.(\d+)\."
CLIP: Rules = [
    (r"(?:visual\.)?class_embedding", "cls_token"),
    (r"(?:visual\.)?positional_embedding", "pos_embed"),
    (r"(?:visual\.)?conv1\.(.+)", r"patch_embed.proj.\1"),
    (r"(?:visual\.)?ln_pre\.(.+)", r"norm_pre.\1"),
    (r"(?:visual\.)?ln_post\.(.+)", r"norm.\1"),
    (_RES + r"ln_([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (_RES + r"attn\.in_proj_(weight|bias)", r"blocks.\1.attn.qkv.\2"),
    (_RES + r"attn\.out_proj\.(.+)", r"blocks.\1.attn.proj.\2"),
    (_RES + r"mlp\.c_fc\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (_RES + r"mlp\.c_proj\.(.+)", r"blocks.\1.mlp.fc2.\2"),
]
_HF_CLIP = r"(?:vision_model\.)?encoder\.layers\.(\d+)\."
HUGGING_FACE_CLIP: Rules = [
    (r"(?:vision_model\.)?embeddings\.class_embedding", "cls_token"),
    (r"(?:vision_model\.)?embeddings\.position_embedding\.weight", "pos_embed"),
    (r"(?:vision_model\.)?embeddings\.patch_embedding\.(.+)", r"patch_embed.proj.\1"),
    (r"(?:vision_model\.)?pre_layrnorm\.(.+)", r"norm_pre.\1"),  # as it is spelt there
    (r"(?:vision_model\.)?post_layernorm\.(.+)", r"norm.\1"),
    (_HF_CLIP + r"layer_norm([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (_HF_CLIP + r"self_attn\.q_proj\.(.+)", r"blocks.\1.attn.query.\2"),
    (_HF_CLIP + r"self_attn\.k_proj\.(.+)", r"blocks.\1.attn.key.\2"),
    (_HF_CLIP + r"self_attn\.v_proj\.(.+)", r"blocks.\1.attn.value.\2"),
    (_HF_CLIP + r"self_attn\.out_proj\.(.+)", r"blocks.\1.attn.proj.\2"),
    (_HF_CLIP + r"mlp\.(fc[12])\.(.+)", r"blocks.\1.mlp.\2.\3"),
]

# VideoMAE's pretraining: timm's names under `encoder.`, beside a decoder.
VIDEOMAE: Rules = [(r"encoder\.((?:patch_embed|blocks|norm)\..+)", r"\1")]

# OmniMAE's (Meta): timm's names under `trunk.`, frames doubled before a 3-D patch embedding.
OMNIMAE: Rules = [
    (r"trunk\.patch_embed\.proj\.1\.(.+)", r"patch_embed.proj.\1"),
    (r"trunk\.((?:cls_token|pos_embed|blocks|norm)\b.*)", r"\1"),
]

_HF_JEPA = r"(?:\w+\.)?encoder\.layer\.(\d+)\."
HUGGING_FACE_VJEPA2: Rules = [
    (r"(?:\w+\.)?encoder\.embeddings\.patch_embeddings\.proj\.(.+)", r"patch_embed.proj.\1"),
    (r"(?:\w+\.)?encoder\.layernorm\.(.+)", r"norm.\1"),
    (_HF_JEPA + r"norm([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (_HF_JEPA + r"attention\.(query|key|value|proj)\.(.+)", r"blocks.\1.attn.\2.\3"),
    (_HF_JEPA + r"mlp\.(fc[12])\.(.+)", r"blocks.\1.mlp.\2.\3"),
]

# What only this layout has -> its name and rules; the first that is found decides.
LAYOUTS: list[tuple[str, str, Rules]] = [
    (r"transformer\.embeddings\.position_embeddings", "tokenshift", TOKENSHIFT),
    (r"conv3d_proj\.weight", "polyvit", TORCHVISION),
    (r"encoder\.pos_embedding", "torchvision", TORCHVISION),
    (r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.weight", "huggingface", HUGGING_FACE),
    (r"(?:vision_model\.)?embeddings\.class_embedding", "huggingface-clip", HUGGING_FACE_CLIP),
    (r"(?:visual\.)?class_embedding", "clip", CLIP),
    (r"encoder\.patch_embed\.proj\.weight", "videomae", VIDEOMAE),
    (r"trunk\.patch_embed\.proj\.1\.weight", "omnimae", OMNIMAE),
    (r"(?:\w+\.)?encoder\.embeddings\.patch_embeddings\.proj\.weight", "huggingface-vjepa2", HUGGING_FACE_VJEPA2),
    (r"backbone\.(?:patch_embed|blocks|cls_token)\b.*", "ivvit", TIMM),
    (r"(?:patch_embed\.proj|blocks\.\d+)\..+", "timm", TIMM),
]

_JEPA = (
    "V-JEPA 2.1 embeds images and clips as modalities of their own and turns rotary positions otherwise than V-JEPA 2"
)
UNFIT: list[tuple[str, str]] = [
    (r".*\b(?:img|video)_mod_embed", _JEPA),
    (r".*\.relative_position_bias_table", "BEiT's relative positions are of no backbone that the models take"),
]
"""What only this layout has -> why it fits none of the models."""
