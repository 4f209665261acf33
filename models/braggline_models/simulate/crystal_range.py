"""What training crystals are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from braggline_models.geometry.lattice import Indices

Span = tuple[float, float]
Odds = tuple[tuple[str, float], ...]
EVEN_ODDS: Odds = (("none", 2), ("screw", 1), ("edge", 1), ("mixed", 1), ("stacking_fault", 1), ("twin", 1))


@dataclass(frozen=True)
class CrystalRange:
    """What crystals are drawn from; pairs are uniform from first to last unless it says otherwise.

    materials, reflections  one of each, even odds
    size            diameter over the field of view, along the axis where it is largest
    phase_range_rad of the smooth displacement inside, without its mean gradient; defects come on top
    length          of correlation of the displacement, over the diameter (Matern, nu = 5/2)
    relaxation      the surface's share of the smooth displacement, 0..1;  relaxation_depth  over the diameter
    cut             odds that one face is a substrate's, nearer to the center
    defects         (kind, odds): none, screw, edge, mixed, stacking_fault, twin;  second_defect  odds of one more
    invisible       odds that a dislocation or fault has g.b = 0
    photons         in the window, even in their logarithm;  coherence_sigma_px  of the Gaussian that blurs the counts
    bragg_deg       half the scattering angle: the rows lean by it against the rocking direction, as at ID01
    steps           of rows and columns over that of the frames, in q
    free_q          Q in any direction of the grid, as where results are gridded; else the rows' and frames' own
    finer           the object's grid over that of the counts, in points an axis
    """

    materials: tuple[str, ...] = ("Pt", "Ni", "Au", "Cu")
    reflections: tuple[Indices, ...] = ((1, 1, 1), (2, 0, 0), (2, 2, 0))
    size: Span = (0.30, 0.42)
    phase_range_rad: Span = (0.0, 12.0)
    length: Span = (0.15, 0.6)
    relaxation: Span = (0.0, 0.3)
    relaxation_depth: Span = (0.03, 0.1)
    cut: float = 0.5
    defects: Odds = EVEN_ODDS
    second_defect: float = 0.1
    invisible: float = 0.15
    photons: Span = (1e4, 1e8)
    coherence_sigma_px: Span = (0.0, 0.5)
    bragg_deg: Span = (10.0, 25.0)
    steps: Span = (0.8, 1.25)
    free_q: bool = False
    finer: int = 2
