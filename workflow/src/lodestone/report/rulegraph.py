"""A workflow's rules as an inline SVG: layers from left to right, drawn without any graph program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NODE_WIDTH, NODE_HEIGHT, COLUMN, ROW, MARGIN = 144, 42, 178, 58, 8
SWEEPS = 12


@dataclass(frozen=True)
class Rule:
    """A rule of the workflow.

    Attributes
    ----------
    name : str
        As in the Snakefile.
    after : tuple of str
        Rules whose outputs it reads.
    output : str
        Report input whose back ends say what the rule ran on; empty if the report reads none of its artifacts.
    """

    name: str
    after: tuple[str, ...] = ()
    output: str = ""


def merged(rules: Iterable[Rule]) -> list[Rule]:
    """Join the rules of several studies: one that stands in several needs what it needs in any; sorted by need."""
    known: dict[str, Rule] = {}
    for rule in rules:
        same = known.get(rule.name, Rule(rule.name))
        known[rule.name] = Rule(rule.name, tuple(dict.fromkeys([*same.after, *rule.after])), same.output or rule.output)
    ordered: dict[str, Rule] = {}

    def place(name: str) -> None:
        for before in known[name].after:
            if before not in ordered:
                place(before)
        ordered[name] = known[name]

    for name in known:
        if name not in ordered:
            place(name)
    return list(ordered.values())


def draw(rules: Sequence[Rule], notes: Mapping[str, str]) -> str:
    """Draw rules and what flows between them.

    Parameters
    ----------
    rules : sequence of Rule
        In an order in which every rule follows those that it needs.
    notes : mapping of rule name to str
        Second line of a node, such as the number of jobs and their time.

    Raises
    ------
    ValueError
        A rule comes after a name that is not listed before it.
    """
    edges = essential_edges(rules)
    layer = _layers(rules)
    columns, links = _with_waypoints(rules, edges, layer)
    height = max(len(column) for column in columns)
    place = _positions(columns, links, height)
    body = [_edge(place[a], place[b], a in layer, b in layer) for a, b in links]
    body += [_node(rule.name, place[rule.name], notes.get(rule.name, "")) for rule in rules]
    width = (len(columns) - 1) * COLUMN + NODE_WIDTH + 2 * MARGIN
    tall = max(y for _, y in place.values()) + NODE_HEIGHT + MARGIN
    return (
        f'<svg class="plot" role="img" aria-label="Rules of the workflow and what they need" '
        f'viewBox="0 0 {width} {tall:.0f}" style="max-width:{width}px;min-width:{int(width * 0.72)}px">'
        f"{''.join(body)}</svg>"
    )


def essential_edges(rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Leave out every dependency that follows from the others (transitive reduction)."""
    above: dict[str, set[str]] = {}
    edges = []
    for rule in rules:
        for needed in rule.after:
            if needed not in above:
                raise ValueError(f"rule {rule.name} comes after {needed}, which is not listed before it")
        implied = set().union(*(above[needed] for needed in rule.after)) if rule.after else set()
        edges += [(needed, rule.name) for needed in rule.after if needed not in implied]
        above[rule.name] = implied | set(rule.after)
    return edges


def _layers(rules: Sequence[Rule]) -> dict[str, int]:
    """Column of each rule: one more than that of the latest rule that it needs."""
    layer: dict[str, int] = {}
    for rule in rules:
        layer[rule.name] = max((layer[needed] + 1 for needed in rule.after), default=0)
    return layer


def _with_waypoints(
    rules: Sequence[Rule], edges: Sequence[tuple[str, str]], layer: Mapping[str, int]
) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Break edges that pass over columns into steps with a waypoint in each, so that they get room of their own."""
    columns: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for rule in rules:
        columns[layer[rule.name]].append(rule.name)
    links = []
    for start, end in edges:
        last = start
        for column in range(layer[start] + 1, layer[end]):
            waypoint = f"{start}>{column}"  # edges with one start share their waypoints and run as one line
            if waypoint not in columns[column]:
                columns[column].append(waypoint)
            links.append((last, waypoint))
            last = waypoint
        links.append((last, end))
    return columns, list(dict.fromkeys(links))


def _positions(
    columns: list[list[str]], links: Sequence[tuple[str, str]], height: int
) -> dict[str, tuple[float, float]]:
    """Order each column by the mean height of its neighbours, a few sweeps to and fro, and place the nodes."""
    rank = {name: i + (height - len(column)) / 2 for column in columns for i, name in enumerate(column)}
    near: dict[str, list[str]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            wish = {n: sum(rank[o] for o in near[n]) / len(near[n]) if n in near else rank[n] for n in column}
            column.sort(key=lambda n: wish[n])
            rank.update(_spread([wish[n] for n in column], column, height))
    return {
        name: (MARGIN + i * COLUMN, MARGIN + rank[name] * ROW) for i, column in enumerate(columns) for name in column
    }


def _spread(wish: Sequence[float], names: Sequence[str], height: int) -> dict[str, float]:
    """Put nodes as near as possible to where they want to be, one row apart, inside the drawing."""
    rows: list[float] = []
    for want in wish:
        rows.append(max(want, rows[-1] + 1 if rows else 0.0))
    limit = height - 1.0
    for i in reversed(range(len(rows))):
        rows[i] = min(rows[i], limit)
        limit = rows[i] - 1
    return dict(zip(names, rows, strict=True))


def _edge(start: tuple[float, float], end: tuple[float, float], from_rule: bool, to_rule: bool) -> str:
    """Line from the right of one node to the left of the next; waypoints are passed straight through."""
    y1, y2 = start[1] + NODE_HEIGHT / 2, end[1] + NODE_HEIGHT / 2
    x1 = start[0] + (NODE_WIDTH if from_rule else 0)
    lead = "" if from_rule else f"H{start[0] + NODE_WIDTH:.1f}"
    x2, bend = end[0], (COLUMN - NODE_WIDTH) * 0.55
    x0 = start[0] + NODE_WIDTH
    curve = f"C{x0 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    head = (
        f'<path d="M{x2 - 6:.1f} {y2 - 3.5:.1f}L{x2:.1f} {y2:.1f}L{x2 - 6:.1f} {y2 + 3.5:.1f}" fill="none" '
        if to_rule
        else ""
    )
    stroke = 'style="stroke:var(--muted);stroke-width:1.2;opacity:.75"/>'
    return f'<path d="M{x1:.1f} {y1:.1f}{lead}{curve}" fill="none" {stroke}' + (head + stroke if head else "")


def _node(name: str, place: tuple[float, float], note: str) -> str:
    """Box with the name of a rule and a note under it."""
    x, y = place
    middle, first = x + NODE_WIDTH / 2, y + (17 if note else 24)
    box = f'<rect x="{x:.1f}" y="{y:.1f}" width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="8" '
    lines = _line(middle, first, "font-size:12px;fill:var(--ink);font-weight:560", name)
    if note:
        lines += _line(middle, y + 31, "font-size:10.5px;fill:var(--muted)", note)
    return f'{box}style="fill:var(--sunken);stroke:var(--grid)"/>{lines}'


def _line(x: float, y: float, look: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" style="{look}">{text}</text>'
