"""Docstrings as Markdown: what Google's style has no section for."""

import re
import textwrap

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n(?!\s*$).*)*", re.M)
SECTION = r"^{}:\n((?: {{4}}.*\n?|\n(?= {{4}}))+)"
RETURNS = re.compile(SECTION.format("Returns"), re.M)
CALL_ARGUMENTS = re.compile(SECTION.format("Call arguments"), re.M)
ENTRY = re.compile(r"^(\w+(?:, \w+)*): ")


class Markdown(griffe.Extension):
    """Changes docstrings before they are read as Markdown."""

    def on_object(self, *, obj, **_):
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            text = CALL_ARGUMENTS.sub(as_list, obj.docstring.value)
            text = RETURNS.sub(as_paragraphs, text)
            obj.docstring.value = EXAMPLE.sub(as_code, text)


def as_code(match):
    """A block of a doctest between fences."""
    space = match[1]
    return f"{space}```pycon\n{match[0]}\n{space}```"


def as_paragraphs(match):
    """What is returned, as it is written: it has no type before it."""
    return f"**Returns:**\n\n{textwrap.dedent(match[1])}"


def as_list(match):
    """Arguments of a call as a list, like those of the constructor."""
    lines = []
    for line in textwrap.dedent(match[1]).splitlines():
        start = ENTRY.match(line)
        if start:
            lines.append(f"- **`{start[1]}`**: {line[start.end() :]}")
        else:
            lines.append(f"  {line.strip()}" if lines else line)
    return "**Call arguments:**\n\n" + "\n".join(lines) + "\n"
