"""Settings of the documentation site: `make docs` builds it with sphinx, without the internet."""

from __future__ import annotations

import re
from typing import Any

from pygments.lexers.special import TextLexer

import inceptionism

project = "inceptionism"
copyright = "the authors of inceptionism"
version = release = inceptionism.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Single backticks in a docstring are a link if they name something of the reference, and code otherwise.
default_role = "py:obj"
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    # Types of other libraries and names of types inside the package. Their pages are on the internet, or do not exist.
    ("py:.*", r"(?!inc\.|inceptionism\.).*"),
    ("py:.*", r"inceptionism\..*"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "inceptionism"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#8a3d6b", "color-brand-content": "#8a3d6b"},
    "dark_css_variables": {"color-brand-primary": "#f0a6cf", "color-brand-content": "#f0a6cf"},
}


def prepare(_app: Any, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Mark the indented examples of a docstring as code, and make links of the pages that it names, in place."""
    for number, line in reversed(list(enumerate(lines))):
        lines[number] = re.sub(r"docs/([\w-]+)\.md", r":doc:`\1`", line)
        above = next((one for one in reversed(lines[:number]) if one.strip()), "")
        if line[:1] == " " and number and not lines[number - 1].strip() and above[:1] not in ("", " "):
            lines[number:number] = ["::", ""]


def setup(app: Any) -> None:
    """Add a lexer for tables, and prepare the docstrings before the extension napoleon reads them."""
    app.add_lexer("csv", TextLexer)
    app.connect("autodoc-process-docstring", prepare, priority=400)
