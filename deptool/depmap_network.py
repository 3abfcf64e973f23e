"""The network of Dep-MAP, put together of its blocks; its paper stands in models/depmap.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, pad

from deptool import key_frames
from deptool.action_unit_guidance import Addition, Guidance, Sentence
from deptool.multi_scale import ChannelNorm, MultiScale, Pyramid, halve, halve_valid, repeat
from deptool.prototypes import Distillation, Head, Prototypes, groups_of
from deptool.sequence_blocks import Standardise

if TYPE_CHECKING:
    from deptool.models.depmap import Settings

_CHANNELS = {1: 64, 2: 128, 3: 256, 4: 512}  # of ResNet-18's stages
_TEXT = 512  # numbers of a sentence: CLIP's
_DEEPEST = 8  # frames of a step of the last stage


@dataclass(frozen=True)
class Seen:
    """What the network sees of clips: scores, valid (clip, frame); maps of both branches by stage.

    hidden (clip, frame, channel): what the frame scores are made of. masks: stage -> (clip, step).
    """

    scores: Tensor
    valid: Tensor
    hidden: Tensor
    visual: Mapping[int, Tensor]
    emotional: Mapping[int, Tensor]
    masks: Mapping[int, Tensor]


@dataclass(frozen=True)
class Choice:
    """A branch's unit tokens z (clip, frame, channel, number), chosen (clip, frame, channel)."""

    tokens: Tensor
    chosen: Tensor


@dataclass(frozen=True)
class Key:
    """tw and frames (clip, frame): time weights, and whether a frame is among the u greatest."""

    tw: Tensor
    frames: Tensor


