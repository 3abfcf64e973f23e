"""Weights for py-feat, made by code in its own formats and in huggingface_hub's layout.

Random networks whose last layers are planted, so that py-feat's whole code runs and what it must
give is known:

- RetinaFace: every place of its coarsest grid (32 px) is a face of 256 e^-2 = 34.6 px around the
  place's middle, with the logit 3; or no place is one;
- the multitask network: point i of the mesh lies at (i / 478, 1 - i / 478) of its crop, and action
  unit number k of py-feat's 20 has the value sqrt(k / 64): the cosine between 64 ones and k ones;
- MobileFaceNet: landmark i lies at (0.2 + i / 136, 0.3 + i / 200) of its crop, off the line by
  0.1 for every other one;
- the classifiers: action unit number k has the probability (k + 1) / 25.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FACE_PX = 256 * np.exp(-2)
SCORE = 1 / (1 + np.exp(-3))
N_UNITS, N_CHANNELS = 20, 64


def place(folder: Path, repository: str, file: str) -> Path:
    """Where huggingface_hub has a file in a folder of weights; makes the folders around it."""
    home = folder / "huggingface" / "hub" / f"models--py-feat--{repository}"
    for part in ("refs", "snapshots/planted"):
        (home / part).mkdir(parents=True, exist_ok=True)
    (home / "refs" / "main").write_text("planted", encoding="utf-8")
    return home / "snapshots" / "planted" / file


def write_detector(folder: Path, faces: bool = True) -> None:
    """RetinaFace's weights."""
    import torch
    from feat.face_detectors.Retinaface.Retinaface_model import RetinaFace
    from safetensors.torch import save_file

    torch.manual_seed(0)
    net = RetinaFace()
    for head in (net.ClassHead, net.BboxHead):
        for level in head._convs:
            torch.nn.init.zeros_(level.weight)
            torch.nn.init.zeros_(level.bias)
    for level in net.ClassHead._convs:  # two anchors, each (no face, face)
        level.bias.data = torch.tensor([9.0, -9.0, 9.0, -9.0])
    if faces:
        net.ClassHead._convs[2].bias.data[:2] = torch.tensor([0.0, 3.0])
        net.BboxHead._convs[2].bias.data[:4] = torch.tensor([0.0, 0.0, -10.0, -10.0])
    save_file(_whole(net), place(folder, "retinaface_r34", "model.safetensors"))


def write_multitask(folder: Path) -> None:
    """The multitask network's weights, with a small backbone."""
    import torch
    from feat.multitask.model_v2 import MEGraphAUv2, ModelV2Config
    from safetensors.torch import save_file

    torch.manual_seed(0)
    config = {
        **{"backbone": "convnextv2_atto", "n_au": N_UNITS, "n_emotion": 7, "n_blendshape": 52},
        **{"mesh_normalized": True, "use_head_v3": True, "drop_mefl": True},
        **{"afg_channels": N_CHANNELS, "mefl_channels": N_CHANNELS, "unified_lmk_dim": 32},
    }
    net = MEGraphAUv2(ModelV2Config(**config, pretrained=False))
    mesh = torch.zeros(478, 3)
    mesh[:, 0] = torch.arange(478) / 478
    mesh[:, 1] = 1 - mesh[:, 0]
    torch.nn.init.zeros_(net.lmk.mlp[-1].weight)
    net.lmk.mlp[-1].bias.data = mesh.reshape(-1)
    for head in net.afg.heads:  # every channel 1, whatever it sees
        torch.nn.init.zeros_(head[1].weight)
        torch.nn.init.ones_(head[1].bias)
    torch.nn.init.zeros_(net.fgg.W.weight)
    torch.nn.init.eye_(net.fgg.W_self.weight)
    first = torch.arange(N_CHANNELS)[None] < torch.arange(N_UNITS)[:, None]
    net.sc.s.data = first.float()
    path = place(folder, "face_multitask_v2", "face_multitask_v28.safetensors")
    save_file(_whole(net), path, {"config": json.dumps(config)})


def write_landmarks(folder: Path) -> None:
    """MobileFaceNet's weights."""
    import torch
    from feat.landmark_detectors.mobilefacenet_test import MobileFaceNet

    torch.manual_seed(0)
    net = MobileFaceNet([112, 112], 136)
    torch.nn.init.zeros_(net.output_layer.bn.weight)
    net.output_layer.bn.bias.data = torch.tensor(landmarks_in_crop().ravel(), dtype=torch.float32)
    path = place(folder, "mobilefacenet", "mobilefacenet_model_best.pth.tar")
    torch.save({"state_dict": _whole(net)}, path)


def landmarks_in_crop() -> np.ndarray:
    """MobileFaceNet's planted landmarks (68, x y) in parts of the crop."""
    i = np.arange(68)
    return np.stack([0.2 + i / 136, 0.3 + i / 200 + 0.1 * (i % 2)], axis=-1)


def write_classifiers(folder: Path) -> None:
    """The gradient-boosted classifiers, their scalers and their principal components."""
    import torch
    from feat.au_detectors.StatLearning.SL_test import XGBClassifier
    from feat.utils.face_mask import extract_hog_features_batched
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler
    from skops.io import dump
    from xgboost import XGBClassifier as Booster

    planted = torch.tensor(landmarks_in_crop().reshape(1, -1), dtype=torch.float32)
    features, points = extract_hog_features_batched(torch.rand(1, 3, 112, 112), planted)
    rng = np.random.default_rng(0)
    pictures = rng.random((6, features.shape[1]))
    scaler = StandardScaler().fit(pictures)
    components = PCA(2).fit(scaler.transform(pictures))
    seen = rng.random((6, 2 + np.asarray(points).size))
    model = XGBClassifier()
    classifiers = {}
    for k, name in enumerate(model.au_keys):
        booster = Booster(n_estimators=1, learning_rate=0.0, base_score=(k + 1) / 25)
        classifiers[name] = booster.fit(seen, [0, 1, 0, 1, 0, 1])
    parts = {
        f"{kind}_{part}": value
        for kind, value in (("scaler", scaler), ("pca_model", components))
        for part in ("upper", "lower", "full")
    }
    model.load_weights(**parts, classifiers=classifiers)
    dump(model, place(folder, "xgb_au", "xgb_au_classifier_v2.skops"))


def _whole(net: object) -> dict[str, object]:
    return {name: value.contiguous() for name, value in net.state_dict().items()}  # type: ignore[attr-defined]
