"""The exact q of a pixel against xrayutilities."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.geometry import q_of, rotation, rotation_product
from braggline_models.scan import Circle, Detector, Diffractometer

ENERGY_eV = 9000.0
ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
APS = Diffractometer(
    "aps34idc",
    (Circle("theta", (0, 0, 1)), Circle("chi", (-1, 0, 0)), Circle("phi", (0, 0, 1))),
    (Circle("delta", (0, 0, 1)), Circle("gamma", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
ID01_DEG = {"eta": 17.7, "phi": 5.0, "nu": 4.0, "delta": 35.4}
APS_DEG = {"theta": 0.3, "chi": 90.0, "phi": -5.0, "delta": 32.174, "gamma": 12.6346}
FLAT = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.56685, (172.91, 185.60))
TILTED = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.56685, (172.91, 185.60), 1.5, 30.0, -2.0)
TIMEPIX = Detector("timepix", (256, 256), (55e-6, 55e-6), 0.5, (127.5, 127.5))

# Made once with xrayutilities 1.8.0, HXRD.Ang2Q.area at 9000 eV, in 1/m:
# ID01: QConversion(['y-', 'z-'], ['z-', 'y-'], [1, 0, 0]), init_area('z-', 'y+', cch1=172.91, cch2=185.60, Nch1=516,
#   Nch2=516, pwidth1=55e-6, pwidth2=55e-6, distance=0.56685), and the same with tilt=1.5, tiltazimuth=30, detrot=-2
# 34-ID-C: QConversion(['y+', 'z-', 'y+'], ['y+', 'x-'], [0, 0, 1]), init_area('y-', 'x+', cch1=127.5, cch2=127.5,
#   Nch1=256, Nch2=256, pwidth1=55e-6, pwidth2=55e-6, distance=0.5); its (x, y, z) are our (y, z, x)
REFERENCE = [
    (ID01, FLAT, ID01_DEG, (0, 0), (-89392932.88974582, -3401521119.9535666, 28502800581.00097)),
    (ID01, FLAT, ID01_DEG, (100, 400), (11521471.62909567, -1638689617.9605253, 28044869832.116913)),
    (ID01, FLAT, ID01_DEG, (515, 515), (525181766.02229017, -1157745721.9450834, 26275526433.41527)),
    (ID01, TILTED, ID01_DEG, (0, 0), (-98608072.56562021, -3374259350.2256556, 28529227500.287975)),
    (ID01, TILTED, ID01_DEG, (100, 400), (21456144.823086552, -1628614541.627654, 28012961964.33629)),
    (ID01, TILTED, ID01_DEG, (515, 515), (540950951.3405597, -1214003711.5192285, 26231556311.31374)),
    (APS, TIMEPIX, APS_DEG, (0, 0), (-6650553309.195904, -11220730772.36142, 23118278198.576214)),
    (APS, TIMEPIX, APS_DEG, (100, 200), (-7121986930.682047, -10772272665.517738, 24031968635.86464)),
    (APS, TIMEPIX, APS_DEG, (127, 128), (-6917026008.046301, -10622024899.755663, 23741721240.081585)),
]


@pytest.mark.parametrize(("diffractometer", "detector", "angles_deg", "pixel", "expected"), REFERENCE)
def test_q_is_that_of_xrayutilities(diffractometer, detector, angles_deg, pixel, expected) -> None:
    q = q_of(diffractometer, detector, angles_deg, *pixel, ENERGY_eV)
    assert np.linalg.norm(q - expected) < 1e-9 * np.linalg.norm(q)  # they take h c from CODATA 2014


def test_q_of_many_pixels_is_that_of_each() -> None:
    rows, columns = np.meshgrid(np.arange(3), np.arange(4), indexing="ij")
    q = q_of(ID01, TILTED, ID01_DEG, rows, columns, ENERGY_eV)
    assert q.shape == (3, 4, 3)
    np.testing.assert_allclose(q[2, 1], q_of(ID01, TILTED, ID01_DEG, 2, 1, ENERGY_eV), rtol=1e-12)


def test_length_of_q_is_elastic_and_no_circle_of_the_sample_changes_it() -> None:
    """|Q| = 2 k sin(theta) on the direct beam's pixel, for a detector arm in the scattering plane."""
    angles = {"eta": 3.0, "phi": -40.0, "nu": 0.0, "delta": 35.4}
    q = q_of(ID01, FLAT, angles, 172.91, 185.60, ENERGY_eV)
    k = 2 * np.pi / (1.239841984e-6 / ENERGY_eV)
    assert np.linalg.norm(q) == pytest.approx(2 * k * np.sin(np.deg2rad(35.4 / 2)), rel=1e-12)


def test_a_crop_moves_no_pixel() -> None:
    window = FLAT.cropped(100, 50, (200, 200))
    np.testing.assert_allclose(
        q_of(ID01, window, ID01_DEG, 7, 9, ENERGY_eV), q_of(ID01, FLAT, ID01_DEG, 107, 59, ENERGY_eV), rtol=1e-12
    )


def test_rotations_are_right_handed_and_outer_circles_carry_inner_ones() -> None:
    np.testing.assert_allclose(rotation((0, 0, 1), 90.0) @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(rotation((0, -1, 0), 90.0) @ [1, 0, 0], [0, 0, 1], atol=1e-15)
    product = rotation_product(ID01.sample_circles, {"eta": 90.0, "phi": 90.0})
    np.testing.assert_allclose(product @ [1, 0, 0], [0, -1, 0], atol=1e-15)  # phi first: to -y, which eta leaves
