"""Error bars of points and of bars."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.figures.color import RGBA, rgba
from hpcopt.figures.place import Place
from hpcopt.figures.properties import Properties

Array = npt.NDArray[np.float64]


def draw_error_bars(
    part: Properties,
    way: str,
    place: Place,
    at: tuple[Array, Array],
    color: RGBA,
    z: float,
) -> None:
    """Draw the error bars of points, of which those without length are left out."""
    part.skip("width", "copy_ystyle", "copy_xstyle", "copy_zstyle", "traceref")
    part.skip("tracerefminus", "symmetric")
    array, value = part.numbers("array"), part.get("value")
    minus, value_minus = part.numbers("arrayminus"), part.get("valueminus")
    kinds = ("data", "constant", "percent")
    kind = part.one_of("type", kinds, "data" if array is not None else "constant")
    told, thickness = part.get("color"), float(part.get("thickness", 2.0))
    if not part.get("visible", array is not None or value is not None):
        return
    center = at[0] if way == "x" else at[1]
    if kind == "data":
        upper = np.zeros(len(center)) if array is None else array[: len(center)]
        lower = upper if minus is None else minus[: len(center)]
    else:
        share = np.abs(center) / 100 if kind == "percent" else np.ones(len(center))
        upper = share * float(10.0 if value is None else value)
        lower = upper if value_minus is None else share * float(value_minus)
    has_length = (np.nan_to_num(lower) > 0) | (np.nan_to_num(upper) > 0)
    if not has_length.any():
        return
    reach = np.nan_to_num(np.stack([lower, upper])[:, has_length])
    place.ax.errorbar(
        at[0][has_length],
        at[1][has_length],
        xerr=reach if way == "x" else None,
        yerr=reach if way == "y" else None,
        fmt="none",
        ecolor=color if told is None else rgba(told),
        elinewidth=place.points(thickness),
        zorder=z - 0.004,
    )
