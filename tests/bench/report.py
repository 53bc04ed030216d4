"""What was measured, as a table for each group."""
import statistics

import harness


def shown(value):
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    """Median [min..max]."""
    if not values:
        return "-"
    return f"{shown(statistics.median(values))} [{shown(min(values))}..{shown(max(values))}]"


class Results:
    """Figures, and what follows from them."""

    def __init__(self, metrics, runner, began, seconds):
        self.metrics, self.runner = metrics, runner
        self.began, self.seconds = began, seconds
        self.by_name = {metric.name: metric for metric in metrics}

    def values(self, name, label, key):
        """Of all rounds; [] if there are none."""
        return self.runner.figures.get(name, {}).get(label, {}).get(key, [])

    def median(self, name, label, key):
        """None if there are none."""
        values = self.values(name, label, key)
        return statistics.median(values) if values else None

    def best(self, name, key, kinds):
        """The best median of subjects of these kinds, with its label; (None, None) without any."""
        figure = next(figure for figure in self.by_name[name].figures if figure.key == key)
        found = [(self.median(name, subject.label, key), subject.label)
                 for subject in self.by_name[name].subjects if subject.kind in kinds]
        found = [pair for pair in found if pair[0] is not None]
        return (min if figure.less else max)(found, default=(None, None))

    def ratio(self, name, key, kinds):
        """noded's median to the best of these kinds; None without either."""
        ours, best = self.median(name, "noded", key), self.best(name, key, kinds)[0]
        return ours / best if ours is not None and best else None

    def table(self, group):
        """Rows are figures, columns who was measured."""
        metrics = [metric for metric in self.metrics if metric.group == group]
        labels = []
        for metric in metrics:
            labels += [subject.label for subject in metric.subjects if subject.label not in labels
                       and subject.label in self.runner.figures.get(metric.name, {})]
        lines = ["| | " + " | ".join(labels) + " | to best shipped | to best tuned |",
                 "|---" * (len(labels) + 3) + "|"]
        for metric in metrics:
            for figure in metric.figures:
                cells = [spread(self.values(metric.name, label, figure.key)) for label in labels]
                for kinds in (("shipped",), ("tuned",)):
                    ratio = self.ratio(metric.name, figure.key, kinds)
                    cells.append(f"{ratio:.2f}" if ratio is not None else "-")
                lines.append(f"| {metric.title}: {figure.title}, {figure.unit} | "
                             + " | ".join(cells) + " |")
        return lines

    def markdown(self):
        """The whole report."""
        lines = []
        for group in dict.fromkeys(metric.group for metric in self.metrics):
            title, text = harness.GROUPS[group]
            lines += [f"## {title}", "", text, "", *self.table(group), ""]
        for (name, label), why in self.runner.failures.items():
            lines.append(f"- {name}, {label}: {why}")
        return "\n".join(lines)
