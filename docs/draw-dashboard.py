"""Draw Grafana's dashboard of a service from what a Prometheus has of it: needs matplotlib.

python docs/draw-dashboard.py PROJECT http://127.0.0.1:9090 ENV PICTURE.png draws the last minutes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

WIDTH, HEIGHT, STEP, BACK = 24, 21, 5, 150


def asked(url: str, expression: str, env: str, end: float) -> list[dict[str, Any]]:
    """Ask Prometheus for what was lately."""
    query = expression.replace("$environment", env).replace("$__rate_interval", "1m")
    told = urlencode({"query": query, "start": end - BACK, "end": end, "step": STEP})
    with urlopen(f"{url}/api/v1/query_range?{told}") as answer:  # noqa: S310 (who runs it says where)
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def legend(form: str, labels: dict[str, str]) -> str:
    """Fill Grafana's form of a legend in."""
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", value[:8] if name == "instance" else value)
    return form.replace("{{http_route}}", "no route")


def draw(panel: dict[str, Any], axes: Any, url: str, env: str, end: float) -> None:
    """Draw one panel."""
    axes.set_title(panel["title"], fontsize=8, loc="left")
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        for series in asked(url, target["expr"], env, end):
            name = legend(target["legendFormat"], series["metric"])
            times = [float(at) - end for at, _ in series["values"]]
            values = [float(value) for _, value in series["values"]]
            if panel["type"] == "stat":
                shown = panel["options"].get("textMode") == "name"
                text = (
                    name if shown else f"{values[-1] * (100 if unit == 'percentunit' else 1):.3g}"
                )
                words = {"percentunit": " %", "s": " s", "reqps": "/s"}.get(unit, "")
                axes.text(0.5, 0.4, text + ("" if shown else words), ha="center", fontsize=13)
                axes.axis("off")
                continue
            scale = 2**20 if unit == "bytes" else 1
            axes.plot([at / 60 for at in times], [v / scale for v in values], label=name, lw=1)
    if panel["type"] != "stat":
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=6)
        axes.set_ylabel({"bytes": "MiB", "reqps": "1/s", "none": ""}.get(unit, unit), fontsize=6)
        axes.grid(alpha=0.2)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=5, loc="upper left", framealpha=0.6)


def main(folder: str, url: str, env: str, picture: str) -> None:
    """Draw all of it where Grafana does."""
    board = json.loads((Path(folder) / "monitoring/grafana/dashboard.json").read_text())
    figure, end = plt.figure(figsize=(13, 8.2)), time.time()
    for panel in board["panels"]:
        at = panel["gridPos"]
        left, top = at["x"] / WIDTH, 1 - at["y"] / HEIGHT
        width, height = at["w"] / WIDTH, at["h"] / HEIGHT
        place = (left + 0.025, top - height + 0.03, width - 0.035, height - 0.065)
        draw(panel, figure.add_axes(place), url, env, end)
    figure.savefig(picture, dpi=75)


main(*sys.argv[1:])
