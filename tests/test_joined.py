"""All groups of a segment as one sequence: order and scale."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool.joined import join


def landmarks(batch: int = 2, frames: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, frames, 136, generator=torch.Generator().manual_seed(seed))


def test_groups_stand_in_the_tables_order_whatever_order_they_come_in() -> None:
    groups = {
        "action_units": torch.full((1, 2, 3), 4.0),
        "gaze": torch.full((1, 2, 8), 0.3),
        "head_pose": torch.full((1, 2, 3), 0.2),
    }
    found = join(groups)
    assert found[0, 1].tolist() == pytest.approx([0.2] * 3 + [0.3] * 8 + [4.0] * 3)
    assert torch.equal(join(dict(reversed(groups.items()))), found)


def test_landmarks_are_motion_in_tenths_of_the_faces_size() -> None:
    # Half of the points at (3, 10), half at (7, 10): on average 2 to the left or right of their
    # centre. Mean square of the 136 distances: (68 * 4 + 68 * 0) / 136 = 2, so the size is
    # sqrt(2). Point 0 is 0.5 to the left of its mean, then as much to the right; the face's mean
    # over the frames stays what it was.
    x = torch.tensor([3.0, 7.0]).repeat(34)
    face = torch.cat([x, torch.full((68,), 10.0)]).repeat(1, 2, 1)
    face[0, :, 0] += torch.tensor([-0.5, 0.5])
    found = join({"landmarks": face})[0]
    assert found[:, 0].tolist() == pytest.approx([-0.5 / 0.1 / 2**0.5, 0.5 / 0.1 / 2**0.5])
    assert found[:, 1:].abs().max() == 0


@settings(deadline=None)  # torch's first call is slow
@given(st.floats(0.1, 2000), st.floats(-5, 5), st.floats(-5, 5))
def test_place_and_size_in_the_picture_do_not_matter(size: float, x: float, y: float) -> None:
    face = landmarks()
    moved = torch.cat([face[..., :68] + x, face[..., 68:] + y], dim=-1) * size
    torch.testing.assert_close(
        join({"landmarks": moved}), join({"landmarks": face}), atol=1e-3, rtol=1e-3
    )


def test_a_still_face_is_zero_whatever_its_shape() -> None:
    still = landmarks(batch=4, frames=1).expand(4, 5, 136)
    assert join({"landmarks": still}).abs().max() < 1e-4


def test_a_face_that_moves_as_a_whole_is_seen() -> None:
    face = landmarks(batch=1, frames=1).expand(1, 2, 136).clone()
    face[0, 1, :68] += 0.1  # to the right
    step = join({"landmarks": face})[0].diff(dim=0)[0]
    assert step[0] > 1  # 0.1 of coordinates that spread by about 0.3: more than three tenths
    assert step[:68] == pytest.approx(step[0].expand(68), abs=1e-4)
    assert step[68:].abs().max() < 1e-4


def test_points_that_all_coincide_are_no_division_by_zero() -> None:
    assert join({"landmarks": torch.full((1, 2, 136), 0.5)}).abs().max() == 0


def test_head_position_is_motion_in_cm_and_angles_stay() -> None:
    # Tx goes from -50 to -40 mm: its mean is -45, so -0.5 and 0.5 cm.
    pose = torch.tensor(
        [[[-50.0, 20.0, 600.0, 0.1, -0.2, 0.3], [-40.0, 20.0, 630.0, 0.2, -0.2, 0.3]]]
    )
    found = join({"head_pose": pose})[0]
    assert found[0].tolist() == pytest.approx([-0.5, 0, -1.5, 0.1, -0.2, 0.3])
    assert found[1].tolist() == pytest.approx([0.5, 0, 1.5, 0.2, -0.2, 0.3])


def test_a_pose_of_three_columns_is_angles() -> None:
    angles = torch.tensor([[[0.1, -0.2, 0.3]]])
    assert torch.equal(join({"head_pose": angles}), angles)


def test_a_row_does_not_see_another() -> None:
    groups = {"landmarks": landmarks(4), "action_units": torch.rand(4, 3, 5)}
    whole = join(groups)
    for i in range(4):
        alone = join({name: part[i : i + 1] for name, part in groups.items()})
        torch.testing.assert_close(whole[i : i + 1], alone)
