"""Sphinx's configuration for the book. `labcheck.authoring.book` adds the list of pages and the labs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = html_title = "Network programming in Python"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
templates_path = ["templates"]
highlight_language = "none"  # most code blocks in a sheet are protocol messages

nb_execution_mode = "off"  # the notebooks are already executed
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # tables
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # docstrings have single backticks, as Markdown has
autodoc_inherit_docstrings = False
autodoc_class_signature = "separated"

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_theme_options = {"top_of_page_buttons": ()}
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_use_index = False
html_copy_source = False
html_show_copyright = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

CONSOLES = {"$ ": "console", ">>> ": "pycon"}


def _find_consoles(_: Sphinx, document: nodes.document) -> None:
    """Set the language of each block that has none and starts with a prompt."""
    for block in document.findall(nodes.literal_block):
        for prompt, language in CONSOLES.items():
            if block.get("language", "none") == "none" and block.astext().startswith(prompt):
                block["language"] = language


def setup(app: Sphinx) -> None:
    """Register this configuration's event handler with Sphinx."""
    app.connect("doctree-read", _find_consoles)