class DepMap(nn.Module):
    """Streams: values (clip, frame, number), valid (clip, frame), by name -> score (clip).

    `aggregating`: whether MAP makes the score, and not the mean over frames.
    """

    mean_map: Tensor

    def __init__(self, settings: Settings, dimensions: Mapping[str, int]) -> None:
        super().__init__()
        self.settings = settings
        self.aggregating = settings.map
        self.scales = [int(s) for s in settings.scales]
        widths = {
            s: max(1, n // settings.width) for s, n in _CHANNELS.items() if s <= self.scales[-1]
        }
        used = {s: widths[s] for s in self.scales}
        self.source = "emotional" if settings.branches == "emotional" else "visual"
        self.standardise = nn.ModuleDict({name: Standardise(n) for name, n in dimensions.items()})
        self.pyramid = Pyramid(inputs=dimensions[self.source], channels=widths)
        self.emotional = "emotional" in dimensions
        if self.emotional:
            self._build_guidance(used, dimensions["emotional"])
        if settings.msr:
            self.msr = MultiScale(channels=used, width=settings.channels)
        wide = settings.channels if settings.msr else widths[self.scales[-1]]
        self.last = nn.Conv1d(wide, settings.channels, 1)
        self.norm = ChannelNorm(settings.channels)
        self.register_buffer("mean_map", torch.zeros(settings.channels))
        self.dropout = nn.Dropout(settings.dropout)
        self.score = nn.Linear(settings.channels, 1)
        if settings.sdpm:
            self._build_branches(used)

    def scaler(self, stream: str) -> Standardise:
        """What scales a stream."""
        found = self.standardise[stream]
        assert isinstance(found, Standardise)
        return found

    def _build_guidance(self, used: Mapping[int, int], columns: int) -> None:
        made: dict[str, nn.Module] = {}
        if self.settings.esa:
            text = max(1, _TEXT // self.settings.width)
            self.sentence = Sentence(columns=columns, dimension=text)
        for s, n in used.items():
            if self.settings.esa:
                made[str(s)] = Guidance(channels=n, sentence=text, columns=columns)
            else:
                made[str(s)] = Addition(channels=n, columns=columns)
        self.guidance = nn.ModuleDict(made)

    def _build_branches(self, used: Mapping[int, int]) -> None:
        settings = self.settings
        classes = len(settings.cuts) + 1
        self.prototypes = Prototypes(
            groups=classes + 1, each=settings.prototypes, dimension=settings.dimension
        )
        wide = {f"visual{s}": settings.channels if settings.msr else n for s, n in used.items()}
        if self.emotional:
            wide |= {f"emotional{s}": n for s, n in used.items()}
        self.guides = list(wide)[-len(used) :]  # the emotional branches, where there are some
        self.teacher = self.guides[-1]
        names = list(wide) if settings.kdm else self.guides
        self.heads = nn.ModuleDict(
            {
                name: Head(
                    inputs=wide[name],
                    channels=settings.channels,
                    span=settings.span,
                    dimension=settings.dimension,
                )
                for name in names
            }
        )
        if settings.kdm:
            each = settings.prototypes
            self.kfbsd = nn.ModuleDict(
                {name: Distillation(classes=classes, each=each) for name in names}
            )
        else:
            _hold(self.heads)

    def forward(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        seen = self.look(values, valid)
        if self.aggregating:
            return self.aggregated(seen, self.key(seen))
        return key_frames.frame_mean(seen.scores, seen.valid)

    def look(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Seen:
        """Maps of both branches, and the score of each frame."""
        there = torch.stack([valid[name] for name in self.standardise]).all(0)
        frames = there.shape[1]
        more = -frames % _DEEPEST
        masks = {1: pad(there, (0, more))}
        for s in range(2, self.scales[-1] + 1):
            masks[s] = halve_valid(masks[s - 1])
        x = {
            name: pad(scale(values[name], there).mT, (0, more))
            for name, scale in self.standardise.items()
        }
        stages = self.pyramid(x[self.source], masks)
        visual = {s: stages[s] for s in self.scales}
        emotional = self._guided(visual, x["emotional"], masks) if self.emotional else {}
        fused = self._fused(emotional or visual, masks)[..., :frames]
        hidden = gelu(self.norm(self.last(fused))).mT
        scores = self.score(self.dropout(hidden + self.mean_map)).squeeze(-1)
        return Seen(scores, there, hidden, visual, emotional, masks)

    def _guided(
        self, visual: Mapping[int, Tensor], au: Tensor, masks: Mapping[int, Tensor]
    ) -> dict[int, Tensor]:
        """The emotional maps: visual ones under the action units of their frames."""
        found = {}
        text = self.sentence(au.mT).mT if self.settings.esa else au
        for s in range(1, self.scales[-1] + 1):
            if s > 1:
                au, text = halve(au, masks[s - 1]), halve(text, masks[s - 1])
            if s in visual:
                words = (text.mT, au.mT) if self.settings.esa else (au.mT,)
                found[s] = self.guidance[str(s)](visual[s], *words) * masks[s][:, None]
        return found

    def _fused(self, maps: Mapping[int, Tensor], masks: Mapping[int, Tensor]) -> Tensor:
        """What frame scores are made of: (clip, channel, frame)."""
        if self.settings.msr:
            fused: Tensor = self.msr(maps, masks)
            return fused
        return repeat(maps[self.scales[-1]], 2 ** (self.scales[-1] - 1))

    def tokens(self, seen: Seen, branch: str) -> Tensor:
        """A branch's tokens z (clip, frame, channel, number), of unit length."""
        kind, s = branch[:-1], int(branch[-1])
        x = (seen.emotional if kind == "emotional" else seen.visual)[s]
        if kind == "visual" and self.settings.msr:
            x = self.msr.refine(s, x, seen.masks[s])
        frames = seen.valid.shape[1]
        found: Tensor = self.heads[branch](repeat(x, 2 ** (s - 1))[..., :frames], seen.valid)
        return normalize(found, dim=-1)

    def choices(self, seen: Seen, branches: Sequence[str] | None = None) -> dict[str, Choice]:
        """What branches choose, each channel its u frames; all branches where none is named."""
        u = key_frames.how_many(seen.valid, self.settings.key_factor)
        found = {}
        for branch in branches or self.heads:
            tokens = self.tokens(seen, branch)
            measure = key_frames.sparsity(tokens, seen.valid)
            found[branch] = Choice(tokens, key_frames.highest(measure, seen.valid, u))
        return found

    def key(self, seen: Seen, choices: Mapping[str, Choice] | None = None) -> Key:
        """Key frames: by the channels of all scales of the emotional branch."""
        choices = choices or self.choices(seen, self.guides)
        chosen = torch.cat([choices[branch].chosen for branch in self.guides], dim=2)
        tw = self._weigh(chosen, seen)
        u = key_frames.how_many(seen.valid, self.settings.key_factor)
        return Key(tw, key_frames.highest(tw, seen.valid, u))

    def _weigh(self, chosen: Tensor, seen: Seen) -> Tensor:
        return key_frames.time_weight(chosen, seen.valid, self.settings.temperature)

    def aggregated(self, seen: Seen, key: Key) -> Tensor:
        """MAP: score (clip). As the mean over frames where no frame is valid."""
        score = key_frames.aggregate(seen.scores, key.tw, key.frames)
        return torch.where(seen.valid.any(1), score, key_frames.frame_mean(seen.scores, seen.valid))

    def nearest(self, seen: Seen) -> Tensor:
        """The prototype (clip, frame) that is most like a frame's tokens, on average."""
        cosine = self.prototypes(self.tokens(seen, self.teacher))
        found: Tensor = cosine.mean(2).flatten(2).argmax(-1)
        return found

    def distil(
        self, seen: Seen, choices: Mapping[str, Choice], severity: Tensor, momentum: float
    ) -> Tensor:
        """KFBSD, the mean over branches, for classes severity (clip); zero without it.

        In training the teacher's tokens then move the prototypes.
        """
        if not seen.valid.any():
            return seen.scores.new_zeros(())
        losses = []
        for branch, choice in choices.items():
            group = groups_of(choice.chosen, severity, seen.valid, len(self.settings.cuts) + 1)
            cosine = self.prototypes(choice.tokens)
            assigned = self.prototypes.assign(cosine[seen.valid].flatten(0, 1), group)
            if self.settings.kdm:
                tw = self._weigh(choice.chosen, seen)
                losses.append(self.kfbsd[branch](cosine, tw, severity, assigned, seen.valid))
            if branch == self.teacher:
                moving = (choice.tokens.detach()[seen.valid].flatten(0, 1), assigned)
        if self.training:
            self.prototypes.learn(*moving, momentum)
        return torch.stack(losses).mean() if losses else seen.scores.new_zeros(())

    @torch.no_grad()
    def learn_mean(self, seen: Seen, momentum: float) -> None:
        """Move the running mean of what frame scores are made of."""
        if seen.valid.any():
            self.mean_map.lerp_(seen.hidden[seen.valid].mean(0), momentum)


def _hold(block: nn.Module) -> None:
    """Make buffers of a block's parameters: nothing teaches it, and it stays as it was drawn."""
    for part in block.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
