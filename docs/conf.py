"""How ``scripts/docs`` builds the site from ``docs/``. It needs no network."""

from __future__ import annotations

import sys
from pathlib import Path

from hpcopt import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "hpcopt"
author = "the authors of hpcopt"
release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "catalogue_reference",
    "command_reference",
    "config_reference",
    "root_documents",
]

# Markdown as GitHub shows it, with anchors at headings, and RST where a directive is.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"hpcopt {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["hpcopt.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
