"""Put studies and run sections into the HTML template."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from lodestone import __version__
from lodestone.report.blocks import Origin, Section, Study
from lodestone.report.style import html_symbols

LOGO = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b5e94"/>'
    '<path d="M6 24.5h6.5c5.5 0 4.2-17 10.5-17h3M26 7.5h-6.5c-5.5 0-4.2 17-10.5 17H6" fill="none" stroke="#fff" '
    'stroke-width="2.1" stroke-linecap="round"/></svg>'
)


def template_text(name: str) -> str:
    """Read a file of the template folder of the package."""
    return (files("lodestone.report") / "templates" / name).read_text(encoding="utf-8")


def symbols(text: object) -> Markup:
    """Escape text and set its symbols and code."""
    return Markup(html_symbols(str(escape(str(text)))))


def backends(origins: Sequence[Origin]) -> str:
    """List the back ends behind a figure, each once."""
    return "; ".join(dict.fromkeys(backend for origin in origins for backend in origin.backends))


def to_html(
    studies: Sequence[Study], run_sections: Sequence[Section], chips: Sequence[tuple[str, str]], asked: str
) -> str:
    """Render the page.

    Parameters
    ----------
    studies : sequence of Study
        Studies with results, in the order of the configuration.
    run_sections : sequence of Section
        What concerns the run as a whole: cost, workflow, provenance.
    chips : sequence of (name, value)
        Short facts under the headline.
    asked : str
        Studies that the configuration asks for, in words; shown when there are no results.
    """
    environment = Environment(
        loader=FunctionLoader(template_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["symbols"] = symbols
    environment.filters["backends"] = backends
    return environment.get_template("report.html.j2").render(
        studies=studies, run_sections=run_sections, chips=chips, asked=asked,
        version=__version__, logo=LOGO, css=template_text("report.css"),
    )  # fmt: skip
