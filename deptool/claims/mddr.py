"""MDDR's claims: modalities help each other, both attentions help, weights follow what is reliable.

Zhang et al., ACM Multimedia 2024. Table 3: face, voice and head pose together are better than each
alone. Table 4: attention over modalities (FAN) alone and the encoder with attention over time (SAN)
alone are each worse than both. Fig. 4: with the DR loss fewer predictions lie outside the true
severity band than with the Huber loss (43 against 47 of 100). Sections 1 and 3.3: FAA's weights are
the importance of each modality at each time.

How it is tested: a cohort in which the reliability of face, pose and voice drifts, each on its own.
A modality's cues say less where it is not reliable, and it is noisier there, so that it can be
seen. Weights are compared with the planted reliability in test recordings.

What is unlike the paper: the face is landmarks and action units of tables, the voice 24 numbers a
second without a sound, the network small, its training in crops. One recording of each person.

What was looked at before: where layer norm stands, and how many persons the cohort has, were chosen
on cohorts of `seed` 7. This one was not.
"""

from __future__ import annotations

from deptool.ablations import Variant
from deptool.claims import Claim, PaperTable, Printed
from deptool.cohort.settings import SynthSettings
from deptool.results import Results, at_least, lower

MODEL = "mddr"
COHORTS = {
    "drift": SynthSettings(
        subjects=800, sessions=1, seconds=120.0, voice=True, drift=1.0, signal=0.8, seed=8
    )
}
SETTINGS: dict[str, object] = {
    "modalities": "face,pose,synthetic-voice",
    "width": 64,
    "layers": 1,
    "heads": 4,
    "feed_forward": 128,
    "hidden": 64,
    "crop_s": 30.0,
    "epochs": 30,
}

_PLANTED = {"face": "visual", "pose": "pose", "synthetic-voice": "audio"}
_FACE, _VOICE, _POSE = (
    Variant(name, (called,), {"modalities": modalities})
    for name, called, modalities in (
        ("face", "v", "face"),
        ("voice", "a", "synthetic-voice"),
        ("pose", "p", "pose"),
    )
)
_FAN = Variant("fan", ("FAN",), {"san": False})
_SAN = Variant("san", ("SAN",), {"fan": False})
_HUBER = Variant("huber", ("Huber loss",), {"loss": "huber"})


def _whole(called: str) -> Variant:
    """Everything, as a table calls it."""
    return Variant("whole", (called,), {})


def _printed(variant: str, *numbers: str) -> tuple[Printed, ...]:
    """MAE and RMSE on AVEC 2013, then on AVEC 2014, as Tables 3 and 4 have them."""
    pairs = (("AVEC 2013", *numbers[:2]), ("AVEC 2014", *numbers[2:]))
    return tuple(Printed(variant, name, {"mae": m, "rmse": r}) for name, m, r in pairs)


TABLES = (
    PaperTable(
        "Table 3: modalities",
        ("modalities",),
        ((_FACE, _VOICE, _POSE, _whole("v+a+p")),),
        printed=(
            *_printed("face", "6.32", "8.11", "6.21", "7.76"),
            *_printed("voice", "8.55", "10.25", "8.76", "9.94"),
            *_printed("pose", "9.53", "10.24", "9.0", "10.01"),
            *_printed("whole", "5.98", "7.80", "5.75", "7.12"),
        ),
    ),
    PaperTable(
        "Table 4: attention over modalities and over time",
        ("methods",),
        ((_FAN, _SAN, _whole("FAN+SAN")),),
        printed=(
            *_printed("fan", "6.85", "8.55", "6.22", "7.65"),
            *_printed("san", "6.68", "8.36", "6.13", "7.32"),
            *_printed("whole", "5.98", "7.80", "5.75", "7.12"),
        ),
    ),
    PaperTable("Fig. 4: loss", ("loss",), ((_whole("DR loss"), _HUBER),)),
)


def claims(results: Results) -> list[Claim]:
    """Of Tables 3 and 4, of FAA's weights, and of Fig. 4."""
    from deptool import planted

    alone = [
        results.lower_error("whole", name, f"All modalities are better than {words}", "Table 3")
        for name, words in (
            ("face", "the face alone"),
            ("voice", "the voice alone"),
            ("pose", "head pose and gaze alone"),
        )
    ]
    attention = [
        results.lower_error("whole", name, f"Both attentions are better than {words}", "Table 4")
        for name, words in (
            ("fan", "the one over modalities alone"),
            ("san", "the one over time alone"),
        )
    ]
    dr, huber = (planted.outside_band(results.predictions(n)) for n in ("whole", "huber"))
    outside = lower(
        planted.paired_over_persons(dr, huber),
        "The DR loss leaves fewer predictions outside the true band than the Huber loss",
        "Fig. 4",
        f"share {planted.mean_over_persons(dr).value:.3f} against"
        f" {planted.mean_over_persons(huber).value:.3f}, difference",
    )
    return [*alone, *attention, *_follows(results), outside]


def _follows(results: Results) -> list[Claim]:
    """FAA's weights beside the planted reliability: less its mean over modalities, and as it is."""
    import polars as pl

    from deptool import planted

    weights = results.tracks("whole", "modality")
    weights = weights.with_columns(pl.col("name").replace_strict(_PLANTED))
    segments = results.truth("segments")
    return [
        at_least(
            planted.mean_over_persons(planted.follows_reliability(weights, segments, relative)),
            0.5,
            f"FAA's weights follow the planted reliability{words}",
            "Sections 1 and 3.3",
            "rank correlation",
        )
        for relative, words in ((True, ", relative to the other modalities'"), (False, ""))
    ]
