"""Specifications as drawings in the page: made while the page is written, so that the page needs no script."""

import re
from dataclasses import dataclass
from zlib import crc32

import vl_convert
from markupsafe import Markup, escape

from muster.charts import Spec

SIZE = re.compile(r'<svg\b[^>]*?width="([\d.]+)" height="([\d.]+)"[^>]*>')


@dataclass(frozen=True)
class Figure:
    """A drawing with what a reader needs who does not see it: one sentence, and the numbers."""

    caption: str
    label: str
    svg: Markup
    head: list[str]
    rows: list[list[str]]
    note: str = ""
    published: tuple[tuple[str, ...], ...] = ()  # side, figure, date, camp, published, row
    unit: str = ""  # of the published figures


def drawn(spec: Spec, label: str) -> Markup:
    """A specification as an SVG that scales with the page and says what it shows."""
    text = vl_convert.vegalite_to_svg(spec)
    size = SIZE.search(text)
    if size is None:
        raise ValueError("the drawing has no size")
    width, height = size[1], size[2]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}"'
    )
    body = text[size.end() :]
    body = re.sub(r' (?:aria-[\w-]+|role|class|pointer-events)="[^"]*"', "", body)
    body = renamed(body, f"d{crc32(label.encode()):x}")
    body = re.sub(r' font-family="[^"]*"', "", body)
    return Markup(f'{opening} style="max-width:{1.4 * float(width):.0f}px"><title>{escape(label)}</title>{body}')


def renamed(body: str, prefix: str) -> str:
    """A drawing whose inner names are its own on the page, and the same whenever it is drawn."""
    for place, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', body))):
        body = re.sub(rf'(\bid="|url\(#){re.escape(name)}(?=["\)])', rf"\g<1>{prefix}-{place}", body)
    return body
