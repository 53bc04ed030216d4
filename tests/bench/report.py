"""What was measured, as tables, targets that are met or not, and charts."""
import json
import os
import platform
import statistics
import time

import chart
import harness

PEERS = ("shipped", "tuned")


def shown(value):
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    """Median [min..max]."""
    if not values:
        return "-"
    middle = shown(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} [{shown(min(values))}..{shown(max(values))}]"


def table(head, rows):
    """Markdown."""
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|",
            *("| " + " | ".join(row) + " |" for row in rows), ""]


def machine():
    """What it ran on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="utf-8") as file:
        control = file.read().strip()
    return f"{os.cpu_count()} processors ({models[0] if models else platform.machine()}), " \
           f"Linux {platform.release()}, congestion control {control}"


class Results:
    """Figures, and what follows from them."""

    def __init__(self, metrics, runner, began, seconds):
        self.metrics, self.runner = metrics, runner
        self.began, self.seconds = began, seconds
        self.by_name = {metric.name: metric for metric in metrics}
        self.groups = list(dict.fromkeys(metric.group for metric in metrics))

    def values(self, name, label, key):
        """Of all rounds; [] if there are none."""
        return self.runner.figures.get(name, {}).get(label, {}).get(key, [])

    def median(self, name, label, key):
        """None if there are none."""
        values = self.values(name, label, key)
        return statistics.median(values) if values else None

    def best(self, name, key, kinds):
        """The best median of subjects of these kinds; None without any."""
        metric = self.by_name[name]
        figure = next(figure for figure in metric.figures if figure.key == key)
        found = [self.median(name, subject.label, key) for subject in metric.subjects
                 if subject.kind in kinds]
        found = [value for value in found if value is not None]
        return (min if figure.less else max)(found, default=None)

    def ratio(self, name, key, kinds=PEERS):
        """noded's median to the best of these kinds; None without either."""
        if name not in self.by_name:
            return None
        ours, best = self.median(name, "noded", key), self.best(name, key, kinds)
        return ours / best if ours is not None and best else None

    def to(self, name, key, label, other):
        """The median of one subject to that of another."""
        ours, theirs = self.median(name, label, key), self.median(name, other, key)
        return ours / theirs if ours is not None and theirs else None

    def worst(self, prefix, key, kinds=PEERS, least=False):
        """The worst of noded's ratios of metrics that begin so, and which it was."""
        found = [(ratio, self.by_name[name].title) for name in self.by_name
                 if name.startswith(prefix) and (ratio := self.ratio(name, key, kinds)) is not None]
        return (min if least else max)(found, default=None)

    # --- tables ---

    def of_group(self, group):
        """Its metrics, and its figures as (heading, key), in order."""
        metrics = [metric for metric in self.metrics if metric.group == group]
        return metrics, list(dict.fromkeys((figure.heading(), figure.key) for metric in metrics
                                           for figure in metric.figures))

    def labels(self, metrics):
        """Who was measured, noded first."""
        labels = dict.fromkeys(subject.label for metric in metrics for subject in metric.subjects
                               if subject.label in self.runner.figures.get(metric.name, {}))
        return sorted(labels, key=lambda label: label != "noded")

    def has_ratios(self, metrics):
        """Whether there is a peer to compare with."""
        return any(self.ratio(metric.name, figure.key) for metric in metrics
                   for figure in metric.figures)

    def ratio_cell(self, metric, figure, kinds):
        """In bold where noded is ahead."""
        ratio = self.ratio(metric.name, figure.key, kinds)
        if ratio is None:
            return "-"
        ahead = ratio <= 1 if figure.less else ratio >= 1
        return f"**{ratio:.2f}**" if ahead else f"{ratio:.2f}"

    def tables(self, group):
        """One for each figure."""
        metrics, figures = self.of_group(group)
        labels, compared = self.labels(metrics), self.has_ratios(metrics)
        lines = []
        for heading, key in figures:
            rows = []
            for metric in metrics:
                figure = next((figure for figure in metric.figures
                               if (figure.heading(), figure.key) == (heading, key)), None)
                if figure:
                    cells = [spread(self.values(metric.name, label, key)) for label in labels]
                    if compared:
                        cells[1:1] = [self.ratio_cell(metric, figure, (kind,)) for kind in PEERS]
                    rows.append([metric.title, *cells])
            head = [heading, *labels]
            if compared:
                head[2:2] = ["to best as shipped", "to best tuned"]
            lines += table(head, rows)
        return lines

    def targets(self):
        """Those of the groups that were measured."""
        rows = []
        for target in harness.TARGETS:
            if target.group not in self.groups:
                continue
            value = target.value(self)
            value, which = value if isinstance(value, tuple) else (value, "")
            limit = f"{'at least' if target.least else 'at most'} {target.limit:g}"
            if value is None:
                rows.append([target.text, limit, "-", "not measured"])
                continue
            rows.append([target.text, limit, shown(value) + (f" ({which})" if which else ""),
                         "met" if target.met(value) else "**not met**"])
        return table(["Target", "", "Measured", ""], rows) if rows else []

    def subjects(self):
        """Who took part, as which version and how started."""
        seen = {subject.label: subject for metric in self.metrics for subject in metric.subjects
                if subject.kind in PEERS or subject.label == "noded"}
        rows = [[label, subject.version(), subject.how] for label, subject in seen.items()
                if any(label in figures for figures in self.runner.figures.values())]
        return table(["Who", "Version", "Started"], rows)

    def problems(self):
        """What did not work, and who was not there."""
        lines = [f"- {label}: {why}" for label, why in self.runner.missing.items()]
        lines += [f"- {name}, {label}, failed: {why}"
                  for (name, label), why in self.runner.failures.items()]
        return ["## Not measured", "", *lines, ""] if lines else []

    # --- the report ---

    def head(self):
        """Where and when."""
        options = self.runner.options
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.began))
        loads = " and ".join(f"{load:.1f}" for load in self.runner.loads)
        return [f"{machine()}. {when}, {self.seconds / 60:.0f} minutes, by `make bench`"
                f"{f', the amount of work times {options.scale:g}' if options.scale != 1 else ''}. "
                f"{options.rounds} rounds, each over all that take part; server, load and backend are "
                f"pinned to processor {options.cpus}. The load average was {loads} at the start and at "
                "the end, the bench itself being 1.", "",
                "Figures are the median of all rounds and [the least..the most]. Ratios are noded's "
                "median to that of the best peer, in bold where noded is ahead.", ""]

    def markdown(self, charts=False):
        """The whole report."""
        lines = ["# What noded costs, beside its peers", "", *self.head()]
        targets = self.targets()
        if targets:
            lines += ["## Targets", "", "A number is a ratio of noded to the best peer in this run where "
                      "nothing else is said.", "", *targets]
        for group in self.groups:
            title, text = harness.GROUPS[group]
            lines += [f"## {title}", "", text, "", *self.tables(group)]
            if charts:
                lines += [f"![{title}: {heading}](charts/{group}-{key}.svg)\n"
                          for heading, key in self.charts(group)]
        lines += self.problems() + ["## Who was measured", "", *self.subjects()]
        return "\n".join(lines).rstrip() + "\n"

    def charts(self, group):
        """The figures of a group that are drawn."""
        metrics, _ = self.of_group(group)
        return list(dict.fromkeys((figure.heading(), figure.key) for metric in metrics
                                  for figure in metric.figures if figure.chart))

    def panel(self, metric, key):
        """What one metric shows of a figure."""
        figure = next(figure for figure in metric.figures if figure.key == key)
        bars = [(subject.label, subject.kind, values) for subject in metric.subjects
                if (values := self.values(metric.name, subject.label, key))]
        bars.sort(key=lambda bar: statistics.median(bar[2]), reverse=not figure.less)
        return chart.Panel(metric.title, bars)

    def draw(self, group, heading, key):
        """One chart, a panel for each metric."""
        metrics, _ = self.of_group(group)
        drawn = [(metric, figure) for metric in metrics for figure in metric.figures
                 if figure.key == key and figure.heading() == heading]
        panels = [self.panel(metric, key) for metric, _ in drawn]
        better = "less is better" if drawn[0][1].less else "more is better"
        return chart.draw(f"{harness.GROUPS[group][0]}: {heading} ({better})",
                          [panel for panel in panels if panel.bars])

    def write(self, directory):
        """RESULTS.md and charts/; in figures.json what every single round measured."""
        (directory / "charts").mkdir(parents=True, exist_ok=True)
        (directory / "figures.json").write_text(json.dumps(self.runner.figures, indent=1) + "\n",
                                                encoding="utf-8")
        (directory / "RESULTS.md").write_text(self.markdown(charts=True), encoding="utf-8")
        for group in self.groups:
            for heading, key in self.charts(group):
                (directory / "charts" / f"{group}-{key}.svg").write_text(
                    self.draw(group, heading, key), encoding="utf-8")
