"""Sphinx: the pages of this folder and the reference of the public API, as one site; `make docs` builds it."""

from trigsim import __version__

project = "trigsim"
author = "The trigsim developers"
copyright = "the trigsim developers"  # noqa: A001
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
# Shell blocks say `sh`; output blocks have no language.
highlight_language = "none"

html_theme = "furo"
html_title = f"trigsim {release}"
html_show_copyright = False

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
