"""Histograms of oriented gradients: which directions they count, and where."""

import numpy as np
import pytest

from deptool.encoders.hog import Encoder, Settings, encoding

SMALL = Settings(px=32, cell=8, block=1, orientations=4)


def _hog(face):
    """(cell row, cell column, direction) of a grey face, one cell in a block."""
    with Encoder(SMALL, None, "cpu") as encoder:
        found = encoder.encode(np.repeat(face[None, :, :, None], 3, axis=3).astype(np.uint8))
    return found.reshape(4, 4, 4)


def test_a_flat_face_has_no_direction():
    assert _hog(np.full((32, 32), 90)).max() == 0


def test_the_direction_of_an_edge_is_counted_in_its_cells_alone():
    # Left half dark, right half light: the gradient, along x at 0 degrees, lies in columns 15 and
    # 16, the last of cell column 1 and the first of cell column 2. The first of four directions
    # holds 0 to 45 degrees, and L2-Hys brings a block with one number to 1.
    face = np.zeros((32, 32))
    face[:, 16:] = 200
    found = _hog(face)
    np.testing.assert_allclose(found[:, 1:3, 0], 1, atol=1e-3)
    assert np.delete(found, [1, 2], axis=1).max() == 0
    assert found[..., 1:].max() == 0


def test_an_edge_the_other_way_is_another_direction():
    # The gradient along y, at 90 degrees, is in the third direction, 90 to 135.
    face = np.zeros((32, 32))
    face[16:] = 200
    assert _hog(face)[1:3, :, 2].min() == pytest.approx(1, abs=1e-3)


def test_a_vector_is_as_long_as_its_blocks_say():
    # 112 / 16 = 7 cells, 6 blocks to a side, of 2 by 2 cells with 8 directions each.
    assert encoding(Settings(), None).dimension == 6 * 6 * 2 * 2 * 8


def test_cells_that_no_block_fits_are_refused():
    with pytest.raises(ValueError, match="hold no block"):
        Settings(px=32, cell=16, block=3)
