"""Figures: one line each, as house.md says. A goal that is not met is printed as short, never hidden or lowered."""
import statistics


def figure(name, values, unit, goal, rounds="rounds"):
    """`values` holds one number a round; the median counts. `goal` is such as ">= 0.6"."""
    operator, bound = goal.split()
    median = statistics.median(values)
    met = median >= float(bound) if operator == ">=" else median <= float(bound)
    spread = f"{number(min(values))} .. {number(max(values))} over {len(values)} {rounds}"
    print(f"figure {name} {number(median)} {unit} goal {operator} {bound} {'met' if met else 'short'} ({spread})", flush=True)


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
