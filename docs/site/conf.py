"""The documentation site: Sphinx reads README.md, docs/ and notebooks/ where they stand, as they are on GitHub.

`make docs` builds it, with warnings as errors. Nothing is fetched, and only live pages are computed: notebooks show the
outputs they are stored with, and the pages hold all their styles, scripts and pictures.
"""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "chainrule"
author = copyright = "The chainrule developers"
release = metadata.version("chainrule")
root_doc = "docs/gallery"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/reference/*.md",
    "notebooks/README.md",
    "notebooks/*.ipynb",
    "nn/datasets/README.md",
]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "docstrings",
    "reading_order",
    "reference",
    "formulas",
    "sources",
    "code_blocks",
    "anchors",
    "pictures",
    "live_pages",
    "versions",
]

myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]
myst_heading_anchors = 4  # with GitHub's names
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_merge_streams = True
# a notebook holds several forms of an output; take the one that reads best in a browser
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 5)]
suppress_warnings = [
    "myst.header",  # a notebook may begin a cell below the level of the one before
    "mystnb.unknown_mime_type",  # of several forms, such as JSON beside HTML
]

autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("ArrayLike", "DTypeLike", "Float", "Seed", "Shape")}
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
highlight_language = "text"

html_theme = "furo"
html_title = f"chainrule {release}"
html_static_path = ["static"]
html_search_scorer = str(Path(__file__).parent / "scorer.js")
templates_path = ["templates"]
html_sidebars = {
    "**": [
        f"sidebar/{part}.html"
        for part in ("brand", "versions", "search", "scroll-start", "navigation", "scroll-end")
    ]
}
html_css_files = ["style.css"]
html_copy_source = html_show_sourcelink = False
html_show_copyright = html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "github-dark"
