"""Checkpoints of tiny networks, drawn at random, in the real files: what tests load."""

import json
from pathlib import Path

import torch
import transformers

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

TRANSFORMER = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
SMALL_CONVOLUTIONS = {
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "num_hidden_layers": 3,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def save(folder: Path, kind: str, about: dict[str, object], **config: object) -> Path:
    """A checkpoint of a kind of network ("ResNet", "ViTForImageClassification", …) in `folder`.

    `about` is what its preprocessor_config.json says.
    """
    name = kind.partition("For")[0]
    model = getattr(transformers, kind if "For" in kind else f"{kind}Model")
    bars = transformers.utils.logging
    bars.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(len(kind))
        network = model(getattr(transformers, f"{name}Config")(**config))
        for values in network.parameters():
            draw(values)
    network.save_pretrained(folder)
    bars.enable_progress_bar()
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def draw(values: torch.nn.Parameter) -> None:
    """Numbers with which a network passes on what it is given, and none that goes unseen."""
    with torch.no_grad():
        if values.ndim < 2:  # a factor of 1 and a summand of 0 might
            values.add_(0.2 * torch.randn_like(values))
        else:
            values.normal_(std=values[0].numel() ** -0.5)


def pictures(px: int, **about: object) -> dict[str, object]:
    """What a preprocessor_config.json says of pictures of that side."""
    return {"size": px, "image_mean": MEAN, "image_std": STD} | about


def resnet(folder: Path) -> Path:
    """Stages of 8, 12, 16 and 20 channels, for pictures of 64 px."""
    return save(
        folder,
        "ResNet",
        pictures(64),
        embedding_size=8,
        hidden_sizes=[8, 12, 16, 20],
        depths=[1, 1, 1, 1],
        layer_type="basic",
    )


def vit(folder: Path, kind: str = "ViT") -> Path:
    """Four layers of 16 numbers, patches of 8 px in pictures of 32."""
    return save(folder, kind, pictures(32), **TRANSFORMER, image_size=32, patch_size=8)


def dinov2(folder: Path) -> Path:
    """Four layers of 16 numbers, patches of 14 px; trained on 42 px, shown 28 as DINOv2 is."""
    about = pictures(28, size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28})
    sizes = {key: value for key, value in TRANSFORMER.items() if key != "intermediate_size"}
    return save(folder, "Dinov2", about, **sizes, image_size=42, patch_size=14)


def videomae(folder: Path) -> Path:
    """Four layers of 16 numbers, clips of 4 pictures of 32 px, as it is trained at first."""
    about = pictures(
        32, size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_center_crop=True
    )
    decoder = {
        "decoder_num_attention_heads": 2,
        "decoder_hidden_size": 16,
        "decoder_num_hidden_layers": 1,
        "decoder_intermediate_size": 16,
    }
    return save(
        folder,
        "VideoMAEForPreTraining",
        about,
        **TRANSFORMER,
        **decoder,
        image_size=32,
        patch_size=16,
        num_frames=4,
    )


def voice(folder: Path, kind: str = "Hubert", *, normalise: bool = True, **config: object) -> Path:
    """HuBERT's or wav2vec 2.0's own convolutions with 8 channels, three layers of 16 numbers."""
    about = {"sampling_rate": 16_000, "do_normalize": normalise}
    return save(folder, kind, about, **SMALL_CONVOLUTIONS | config)


def in_cache(weights: Path, checkpoint: Path, model: str, *, snapshot: str = "5fdf63a") -> Path:
    """The files of a checkpoint where huggingface_hub keeps them in a folder of weights."""
    repository = weights / "huggingface/hub" / f"models--{model.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(snapshot)
    folder = repository / "snapshots" / snapshot
    folder.mkdir(parents=True)
    for path in checkpoint.iterdir():
        blob = repository / "blobs" / path.name
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(path.read_bytes())
        (folder / path.name).symlink_to(blob)  # as the hub's cache has it
    return folder
