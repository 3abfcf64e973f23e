"""The 68-point scheme out of the 98 points of WFLW.

Wu et al., "Look at Boundary: A Boundary-Aware Face Alignment Algorithm", CVPR 2018, whose points
run the same ways. The map is the one in common use. *The same places by definition:* the corners of
the eyes, and nose and mouth, which both schemes mark with as many points. *About the same:* the jaw
(every other of 33 even steps instead of 17), the brows (points of their upper edge, where the
68-point scheme marks their middle), and the eyelids (at a quarter and three quarters of a lid
instead of at thirds). Of the brows' lower edges, the middles of the lids and the pupils the 68
points have none.
"""

from __future__ import annotations

import numpy as np

N_POINTS = 98

JAW = tuple(range(0, 33, 2))
BROWS = (*range(33, 38), *range(42, 47))
NOSE = tuple(range(51, 60))
EYES = (60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75)
MOUTH = tuple(range(76, 96))

WFLW_OF_68 = np.array((*JAW, *BROWS, *NOSE, *EYES, *MOUTH), dtype=np.intp)
