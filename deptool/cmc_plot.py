"""CMC curves as inline SVG: raw, released, control and chance, told apart by dashes and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from deptool.figure_style import page
from deptool.identification import Outcome
from deptool.identification_measures import chance

MOST_RANKS = 20
_WIDTH, _HEIGHT = 420, 268
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 12, 12, 62
# Side -> its colour and its dashes.
_LOOKS = {"raw": ("model", ""), "released": ("constant", "7 3"), "control": ("second", "2 3")}


def ranks(outcomes: Mapping[str, Outcome]) -> int:
    """How many ranks are drawn."""
    return min(MOST_RANKS, max(len(o.cmc) for o in outcomes.values()))


def cmc_svg(outcomes: Mapping[str, Outcome], label: str) -> str:
    """side -> outcome, all of which have a curve -> the SVG element."""
    n = ranks(outcomes)
    one = next(iter(outcomes.values()))
    guess = [chance(k, one.n_candidates) for k in range(1, n + 1)]
    lines = [_line(guess, n, "muted", "1 4", 1.5)]
    for side, outcome in outcomes.items():
        colour, dash = _LOOKS[side]
        lines.append(_line(outcome.cmc[:n], n, colour, dash, 2.2))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{_axes(n)}{''.join(lines)}{_legend(list(outcomes))}</svg>"
    )


def _x(rank: int, n: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((rank - 1) / (n - 1) if n > 1 else 0.5)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share


def _axes(n: int) -> str:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{tick:g}", "end"))
    for rank in sorted({1, *range(5, n + 1, 5), n}):
        if rank == n or n - rank >= 2:
            parts.append(_text(_x(rank, n), _HEIGHT - _BOTTOM + 16, str(rank), "middle"))
    base = _y(0)
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{base:.1f}H{_WIDTH - _RIGHT}"/>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - _BOTTOM + 33, "among the so many most alike", "middle"))
    return "".join(parts)


def _line(shares: Sequence[float], n: int, colour: str, dash: str, width: float) -> str:
    path = "".join(
        f"{'L' if i else 'M'}{_x(i + 1, n):.1f} {_y(share):.1f}" for i, share in enumerate(shares)
    )
    return f'<path d="{path}" fill="none" {_stroke(colour, dash, width)}/>'


def _legend(sides: list[str]) -> str:
    parts = []
    known = [(side, *_LOOKS[side], 2.2) for side in sides] + [("chance", "muted", "1 4", 1.5)]
    for i, (name, colour, dash, width) in enumerate(known):
        x, y = _LEFT + 92 * i, _HEIGHT - 9
        parts.append(f'<path d="M{x} {y - 4}h26" {_stroke(colour, dash, width)}/>')
        parts.append(_text(x + 31, y, name, "start"))
    return "".join(parts)


def _stroke(colour: str, dash: str, width: float) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    # A style, since a presentation attribute does not read CSS variables.
    return f'style="stroke:{page(colour)}" stroke-width="{width:g}"{dashes}'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
