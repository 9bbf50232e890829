"""What is done where numerics fail."""

from __future__ import annotations

import numpy as np
import pytest
from linear_operator.utils.errors import NotPSDError

from hpcopt.core.errors import GenerationError
