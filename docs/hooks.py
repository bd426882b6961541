"""What the site's build does beside Markdown: formulas, links to Colab."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

CELL = re.compile(r"<td.*?</td>", re.S)
CODE = re.compile(r"(?<=<code>)[^<]*")
BREAK = re.compile(r"([_.(=])(?=\w)")
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL
)


def on_page_markdown(markdown, config, **_):
    """Put a link to Colab beside each notebook's where the site has one."""
    repository = config["extra"].get("repository")
    if not repository:
        return markdown
    colab = f"https://colab.research.google.com/github/{repository}"
    return re.sub(
        r"\[[^]]*\]\((notebooks/\w+\.ipynb)\)",
        rf"\g<0> · [Colab]({colab}/blob/gh-pages/\1)",
        markdown,
    )


def on_page_content(content, **_):
    """Replace LaTeX by MathML, which browsers draw without a script.

    And let long names in tables break between their words.
    """
    content = CELL.sub(breakable, content)
    return FORMULA.sub(as_mathml, content)


def breakable(cell):
    """A cell of a table, with places where its code may be broken."""
    return CODE.sub(lambda code: BREAK.sub(r"\1<wbr>", code[0]), cell[0])


def as_mathml(match):
    """One formula, in the line or on its own."""
    display = "block" if match[2] == "[" else "inline"
    drawn = convert(html.unescape(match[3]), display=display)
    if "\\" in html.unescape(drawn):
        raise PluginError(f"This formula has what MathML lacks: {match[3]}")
    return drawn
