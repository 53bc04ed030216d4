"""Bars in panels, as an SVG that can be read on a light page and on a dark one."""
import html
import statistics

WIDTH, COLUMNS, MARGIN = 880, 2, 16
ROW, BAR, NAME, NUMBER = 19, 12, 150, 62
HEAD, TITLE = 34, 26  # of the chart, of a panel

STYLE = """
  .page { fill: #ffffff }
  text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
  .head { font-size: 14px; font-weight: 600 }
  .title { font-weight: 600 }
  .number { font-variant-numeric: tabular-nums }
  .noded { fill: #d4500f } .shipped { fill: #6e8faf } .tuned { fill: #a9bfd4 }
  .reference { fill: #c9c9c9 }
  text.noded { font-weight: 600 }
  .range { stroke: #24292f; stroke-width: 1.2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    text { fill: #e6edf3 }
    .noded { fill: #ff8c4a } .shipped { fill: #6f93b8 } .tuned { fill: #43607e }
    .reference { fill: #565d66 }
    .range { stroke: #e6edf3 }
  }
"""


class Panel:
    """bars: (label, kind, values), in the order they are drawn."""

    def __init__(self, title, bars):
        self.title, self.bars = title, bars

    def height(self):
        """In pixels."""
        return TITLE + ROW * len(self.bars) + MARGIN


def number(value):
    """Short enough for the end of a bar."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw_bar(bar, x, y, scale, width):
    """Name, bar of the median, line from the least to the most, number."""
    label, kind, values = bar
    left, middle = x + NAME, y + ROW / 2
    ends = [left + scale * value for value in (min(values), max(values))]
    name_class = ' class="noded"' if kind == "noded" else ""
    return f"""
  <text{name_class} x="{left - 6}" y="{middle + 4}" text-anchor="end">{html.escape(label)}</text>
  <rect class="{kind}" x="{left}" y="{middle - BAR / 2}" height="{BAR}" rx="1.5"
        width="{max(1, scale * statistics.median(values)):.1f}"/>
  <line class="range" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{middle}" y2="{middle}"/>
  <text class="number" x="{x + width}" y="{middle + 4}"
        text-anchor="end">{number(statistics.median(values))}</text>"""


def draw_panel(panel, x, y, width):
    """Its own scale: the longest reaches the numbers."""
    most = max(max(values) for _, _, values in panel.bars)
    scale = (width - NAME - NUMBER) / most if most > 0 else 0
    parts = [f'\n  <text class="title" x="{x}" y="{y + 16}">{html.escape(panel.title)}</text>']
    parts += [draw_bar(bar, x, y + TITLE + ROW * row, scale, width)
              for row, bar in enumerate(panel.bars)]
    return "".join(parts)


def draw(heading, panels):
    """The text of an SVG file."""
    columns = min(COLUMNS, max(1, len(panels)))
    width = (WIDTH - MARGIN * (columns + 1)) // columns
    parts, y = [], HEAD
    for first in range(0, len(panels), columns):
        row = panels[first:first + columns]
        parts += [draw_panel(panel, MARGIN + column * (width + MARGIN), y, width)
                  for column, panel in enumerate(row)]
        y += max(panel.height() for panel in row)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" \
height="{y}" role="img">
  <title>{html.escape(heading)}</title>
  <style>{STYLE}  </style>
  <rect class="page" width="{WIDTH}" height="{y}" rx="6"/>
  <text class="head" x="{MARGIN}" y="22">{html.escape(heading)}</text>{"".join(parts)}
</svg>
"""
