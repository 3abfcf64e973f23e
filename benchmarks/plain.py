"""The script that a user would write: every picture to MediaPipe's face mesh, its points to a CSV.

python -m benchmarks.plain FOLDER OUT.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def main(folder: Path, out: Path) -> None:
    """Read every video of a folder."""
    import av
    import mediapipe as mp

    with out.open("w", newline="") as file:
        rows = csv.writer(file)
        for path in sorted(folder.iterdir()):
            with (
                mp.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh,
                av.open(str(path)) as container,
            ):
                for frame in container.decode(video=0):
                    found = mesh.process(frame.to_ndarray(format="rgb24")).multi_face_landmarks
                    points = found[0].landmark if found else []
                    rows.writerow([path.name, frame.time, *((p.x, p.y, p.z) for p in points)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
