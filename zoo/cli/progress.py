"""What a training run shows: a bar on a terminal, one line an epoch elsewhere."""

import datetime
import time

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from . import console


class Bar:
    """Shows `zoo.training.Progress` events; a context manager, called with each event."""

    def __init__(self, quiet=False):
        self.quiet, self.live = quiet, console.err.is_terminal and not quiet
        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[rate]} examples/s  {task.fields[logs]}"),
        )
        self.bar = Progress(*columns, console=console.err, transient=True)
        self.task, self.began = None, None

    def __enter__(self):
        if self.live:
            self.bar.start()
        return self

    def __exit__(self, *problem):
        if self.live:
            self.bar.stop()

    def say(self, line):
        """A line of the collapse doctor, above the bar."""
        if not self.quiet:
            self.bar.console.print(line, markup=False)

    def __call__(self, event):
        total = event.epochs * event.steps
        done = (event.epoch - 1) * event.steps + event.step
        self.began = self.began or (time.monotonic(), done)
        fields = {"epoch": f"{event.epoch}/{event.epochs}", "rate": f"{event.rate:,.0f}", "logs": _logs(event.logs)}
        if self.live:
            if self.task is None:
                self.task = self.bar.add_task("", total=total, **fields)
            self.bar.update(self.task, completed=done, **fields)
        if event.done and not self.quiet:
            left = self.left(done, total)
            self.bar.console.print(f"epoch {fields['epoch']}  {_logs(event.logs)}  {fields['rate']} examples/s{left}")

    def left(self, done, total):
        """How long it takes from here, as it went since the first event; nothing where that cannot be said."""
        began, first = self.began
        if not first < done < total:
            return ""
        seconds = (time.monotonic() - began) / (done - first) * (total - done)
        return f"  {datetime.timedelta(seconds=round(seconds))} left"


def _logs(logs):
    return "  ".join(f"{name} {value:.5g}" for name, value in logs.items())
